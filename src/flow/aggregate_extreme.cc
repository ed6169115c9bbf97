// min, max, arg_min and arg_max over append-only input: the best value so far is all there is to keep. Ties must not be
// decided by arrival: among rows with the same least (greatest) order, arg_min and arg_max take the smallest value;
// among equal values that look different (1.0 and 1.00, 24 hours and 1 day), the one of the smallest parts is shown.
#include <cmath>
#include <compare>

#include "base/check.h"
#include "flow/aggregates.h"
#include "flow/state_bytes.h"
#include "schema/interval.h"
#include "schema/key.h"

namespace headrace {
namespace {

// Three-way comparison of values of one form, as schema/value.h's compare() orders them, then by how they look.
int order(int64_t left, int64_t right) {
  return left < right ? -1 : left > right;
}

int order(double left, double right) {
  const bool left_nan = std::isnan(left);
  const bool right_nan = std::isnan(right);
  if (left_nan || right_nan) return static_cast<int>(left_nan) - static_cast<int>(right_nan);
  return left < right ? -1 : left > right;
}

int order(const Decimal& left, const Decimal& right) {
  const auto result = left <=> right;
  return result < 0 ? -1 : result > 0;
}

int order(std::string_view left, std::string_view right) {
  const int result = left.compare(right);
  return result < 0 ? -1 : result > 0;
}

int order(const Interval& left, const Interval& right) {
  const __int128 left_span = interval_span(left);
  const __int128 right_span = interval_span(right);
  return left_span < right_span ? -1 : left_span > right_span;
}

int looks(int64_t, int64_t) {
  return 0;
}
int looks(double left, double right) {
  return static_cast<int>(std::signbit(right)) - static_cast<int>(std::signbit(left));
}
int looks(const Decimal& left, const Decimal& right) {
  return left.scale - right.scale;
}
int looks(std::string_view, std::string_view) {
  return 0;
}
int looks(const Interval& left, const Interval& right) {
  if (left.months != right.months) return left.months < right.months ? -1 : 1;
  return left.days < right.days ? -1 : left.days > right.days;
}

// How the values of a form are kept, and where they are in a column.
template <Form>
struct FormOf;
template <>
struct FormOf<Form::kInt> {
  using Kept = int64_t;
  static const int64_t* in(const ColumnData& column) { return column.ints.data(); }
};
template <>
struct FormOf<Form::kFloat> {
  using Kept = double;
  static const double* in(const ColumnData& column) { return column.floats.data(); }
};
template <>
struct FormOf<Form::kDecimal> {
  using Kept = Decimal;
  static const Decimal* in(const ColumnData& column) { return column.decimals.data(); }
};
template <>
struct FormOf<Form::kBytes> {
  using Kept = std::string;
  static const std::string_view* in(const ColumnData& column) { return column.bytes.data(); }
};
template <>
struct FormOf<Form::kInterval> {
  using Kept = Interval;
  static const Interval* in(const ColumnData& column) { return column.intervals.data(); }
};

template <Form form>
class Extreme final : public Accumulator {
  using Kept = typename FormOf<form>::Kept;

 public:
  Extreme(bool is_max, const Type& type, size_t argument) : is_max_(is_max), type_(type), argument_(argument) {}

  void resize(size_t groups) override { groups_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const auto* values = FormOf<form>::in(*rows.batch.columns[argument_]);
    Group* groups = groups_.data();
    const auto add_all = [&]<bool is_max>() {
      for_each_row(rows, [groups, values](uint32_t row, uint32_t group, int32_t weight) {
        check(weight > 0, "append-only input takes nothing back");
        groups[group].template offer<is_max>(values[row]);
      });
    };
    is_max_ ? add_all.template operator()<true>() : add_all.template operator()<false>();
  }
  void merge(size_t group, std::string_view& state) override {
    if (take_bytes(state, 1)[0] == 0) return;
    const Value value = take_value(state, type_);
    if (is_null(value)) throw Error(Code::kCorrupt, "a stored extreme is NULL");
    const Kept& kept = std::get<Kept>(value);
    is_max_ ? groups_[group].template offer<true>(kept) : groups_[group].template offer<false>(kept);
  }
  void encode(size_t group, std::string& out) override {
    out.push_back(groups_[group].has ? 1 : 0);
    if (groups_[group].has) append_value(out, Value(groups_[group].best), type_);
  }
  void clear() override { groups_.clear(); }
  size_t memory_bytes() const override { return groups_.capacity() * sizeof(Group); }
  Value result(std::string_view& state, std::string*) const override {
    return take_bytes(state, 1)[0] == 0 ? Value() : take_value(state, type_);
  }

 private:
  struct Group {
    Kept best{};
    bool has = false;

