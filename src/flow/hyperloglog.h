// HyperLogLog: how many different values there were, within about 1.6 % (1.04 / sqrt(4096)), in at most 3 KB, whatever
// their number, order and repetition (Flajolet et al. 2007). Few values are kept as a sorted list of the registers that
// are set, which is exact up to hash collisions. The estimate is the improved raw estimator of Ertl, "New cardinality
// estimation algorithms for HyperLogLog sketches" (2017, algorithm 6), which needs no tables and no change of formula
// between small and large counts.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

class HyperLogLog {
 public:
  static constexpr int kPrecision = 12;
  static constexpr size_t kRegisters = size_t{1} << kPrecision;
  static constexpr size_t kSparseMax = 384;  // entries; beyond it all registers are kept

  // `hash` is a good 64-bit hash of the value.
  void add(uint64_t hash) {
    const auto index = static_cast<uint32_t>(hash >> (64 - kPrecision));
    // The position of the first 1 among the other 52 bits, from 1; 53 if there is none.
    const auto rank = static_cast<uint8_t>(std::countl_zero(hash << kPrecision | uint64_t{1} << (kPrecision - 1)) + 1);
    add_register(index, rank);
  }

  // Takes an encoded sketch off the front of `bytes` and merges it. Throws Error(kCorrupt).
  void merge(std::string_view& bytes);
  void encode(std::string& out) const;
  double estimate() const;
  // The estimate of an encoded sketch, which is taken off the front of `bytes`.
  static double estimate(std::string_view& bytes);
  size_t memory_bytes() const { return sparse_.capacity() * sizeof(uint32_t) + dense_.capacity(); }

 private:
  void add_register(uint32_t index, uint8_t rank) {
    if (!dense_.empty()) {
      if (dense_[index] < rank) dense_[index] = rank;
    } else {
      add_sparse(index, rank);
    }
  }
  void add_sparse(uint32_t index, uint8_t rank);
  void make_dense();

  std::vector<uint32_t> sparse_;  // index << 6 | rank, sorted, one per index
  std::vector<uint8_t> dense_;    // kRegisters ranks, or empty while the sketch is sparse
};

}  // namespace headrace
