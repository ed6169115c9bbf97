// sum(x) and avg(x). Sums are exact whatever the type: 128-bit integers for integers, a 192-bit integer per scale for
// numeric, parts that do not overlap for floating point (exact_sum.h), three 128-bit integers for intervals. So the
// order of rows and the cuts of epochs cannot show, and retractions are subtractions. The result is rounded once, by
// PostgreSQL's rules for the type.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "flow/aggregates.h"
#include "flow/exact_sum.h"
#include "flow/state_bytes.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr int kScaleMax = Decimal::kDigitsMax;

Value fail(std::string* error, const Type& type, bool is_average) {
  if (error) *error = fmt::format("{} is out of range for {}", is_average ? "an average" : "a sum", type.name());
  return {};
}

constexpr __int128 power_of_ten(int exponent) {
  __int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}
constexpr __int128 kCoefficientEnd = power_of_ten(Decimal::kDigitsMax);

bool fits_decimal(__int128 coefficient) {
  return coefficient < kCoefficientEnd && coefficient > -kCoefficientEnd;
}

// `sum` / `count` as numeric, with PostgreSQL's scale for a division.
Value average(const Decimal& sum, int64_t count, const Type& type, std::string* error) {
  try {
    return sum / Decimal::from_int(count);
  } catch (const Error&) {
    return fail(error, type, true);
  }
}

// Sums[group] of one kind of sum, and the number of rows. Sum has add(column, row, weight), merge, encode and
// `Value result(bool average, int64_t count, const Type&, std::string* error) const`.
template <typename Sum>
class SumAccumulator final : public Accumulator {
 public:
  SumAccumulator(const AggregateCall& call)
      : is_average_(call.kind == AggregateKind::kAvg), type_(call.type), argument_(call.arguments[0]) {}

  void resize(size_t groups) override { groups_.resize(groups); }
  void add(const AccumulatorRows& rows) override {
    const ColumnData& column = *rows.batch.columns[argument_];
    Group* groups = groups_.data();
    const auto* values = Sum::values(column);
    for_each_row(rows, [groups, values](uint32_t row, uint32_t group, int32_t weight) {
      groups[group].sum.add(values[row], weight);
      groups[group].count += weight;
    });
  }
  void merge(size_t group, std::string_view& state) override {
    groups_[group].count += take_varint(state);
    groups_[group].sum.merge(state);
  }
  void encode(size_t group, std::string& out) override {
    append_varint(out, groups_[group].count);
    groups_[group].sum.encode(out);
  }
  bool out_of_range(size_t group) const override {
    const Group& of = groups_[group];
    return of.count != 0 && Sum::kCanFail && is_null(of.sum.result(is_average_, of.count, type_, nullptr));
  }
  void clear() override { groups_.clear(); }
  size_t memory_bytes() const override { return groups_.capacity() * (sizeof(Group) + Sum::kOtherBytes); }
  Value result(std::string_view& state, std::string* error) const override {
    Group group;
    group.count = take_varint(state);
    group.sum.merge(state);
    if (group.count == 0) return {};
    return group.sum.result(is_average_, group.count, type_, error);
  }

 private:
  struct Group {
    Sum sum;
    int64_t count = 0;
  };

  bool is_average_;
  Type type_;
  size_t argument_;
  std::vector<Group> groups_;
};

struct IntegerSum {
  static constexpr bool kCanFail = true;
  static constexpr size_t kOtherBytes = 0;
  static const int64_t* values(const ColumnData& column) { return column.ints.data(); }

  __int128 sum = 0;

  void add(int64_t value, int32_t weight) { sum += static_cast<__int128>(value) * weight; }
  void merge(std::string_view& state) { sum += take_wide(state); }
  void encode(std::string& out) const { append_wide(out, sum); }
  Value result(bool is_average, int64_t count, const Type& type, std::string* error) const {
    if (type.kind == Kind::kNumeric) {
      if (!fits_decimal(sum)) return fail(error, type, is_average);
      return is_average ? average({sum, 0}, count, type, error) : Value(Decimal{sum, 0});
    }
    if (sum < std::numeric_limits<int64_t>::min() || sum > std::numeric_limits<int64_t>::max())
      return fail(error, type, is_average);
    return static_cast<int64_t>(sum);
  }
};

