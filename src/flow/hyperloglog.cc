#include "flow/hyperloglog.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "flow/state_bytes.h"

namespace headrace {
namespace {

constexpr int kRankMax = 64 - HyperLogLog::kPrecision + 1;  // 53
constexpr int kRankBits = HyperLogLog::kRankBits;
constexpr uint32_t kRankMask = (1 << kRankBits) - 1;
constexpr size_t kDenseBytes = HyperLogLog::kRegisters * kRankBits / 8;

enum class Layout : uint8_t { kDense = 1, kSparse = 2 };  // 0 was a list of registers, which did not count exactly

using Histogram = std::array<uint32_t, kRankMax + 1>;  // how many registers have each rank

double sigma(double x) {
  if (x == 1) return INFINITY;
  double weight = 1;
  double sum = x;
  for (double before = -1; sum != before;) {
    before = sum;
    x *= x;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double before = -1; sum != before;) {
    before = sum;
    x = std::sqrt(x);
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

double estimate_of(const Histogram& histogram) {
  constexpr double kCount = HyperLogLog::kRegisters;
  if (histogram[0] == HyperLogLog::kRegisters) return 0;
  double z = kCount * tau(1 - histogram[kRankMax] / kCount);
  for (int rank = kRankMax - 1; rank >= 1; --rank) z = 0.5 * (z + histogram[static_cast<size_t>(rank)]);
  z += kCount * sigma(histogram[0] / kCount);
  return kCount * kCount / (2 * std::log(2.0)) / z;
}

Layout take_layout(std::string_view& bytes) {
  const auto layout = static_cast<Layout>(take_bytes(bytes, 1)[0]);
  if (layout != Layout::kSparse && layout != Layout::kDense)
    throw Error(Code::kCorrupt, "a stored HyperLogLog sketch has an unknown layout");
  return layout;
}

// Calls `use(entry)` for each entry of an encoded sparse sketch, in order.
template <typename Use>
void for_each_entry(std::string_view& bytes, Use use) {
  const int64_t count = take_varint(bytes);
  if (count < 0 || count > static_cast<int64_t>(HyperLogLog::kSparseMax))
    throw Error(Code::kCorrupt, "a stored HyperLogLog sketch has too many entries");
  int64_t entry = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t step = take_varint(bytes);
    if (step <= 0 || step > UINT32_MAX - entry)
      throw Error(Code::kCorrupt, "a stored HyperLogLog sketch is not in order");
    entry += step;
    const int64_t rank = entry & kRankMask;
    if (rank == 0 || rank > kRankMax)
      throw Error(Code::kCorrupt, "a stored HyperLogLog sketch has an impossible entry");
    use(static_cast<uint32_t>(entry));
  }
}

// Calls `use(index, rank)` for each register of an encoded dense sketch that is set, in order of the index.
template <typename Use>
void for_each_register(std::string_view& bytes, Use use) {
  const std::string_view packed = take_bytes(bytes, kDenseBytes);
  for (size_t at = 0, index = 0; at < kDenseBytes; at += 3, index += 4) {
    const uint32_t word = static_cast<uint8_t>(packed[at]) |
                          static_cast<uint32_t>(static_cast<uint8_t>(packed[at + 1])) << 8 |
                          static_cast<uint32_t>(static_cast<uint8_t>(packed[at + 2])) << 16;
    for (uint32_t i = 0; i < 4; ++i) {
      const auto rank = static_cast<uint8_t>(word >> (i * kRankBits) & kRankMask);
      if (rank > kRankMax) throw Error(Code::kCorrupt, "a stored HyperLogLog sketch has an impossible register");
      if (rank) use(static_cast<uint32_t>(index) + i, rank);
    }
  }
}

}  // namespace

void HyperLogLog::add_sparse(uint32_t entry) {
  const uint32_t first_bits = entry & ~kRankMask;
  auto at = std::lower_bound(sparse_.begin(), sparse_.end(), first_bits);
  if (at != sparse_.end() && (*at & ~kRankMask) == first_bits) {
    *at = std::max(*at, entry);
    return;
  }
  if (sparse_.size() == kSparseMax) {
    make_dense();
    add_to_registers(entry);
    return;
  }
  sparse_.insert(at, entry);
}

void HyperLogLog::add_to_registers(uint32_t entry) {
  add_register(entry >> (kSparsePrecision - kPrecision + kRankBits), static_cast<uint8_t>(entry & kRankMask));
}

void HyperLogLog::make_dense() {
  dense_.assign(kRegisters, 0);
  for (const uint32_t entry : sparse_) add_to_registers(entry);
  sparse_ = {};
}

void HyperLogLog::merge(std::string_view& bytes) {
  if (take_layout(bytes) == Layout::kSparse) {
    for_each_entry(bytes, [this](uint32_t entry) {
      if (dense_.empty())
        add_sparse(entry);
      else
        add_to_registers(entry);
    });
  } else {
    if (dense_.empty()) make_dense();
    for_each_register(bytes, [this](uint32_t index, uint8_t rank) { add_register(index, rank); });
  }
}

void HyperLogLog::encode(std::string& out) const {
  if (dense_.empty()) {
    out.push_back(static_cast<char>(Layout::kSparse));
    append_varint(out, static_cast<int64_t>(sparse_.size()));
    uint32_t before = 0;
    for (const uint32_t entry : sparse_) {
      append_varint(out, entry - before);
      before = entry;
    }
    return;
  }
  out.push_back(static_cast<char>(Layout::kDense));
  const size_t start = out.size();
  out.resize(start + kDenseBytes);
  char* to = out.data() + start;
  for (size_t index = 0; index < kRegisters; index += 4) {
    const uint32_t word = dense_[index] | static_cast<uint32_t>(dense_[index + 1]) << 6 |
                          static_cast<uint32_t>(dense_[index + 2]) << 12 |
                          static_cast<uint32_t>(dense_[index + 3]) << 18;
    *to++ = static_cast<char>(word);
    *to++ = static_cast<char>(word >> 8);
    *to++ = static_cast<char>(word >> 16);
  }
}

double HyperLogLog::estimate() const {
  if (dense_.empty()) return static_cast<double>(sparse_.size());
  Histogram histogram{};
  for (const uint8_t rank : dense_) ++histogram[rank];
  return estimate_of(histogram);
}

double HyperLogLog::estimate(std::string_view& bytes) {
  uint32_t set = 0;
  if (take_layout(bytes) == Layout::kSparse) {
    for_each_entry(bytes, [&set](uint32_t) { ++set; });
    return set;
  }
  Histogram histogram{};
  for_each_register(bytes, [&](uint32_t, uint8_t rank) {
    ++histogram[rank];
    ++set;
  });
  histogram[0] = static_cast<uint32_t>(kRegisters) - set;
  return estimate_of(histogram);
}

}  // namespace headrace
