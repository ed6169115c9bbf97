// What stands before every request and response body, after the four bytes of the frame's length. A request's header
// says which encoding follows; flexible versions add tagged fields to it, and its client id is never in the compact
// form, so that a broker can read it before it knows the version.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "kafka/wire.h"

namespace headrace::kafka {

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;

  // Header version 2 where the API's version is flexible, otherwise 1. Of an API that is not served only the fixed part
  // can be read: what follows it stays in `in`. The reader and the writer are left ready for the body.
  void read(KafkaReader& in);
  void write(KafkaWriter& out) const;
};

struct ResponseHeader {
  int32_t correlation_id = 0;

  // Header version 1 where the API's version is flexible, otherwise 0; always 0 for ApiVersions.
  void read(KafkaReader& in, int16_t api_key, int16_t api_version);
  void write(KafkaWriter& out, int16_t api_key, int16_t api_version) const;
};

}  // namespace headrace::kafka
