// The log's id of a topic, as Kafka's messages have it.
#pragma once

#include "base/bytes.h"
#include "kafka/wire.h"
#include "log/log.h"

namespace headrace::kafka {

inline Uuid uuid_of(const TopicId& id) {
  Uuid uuid;
  char* const bytes = reinterpret_cast<char*>(uuid.bytes.data());
  store_big_endian(bytes, id.high);
  store_big_endian(bytes + sizeof id.high, id.low);
  return uuid;
}

inline TopicId topic_id_of(const Uuid& uuid) {
  const char* const bytes = reinterpret_cast<const char*>(uuid.bytes.data());
  return {load_big_endian<uint64_t>(bytes), load_big_endian<uint64_t>(bytes + sizeof(uint64_t))};
}

}  // namespace headrace::kafka
