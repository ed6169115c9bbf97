// HyperLogLog: how many different values there were, within about 1.6 % (1.04 / sqrt(4096)), in at most 3 KB, whatever
// their number, order and repetition (Flajolet et al. 2007). The first 384 are kept as a sorted list of what a sketch
// with 2^26 registers would hold, and counted: of 900 full lists one takes two values for one, of a million lists of
// ten not one. (HyperLogLog++, Heule et al. 2013, begins likewise.) Beyond, the estimate is the improved raw estimator
// of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017, algorithm 6), which needs no tables
// and no change of formula between small and large counts.
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
  static constexpr int kRankBits = 6;
  static constexpr int kSparsePrecision = 32 - kRankBits;
  static constexpr size_t kSparseMax = 384;  // entries; beyond it all registers are kept

  // `hash` is a good 64-bit hash of the value.
  void add(uint64_t hash) {
    // The position of the first 1 behind the register's bits, from 1; 53 if there is none.
    const auto rank = static_cast<uint8_t>(std::countl_zero(hash << kPrecision | uint64_t{1} << (kPrecision - 1)) + 1);
    if (dense_.empty())
      add_sparse(static_cast<uint32_t>(hash >> (64 - kSparsePrecision)) << kRankBits | rank);
    else
      add_register(static_cast<uint32_t>(hash >> (64 - kPrecision)), rank);
  }

  // Takes an encoded sketch off the front of `bytes` and merges it. Throws Error(kCorrupt).
  void merge(std::string_view& bytes);
  void encode(std::string& out) const;
  double estimate() const;
  // The estimate of an encoded sketch, which is taken off the front of `bytes`.
  static double estimate(std::string_view& bytes);
  size_t memory_bytes() const { return sparse_.capacity() * sizeof(uint32_t) + dense_.capacity(); }

 private:
  void add_sparse(uint32_t entry);
  void add_register(uint32_t index, uint8_t rank) {
    if (dense_[index] < rank) dense_[index] = rank;
  }
  void add_to_registers(uint32_t entry);
  void make_dense();

  std::vector<uint32_t> sparse_;  // the first kSparsePrecision bits of the hash, which differ, and its rank; sorted
  std::vector<uint8_t> dense_;    // kRegisters ranks, or empty while the sketch is sparse
};

}  // namespace headrace
