// What the calls of the API use. All of it outlives the server.
#pragma once

#include "base/metrics.h"
#include "log/log.h"
#include "views/appender.h"
#include "views/catalog.h"
#include "views/executor.h"
#include "views/registry.h"
#include "views/views.h"

namespace headrace {

struct Services {
  Log& log;
  Catalog& catalog;
  Appender& appender;
  Views& views;
  Executor& executor;
  Metrics& metrics;
  Registry& registry;
};

}  // namespace headrace
