// approx_count_distinct(x) over append-only input: a HyperLogLog sketch per group, of hashes of the value's key, so
// that equal values count once however they are written (1.0 and 1.00).
#include <cmath>

#include "flow/aggregates.h"
#include "flow/hyperloglog.h"
#include "schema/key.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace {
namespace {

class Distinct final : public Accumulator {
 public:
  explicit Distinct(size_t argument) : argument_(argument) {}

  void resize(size_t groups) override { sketches_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const ColumnData& column = *rows.batch.columns[argument_];
    for_each_row(rows, [this, &column](uint32_t row, uint32_t group, int32_t) {
      key_.clear();
      append_key(key_, column, row);
      sketches_[group].add(XXH3_64bits(key_.data(), key_.size()));
    });
  }
  void merge(size_t group, std::string_view& state) override { sketches_[group].merge(state); }
  void encode(size_t group, std::string& out) override { sketches_[group].encode(out); }
  void clear() override { sketches_.clear(); }
  size_t memory_bytes() const override {
    size_t bytes = sketches_.capacity() * sizeof(HyperLogLog);
    for (const HyperLogLog& sketch : sketches_) bytes += sketch.memory_bytes();
    return bytes;
  }
  Value result(std::string_view& state, std::string*) const override {
    return static_cast<int64_t>(std::llround(HyperLogLog::estimate(state)));
  }

 private:
  size_t argument_;
  std::vector<HyperLogLog> sketches_;
  std::string key_;
};

}  // namespace

std::unique_ptr<Accumulator> make_distinct(const AggregateCall& call) {
  return std::make_unique<Distinct>(call.arguments.at(0));
}

}  // namespace headrace
