#include "kafka/wire_header.h"

#include "kafka/messages/api_versions.h"
#include "kafka/messages/served_apis.h"

namespace headrace::kafka {
namespace {

bool is_flexible(int16_t api_key, int16_t api_version) {
  const ServedApi* const api = find_served_api(api_key);
  return api && api_version >= api->first_flexible;
}

}  // namespace

void RequestHeader::read(KafkaReader& in) {
  in.set_flexible(false);
  api_key = in.int16();
  api_version = in.int16();
  correlation_id = in.int32();
  client_id = in.nullable_string();
  in.set_flexible(is_flexible(api_key, api_version));
  in.skip_tags();
}

void RequestHeader::write(KafkaWriter& out) const {
  out.set_flexible(false);
  out.int16(api_key);
  out.int16(api_version);
  out.int32(correlation_id);
  out.nullable_string(client_id);
  out.set_flexible(is_flexible(api_key, api_version));
  out.no_tags();
}

void ResponseHeader::read(KafkaReader& in, int16_t api_key, int16_t api_version) {
  correlation_id = in.int32();
  in.set_flexible(is_flexible(api_key, api_version));
  if (api_key != ApiVersionsResponse::kKey) in.skip_tags();
}

void ResponseHeader::write(KafkaWriter& out, int16_t api_key, int16_t api_version) const {
  out.int32(correlation_id);
  out.set_flexible(is_flexible(api_key, api_version));
  if (api_key != ApiVersionsResponse::kKey) out.no_tags();
}

}  // namespace headrace::kafka
