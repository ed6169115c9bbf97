// Which epoch of which flow a record batch is of: in the headers of the batch's first record. A view and its
// replacement are two flows that write to one dead stream.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "flow/frontier.h"
#include "log/record_batch.h"
#include "store/store.h"

namespace headrace {

struct EpochSpan {
  TableId flow;  // its first table, which no other flow ever has
  Frontier from;
  Frontier to;
};

struct BatchSpan {
  EpochSpan epoch;
  int64_t records_before = 0;  // of the epoch, in the partition, before the batch
};

// Nothing for a record without the headers; Error(kCorrupt) when they are damaged.
std::optional<BatchSpan> span_of(const Record& first);

class EpochHeaders {
 public:
  explicit EpochHeaders(const EpochSpan& epoch);
  // Views of what is kept here, until the next call.
  std::span<const RecordHeader> of_batch(int64_t records_before);
  // The same for the same epoch.
  uint64_t hash() const;

 private:
  std::string flow_;
  std::string from_;
  std::string to_;
  std::string records_before_;
  std::array<RecordHeader, 4> headers_;
};

}  // namespace headrace