// A sum of 128-bit integers that does not overflow: 192 bits, two's complement.
struct LongSum {
  unsigned __int128 low = 0;
  int64_t high = 0;

  void add(__int128 value) {
    const unsigned __int128 before = low;
    low += static_cast<unsigned __int128>(value);
    high += (value < 0 ? -1 : 0) + (low < before ? 1 : 0);
  }
  bool is_zero() const { return low == 0 && high == 0; }
  // As a coefficient of 38 digits, if it fits.
  bool fits() const {
    const auto value = static_cast<__int128>(low);
    return high == (value < 0 ? -1 : 0) && fits_decimal(value);
  }
};

// A column of plain numeric has values of many scales. The result's scale is the largest of those present, as in
// PostgreSQL, and must shrink when the last value of that scale is taken back: so there is a sum and a count per scale.
struct DecimalSum {
  static constexpr bool kCanFail = true;
  static constexpr size_t kOtherBytes = 48;
  static const Decimal* values(const ColumnData& column) { return column.decimals.data(); }

  struct OfScale {
    int32_t scale = 0;
    int64_t count = 0;
    LongSum sum;
  };
  std::vector<OfScale> scales;  // ascending

  OfScale& of_scale(int32_t scale) {
    auto at = scales.begin();
    while (at != scales.end() && at->scale < scale) ++at;
    if (at == scales.end() || at->scale != scale) at = scales.insert(at, OfScale{.scale = scale});
    return *at;
  }
  void add(const Decimal& value, int32_t weight) {
    OfScale& of = of_scale(value.scale);
    of.count += weight;
    const __int128 coefficient = weight < 0 ? -value.coefficient : value.coefficient;
    for (int32_t i = std::abs(weight); i > 0; --i) of.sum.add(coefficient);
  }
  void merge(std::string_view& state) {
    const int64_t count = take_varint(state);
    if (count < 0 || count > kScaleMax + 1) throw Error(Code::kCorrupt, "a stored sum has too many scales");
    for (int64_t i = 0; i < count; ++i) {
      const int64_t scale = take_varint(state);
      if (scale < 0 || scale > kScaleMax) throw Error(Code::kCorrupt, "a stored sum has an impossible scale");
      OfScale& of = of_scale(static_cast<int32_t>(scale));
      of.count += take_varint(state);
      of.sum.high += take_varint(state);
      of.sum.add(take_wide(state));
    }
  }
  void encode(std::string& out) const {
    const auto is_empty = [](const OfScale& of) { return of.count == 0 && of.sum.is_zero(); };
    append_varint(out, static_cast<int64_t>(scales.size()) - std::ranges::count_if(scales, is_empty));
    for (const OfScale& of : scales) {
      if (is_empty(of)) continue;
      append_varint(out, of.scale);
      append_varint(out, of.count);
      // add() extends the sign of the lower half; what is written as `high` makes up for it.
      const auto low = static_cast<__int128>(of.sum.low);
      append_varint(out, of.sum.high - (low < 0 ? -1 : 0));
      append_wide(out, low);
    }
  }
  Value result(bool is_average, int64_t count, const Type& type, std::string* error) const {
    try {
      Decimal sum;
      for (const OfScale& of : scales) {
        if (of.count == 0 && of.sum.is_zero()) continue;
        if (!of.sum.fits()) return fail(error, type, is_average);
        sum = sum + Decimal{static_cast<__int128>(of.sum.low), of.scale};
      }
      if (is_average) return average(sum, count, type, error);
      return type.precision ? sum.with_scale(type.scale) : sum;
    } catch (const Error&) {
      return fail(error, type, is_average);
    }
  }
};

