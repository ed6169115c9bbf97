// min, max, arg_min, arg_max and approx_count_distinct over input that takes rows back: all values are kept in a table
// (ordered_multiset.h), and the state of a group is the best of them, or how many there are. approx_count_distinct is
// then exact. Entries are encoded so that the best one comes first: for max and arg_max, the bytes of the order are
// inverted, which turns the order round because no encoded key is a prefix of another.
#include <algorithm>

#include "flow/aggregates.h"
#include "flow/key_looks.h"
#include "flow/ordered_multiset.h"
#include "flow/state_bytes.h"

namespace headrace {
namespace {

void invert(std::string& bytes, size_t from) {
  for (size_t at = from; at < bytes.size(); ++at) bytes[at] = static_cast<char>(~bytes[at]);
}

class MultisetExtreme final : public Accumulator {
 public:
  MultisetExtreme(const AggregateCall& call, const RowType& input, TableId table)
      : is_max_(call.kind == AggregateKind::kMax || call.kind == AggregateKind::kArgMax),
        has_order_(call.arguments.size() > 1),
        value_(call.arguments[0]),
        order_(call.arguments.back()),
        value_type_(input.columns[value_].type),
        order_type_(input.columns[order_].type),
        values_(table) {}

  void resize(size_t groups) override { best_.resize(groups); }

  void add(const AccumulatorRows& rows) override {
    const ColumnData& value = *rows.batch.columns[value_];
    const ColumnData& order = *rows.batch.columns[order_];
    for_each_row(rows, [&](uint32_t row, uint32_t group, int32_t weight) {
      entry_.clear();
      append_key(entry_, order, row);
      if (is_max_) invert(entry_, 0);
      if (has_order_) append_key(entry_, value, row);
      if (!key_is_faithful(value_type_)) append_value(entry_, value, row);
      values_.add(group, entry_, weight);
    });
  }

  void prepare(Epoch& epoch, std::span<const std::string_view> keys) override {
    changed_ = values_.apply(epoch, keys);
    keys_ = keys;
    store_ = &epoch.store;
  }

  void merge(size_t group, std::string_view& state) override { best_[group] = take_sized(state); }

  void encode(size_t group, std::string& out) override {
    append_sized(out, changed_.empty() ? best_[group] : best_now(group));
  }

  void clear() override {
    best_.clear();
    changed_.clear();
    values_.clear();
  }
  size_t memory_bytes() const override { return best_.capacity() * sizeof(std::string) + values_.memory_bytes(); }

  Value result(std::string_view& state, std::string*) const override {
    std::string_view entry = take_sized(state);
    if (entry.empty()) return {};
    std::string order(entry);
    if (is_max_) invert(order, 0);
    std::string_view rest = order;
    Value value = take_key(rest, order_type_);
    entry.remove_prefix(order.size() - rest.size());
    if (has_order_) value = take_key(entry, value_type_);
    return key_is_faithful(value_type_) ? value : take_value(entry, value_type_);
  }

 private:
  std::string best_now(size_t group) const {
    const OrderedMultiset::Changed& changed = changed_[group];
    std::string best = best_[group];
    if (!best.empty() && std::ranges::binary_search(changed.removed, best))
      best = values_.least_stored(*store_, keys_[group], changed);
    if (best.empty() || (!changed.least.empty() && changed.least < best)) best = changed.least;
    return best;
  }

  bool is_max_;
  bool has_order_;
  size_t value_;
  size_t order_;  // the same as value_ for min and max
  Type value_type_;
  Type order_type_;
  OrderedMultiset values_;
  std::vector<std::string> best_;  // per group: the stored best entry; empty: none
  // Of the epoch that is being finished:
  std::vector<OrderedMultiset::Changed> changed_;
  std::span<const std::string_view> keys_;
  Store* store_ = nullptr;
  std::string entry_;
};

class MultisetDistinct final : public Accumulator {
 public:
  MultisetDistinct(size_t argument, TableId table) : argument_(argument), values_(table) {}

  void resize(size_t groups) override { counts_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const ColumnData& column = *rows.batch.columns[argument_];
    for_each_row(rows, [&](uint32_t row, uint32_t group, int32_t weight) {
      entry_.clear();
      append_key(entry_, column, row);
      values_.add(group, entry_, weight);
    });
  }
  void prepare(Epoch& epoch, std::span<const std::string_view> keys) override {
    const std::vector<OrderedMultiset::Changed> changed = values_.apply(epoch, keys);
    for (size_t group = 0; group < changed.size(); ++group) counts_[group] += changed[group].distinct;
  }
  void merge(size_t group, std::string_view& state) override { counts_[group] += take_varint(state); }
  void encode(size_t group, std::string& out) override { append_varint(out, counts_[group]); }
  void clear() override {
    counts_.clear();
    values_.clear();
  }
  size_t memory_bytes() const override { return counts_.capacity() * sizeof(int64_t) + values_.memory_bytes(); }
  Value result(std::string_view& state, std::string*) const override { return take_varint(state); }

 private:
  size_t argument_;
  OrderedMultiset values_;
  std::vector<int64_t> counts_;
  std::string entry_;
};

}  // namespace

std::unique_ptr<Accumulator> make_multiset_extreme(const AggregateCall& call, const RowType& input, TableId table) {
  return std::make_unique<MultisetExtreme>(call, input, table);
}

std::unique_ptr<Accumulator> make_multiset_distinct(const AggregateCall& call, TableId table) {
  return std::make_unique<MultisetDistinct>(call.arguments.at(0), table);
}

}  // namespace headrace
