// How far a flow has read each of its inputs: for each source, the offset of the next record of each partition. A view
// at a frontier equals its query over exactly the records before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"

namespace headrace {

struct Frontier {
  std::vector<std::vector<Offset>> offsets;  // by source index, by partition

  bool operator==(const Frontier&) const = default;
  // True when this frontier has everything that `other` has, of the same sources. Missing partitions count as 0.
  bool covers(const Frontier& other) const;

  std::string encode() const;
  // Throws Error(kCorrupt).
  static Frontier decode(std::string_view bytes);
};

// The position that an append reached, as the client gets it: "flights@0:1200,3:1188". The offsets are ends. The
// position of a view also says of which version of the view it is, "flights@0:1200,3:1188~64": what one version has
// shown up to there says nothing of another.
struct Token {
  std::string stream;
  std::vector<std::pair<PartitionId, Offset>> ends;
  std::optional<uint32_t> version = std::nullopt;

  std::string to_string() const;
  // Throws Error(kInvalid).
  static Token parse(std::string_view text);
};

}  // namespace headrace
