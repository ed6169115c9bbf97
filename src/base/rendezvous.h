// Highest-random-weight (rendezvous) hashing, by Thaler and Ravishankar, 1998: everyone who knows the names of the
// nodes agrees, without a table, on who owns a name; and when a node comes or goes, only the names that it gets or had
// move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace headrace {

// A hash that is the same in every version, on every machine: it decides where things are.
uint64_t stable_hash(std::string_view bytes);

// The index in [0, nodes) that owns `name`; nodes > 0.
size_t rendezvous_owner(std::string_view name, size_t nodes);
// The same for nodes that have names, in any order. `nodes` is not empty.
size_t rendezvous_owner(std::string_view name, std::span<const std::string> nodes);

}  // namespace headrace
