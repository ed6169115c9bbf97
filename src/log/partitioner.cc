// Kafka's default partitioner: org.apache.kafka.common.utils.Utils.murmur2, which is Austin Appleby's MurmurHash2 with
// Kafka's seed. Producers of every language compute it, so that one key has one partition whoever writes it.
#include <cstring>

#include "log/record_batch.h"

namespace headrace {
namespace {

uint32_t murmur2(std::string_view key) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
  const char* at = key.data();
  size_t left = key.size();
  for (; left >= 4; left -= 4, at += 4) {
    uint32_t word;
    std::memcpy(&word, at, sizeof word);
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  const auto byte = [at](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])); };
  switch (left) {
    case 3: hash ^= byte(2) << 16; [[fallthrough]];
    case 2: hash ^= byte(1) << 8; [[fallthrough]];
    case 1: hash = (hash ^ byte(0)) * kMultiplier; break;
    default: break;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

}  // namespace

PartitionId partition_of(std::string_view key, PartitionId partitions) {
  return static_cast<PartitionId>((murmur2(key) & 0x7fffffff) % static_cast<uint32_t>(partitions));
}

}  // namespace headrace