    template <bool is_max, typename T>
    void offer(const T& value) {
      if (has) {
        const int compared = is_max ? order(best, value) : order(value, best);
        if (compared > 0 || (compared == 0 && looks(value, best) >= 0)) return;
      }
      best = value;
      has = true;
    }
  };

  bool is_max_;
  Type type_;
  size_t argument_;
  std::vector<Group> groups_;
};

template <Form value_form, Form order_form>
class ArgExtreme final : public Accumulator {
  using KeptValue = typename FormOf<value_form>::Kept;
  using KeptOrder = typename FormOf<order_form>::Kept;

 public:
  ArgExtreme(bool is_max, const AggregateCall& call, const RowType& input)
      : is_max_(is_max),
        value_type_(input.columns[call.arguments[0]].type),
        order_type_(input.columns[call.arguments[1]].type),
        value_(call.arguments[0]),
        order_(call.arguments[1]) {}

  void resize(size_t groups) override { groups_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const auto* values = FormOf<value_form>::in(*rows.batch.columns[value_]);
    const auto* orders = FormOf<order_form>::in(*rows.batch.columns[order_]);
    Group* groups = groups_.data();
    const auto add_all = [&]<bool is_max>() {
      for_each_row(rows, [groups, values, orders](uint32_t row, uint32_t group, int32_t weight) {
        check(weight > 0, "append-only input takes nothing back");
        groups[group].template offer<is_max>(values[row], orders[row]);
      });
    };
    is_max_ ? add_all.template operator()<true>() : add_all.template operator()<false>();
  }
  void merge(size_t group, std::string_view& state) override {
    if (take_bytes(state, 1)[0] == 0) return;
    const Value order = take_value(state, order_type_);
    const Value value = take_value(state, value_type_);
    if (is_null(order) || is_null(value)) throw Error(Code::kCorrupt, "a stored extreme is NULL");
    const KeptOrder& kept_order = std::get<KeptOrder>(order);
    const KeptValue& kept_value = std::get<KeptValue>(value);
    is_max_ ? groups_[group].template offer<true>(kept_value, kept_order)
            : groups_[group].template offer<false>(kept_value, kept_order);
  }
  void encode(size_t group, std::string& out) override {
    const Group& of = groups_[group];
    out.push_back(of.has ? 1 : 0);
    if (!of.has) return;
    append_value(out, Value(of.order), order_type_);
    append_value(out, Value(of.value), value_type_);
  }
  void clear() override { groups_.clear(); }
  size_t memory_bytes() const override { return groups_.capacity() * sizeof(Group); }
  Value result(std::string_view& state, std::string*) const override {
    if (take_bytes(state, 1)[0] == 0) return {};
    take_value(state, order_type_);
    return take_value(state, value_type_);
  }

 private:
  struct Group {
    KeptOrder order{};
    KeptValue value{};
    bool has = false;

    template <bool is_max, typename V, typename O>
    void offer(const V& new_value, const O& new_order) {
      if (has) {
        const int compared = is_max ? headrace::order(order, new_order) : headrace::order(new_order, order);
        if (compared > 0) return;
        if (compared == 0) {
          const int values = headrace::order(new_value, value);
          if (values > 0 || (values == 0 && looks(new_value, value) >= 0)) return;
        }
      }
      order = new_order;
      value = new_value;
      has = true;
    }
  };

  bool is_max_;
  Type value_type_;
  Type order_type_;
  size_t value_;
  size_t order_;
  std::vector<Group> groups_;
};

// Calls `use.operator()<form>()`.
template <typename Use>
std::unique_ptr<Accumulator> with_form(Form form, Use use) {
  switch (form) {
    case Form::kInt: return use.template operator()<Form::kInt>();
    case Form::kFloat: return use.template operator()<Form::kFloat>();
    case Form::kDecimal: return use.template operator()<Form::kDecimal>();
    case Form::kBytes: return use.template operator()<Form::kBytes>();
    case Form::kInterval: break;
  }
  return use.template operator()<Form::kInterval>();
}

}  // namespace

std::unique_ptr<Accumulator> make_extreme(const AggregateCall& call, const RowType& input) {
  const bool is_max = call.kind == AggregateKind::kMax || call.kind == AggregateKind::kArgMax;
  const Type& value_type = input.columns[call.arguments.at(0)].type;
  if (call.kind == AggregateKind::kMin || call.kind == AggregateKind::kMax) {
    return with_form(value_type.form(), [&]<Form form>() -> std::unique_ptr<Accumulator> {
      return std::make_unique<Extreme<form>>(is_max, value_type, call.arguments[0]);
    });
  }
  return with_form(value_type.form(), [&]<Form value_form>() {
    const Form order_form = input.columns[call.arguments.at(1)].type.form();
    return with_form(order_form, [&]<Form order_form_>() -> std::unique_ptr<Accumulator> {
      return std::make_unique<ArgExtreme<value_form, order_form_>>(is_max, call, input);
    });
  });
}

}  // namespace headrace
