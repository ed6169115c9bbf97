// count(*), count(x), bool_and(x), bool_or(x): two counters at most, so retractions are subtractions.
#include "flow/aggregates.h"
#include "flow/state_bytes.h"

namespace headrace {
namespace {

class Count final : public Accumulator {
 public:
  void resize(size_t groups) override { counts_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    int64_t* counts = counts_.data();
    for_each_row(rows, [counts](uint32_t, uint32_t group, int32_t weight) { counts[group] += weight; });
  }
  void merge(size_t group, std::string_view& state) override { counts_[group] += take_varint(state); }
  void encode(size_t group, std::string& out) override { append_varint(out, counts_[group]); }
  void clear() override { counts_.clear(); }
  size_t memory_bytes() const override { return counts_.capacity() * sizeof(int64_t); }
  Value result(std::string_view& state, std::string*) const override { return take_varint(state); }

 private:
  std::vector<int64_t> counts_;
};

class Bool final : public Accumulator {
 public:
  Bool(bool is_and, size_t argument) : is_and_(is_and), argument_(argument) {}

  void resize(size_t groups) override { counts_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const int64_t* values = rows.batch.columns[argument_]->ints.data();
    for_each_row(rows, [this, values](uint32_t row, uint32_t group, int32_t weight) {
      (values[row] ? counts_[group].yes : counts_[group].no) += weight;
    });
  }
  void merge(size_t group, std::string_view& state) override {
    counts_[group].yes += take_varint(state);
    counts_[group].no += take_varint(state);
  }
  void encode(size_t group, std::string& out) override {
    append_varint(out, counts_[group].yes);
    append_varint(out, counts_[group].no);
  }
  void clear() override { counts_.clear(); }
  size_t memory_bytes() const override { return counts_.capacity() * sizeof(Counts); }
  Value result(std::string_view& state, std::string*) const override {
    const int64_t yes = take_varint(state);
    const int64_t no = take_varint(state);
    if (yes + no == 0) return {};
    return static_cast<int64_t>(is_and_ ? no == 0 : yes > 0);
  }

 private:
  struct Counts {
    int64_t yes = 0;
    int64_t no = 0;
  };

  bool is_and_;
  size_t argument_;
  std::vector<Counts> counts_;
};

}  // namespace

std::unique_ptr<Accumulator> make_count(const AggregateCall&) {
  return std::make_unique<Count>();
}

std::unique_ptr<Accumulator> make_bool(const AggregateCall& call) {
  return std::make_unique<Bool>(call.kind == AggregateKind::kBoolAnd, call.arguments.at(0));
}

}  // namespace headrace
