// Diagnostics for the people who run Headrace ("log" is the commit log). One line per event on standard error.
#pragma once

#include "spdlog/spdlog.h"

namespace headrace::trace {

using spdlog::critical;
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

}  // namespace headrace::trace
