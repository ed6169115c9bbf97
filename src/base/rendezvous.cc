#include "base/rendezvous.h"

#include "base/check.h"

namespace headrace {
namespace {

// The finalizer of splitmix64: every bit of the input changes half of the bits of the output.
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

template <typename WeightOf>
size_t heaviest(size_t nodes, WeightOf weight_of) {
  check(nodes > 0, "there is a node to own a name");
  size_t owner = 0;
  uint64_t weight_max = weight_of(0);
  for (size_t node = 1; node < nodes; ++node) {
    const uint64_t weight = weight_of(node);
    if (weight > weight_max) {
      weight_max = weight;
      owner = node;
    }
  }
  return owner;
}

}  // namespace

uint64_t stable_hash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return mix(hash);
}

size_t rendezvous_owner(std::string_view name, size_t nodes) {
  const uint64_t hash = stable_hash(name);
  return heaviest(nodes, [&](size_t node) { return mix(hash ^ mix(node + 0x9e3779b97f4a7c15)); });
}

size_t rendezvous_owner(std::string_view name, std::span<const std::string> nodes) {
  const uint64_t hash = stable_hash(name);
  return heaviest(nodes.size(), [&](size_t node) { return mix(hash ^ stable_hash(nodes[node])); });
}

}  // namespace headrace