struct FloatSum {
  static constexpr bool kCanFail = true;
  static constexpr size_t kOtherBytes = 32;
  static const double* values(const ColumnData& column) { return column.floats.data(); }

  ExactSum sum;

  void add(double value, int32_t weight) { sum.add(value, weight); }
  void merge(std::string_view& state) { sum.merge(state); }
  void encode(std::string& out) const { sum.encode(out); }
  Value result(bool is_average, int64_t count, const Type& type, std::string* error) const {
    bool overflow = false;
    double value = sum.value(overflow);
    if (overflow) return fail(error, type, is_average);
    if (is_average) return value / static_cast<double>(count);
    if (type.kind == Kind::kReal && std::isfinite(value)) {
      value = static_cast<float>(value);
      if (std::isinf(value)) return fail(error, type, is_average);
    }
    return value;
  }
};

struct IntervalSum {
  static constexpr bool kCanFail = true;
  static constexpr size_t kOtherBytes = 0;
  static const Interval* values(const ColumnData& column) { return column.intervals.data(); }

  __int128 months = 0;
  __int128 days = 0;
  __int128 micros = 0;

  void add(const Interval& value, int32_t weight) {
    months += static_cast<__int128>(value.months) * weight;
    days += static_cast<__int128>(value.days) * weight;
    micros += static_cast<__int128>(value.micros) * weight;
  }
  void merge(std::string_view& state) {
    months += take_wide(state);
    days += take_wide(state);
    micros += take_wide(state);
  }
  void encode(std::string& out) const {
    append_wide(out, months);
    append_wide(out, days);
    append_wide(out, micros);
  }
  Value result(bool is_average, int64_t count, const Type& type, std::string* error) const {
    const auto fits = [](__int128 value, __int128 limit) { return value <= limit && value >= -limit - 1; };
    constexpr __int128 kLimit32 = std::numeric_limits<int32_t>::max();
    if (!fits(months, kLimit32) || !fits(days, kLimit32) || !fits(micros, std::numeric_limits<int64_t>::max()))
      return fail(error, type, is_average);
    const Interval sum{static_cast<int32_t>(months), static_cast<int32_t>(days), static_cast<int64_t>(micros)};
    return is_average ? divide(sum, static_cast<double>(count)) : sum;
  }

 private:
  // PostgreSQL's interval_div (timestamp.c): what is left of months becomes days of a 30-day month, what is left of
  // days becomes time.
  static Interval divide(const Interval& sum, double count) {
    const auto rounded = [](double value) { return std::rint(value * 1e6) / 1e6; };
    constexpr double kSecondsPerDay = 86'400;
    Interval result;
    result.months = static_cast<int32_t>(sum.months / count);
    result.days = static_cast<int32_t>(sum.days / count);
    const double month_days = rounded((sum.months / count - result.months) * 30);
    const auto whole_days = static_cast<int32_t>(month_days);
    double seconds = rounded((sum.days / count - result.days + month_days - whole_days) * kSecondsPerDay);
    if (std::fabs(seconds) >= kSecondsPerDay) {
      const auto days = static_cast<int32_t>(seconds / kSecondsPerDay);
      result.days += days;
      seconds -= days * kSecondsPerDay;
    }
    result.days += whole_days;
    result.micros = static_cast<int64_t>(std::rint(static_cast<double>(sum.micros) / count + seconds * 1e6));
    return result;
  }
};

}  // namespace

std::unique_ptr<Accumulator> make_sum(const AggregateCall& call, const Type& argument) {
  if (argument.is_integer()) return std::make_unique<SumAccumulator<IntegerSum>>(call);
  switch (argument.form()) {
    case Form::kDecimal: return std::make_unique<SumAccumulator<DecimalSum>>(call);
    case Form::kFloat: return std::make_unique<SumAccumulator<FloatSum>>(call);
    case Form::kInterval: return std::make_unique<SumAccumulator<IntervalSum>>(call);
    default: break;
  }
  throw Error(Code::kUnsupported, fmt::format("sum and avg do not take {}; cast it to a number", argument.name()));
}

}  // namespace headrace
