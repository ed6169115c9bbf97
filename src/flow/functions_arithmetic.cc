// + - * / % and unary minus on numbers. What overflows is an error, never a wrong number. smallint and integer are
// computed in 64 bits, where they cannot overflow, and then checked; real is computed in double precision and rounded,
// which for these operations gives the same as computing in float (the double has more than twice the digits).
#include <cmath>
#include <limits>

#include "flow/functions_kernel.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

constexpr const char* kDivisionByZero = "division by zero";

template <typename T>
constexpr const char* out_of_range() {
  if constexpr (sizeof(T) == 2) return "smallint out of range";
  if constexpr (sizeof(T) == 4) return "integer out of range";
  return "bigint out of range";
}

// T is the integer type whose range the result must be in; values are held in 64 bits.
template <typename T>
const char* check_range(int64_t value, int64_t& out) {
  out = value;
  return value == static_cast<T>(value) ? nullptr : out_of_range<T>();
}

struct Plus {};
struct Minus {};
struct Times {};
struct Divide {};
struct Modulo {};

template <typename T, typename Operator>
struct IntOperation {
  const char* operator()(int64_t left, int64_t right, int64_t& out) const {
    if constexpr (std::is_same_v<Operator, Divide> || std::is_same_v<Operator, Modulo>) {
      return divide(left, right, out);
    } else if constexpr (sizeof(T) < 8) {
      return check_range<T>(small(left, right), out);
    } else {
      return large(left, right, out) ? out_of_range<T>() : nullptr;
    }
  }

 private:
  // Rows that need no value may hold anything, so the narrow sums wrap instead of being undefined.
  static int64_t small(int64_t left, int64_t right) {
    const auto l = static_cast<uint64_t>(left);
    const auto r = static_cast<uint64_t>(right);
    if constexpr (std::is_same_v<Operator, Plus>) return static_cast<int64_t>(l + r);
    if constexpr (std::is_same_v<Operator, Minus>) return static_cast<int64_t>(l - r);
    return static_cast<int64_t>(l * r);
  }
  static bool large(int64_t left, int64_t right, int64_t& out) {
    if constexpr (std::is_same_v<Operator, Plus>) return __builtin_add_overflow(left, right, &out);
    if constexpr (std::is_same_v<Operator, Minus>) return __builtin_sub_overflow(left, right, &out);
    return __builtin_mul_overflow(left, right, &out);
  }
  static const char* divide(int64_t left, int64_t right, int64_t& out) {
    if (right == 0) return kDivisionByZero;
    if constexpr (std::is_same_v<Operator, Modulo>) {
      out = right == -1 ? 0 : left % right;  // the smallest number % -1 would trap
      return nullptr;
    }
    if (right == -1) {
      if (__builtin_sub_overflow(int64_t{0}, left, &out)) return out_of_range<T>();
      return check_range<T>(out, out);
    }
    out = left / right;
    return nullptr;
  }
};

template <typename T, typename Operator>
struct FloatOperation {
  const char* operator()(double left, double right, double& out) const {
    if constexpr (std::is_same_v<Operator, Divide>) {
      if (right == 0 && left == left) return kDivisionByZero;
    }
    const double value = compute(left, right);
    out = static_cast<T>(value);
    const bool overflow = std::isinf(out) && !std::isinf(left) && !std::isinf(right);
    bool underflow = false;
    if constexpr (std::is_same_v<Operator, Times>) underflow = out == 0 && left != 0 && right != 0;
    if constexpr (std::is_same_v<Operator, Divide>) underflow = out == 0 && left != 0 && !std::isinf(right);
    return overflow ? "value out of range: overflow" : underflow ? "value out of range: underflow" : nullptr;
  }

 private:
  static double compute(double left, double right) {
    if constexpr (std::is_same_v<Operator, Plus>) return left + right;
    if constexpr (std::is_same_v<Operator, Minus>) return left - right;
    if constexpr (std::is_same_v<Operator, Times>) return left * right;
    if (right == 0) return left;  // NaN / 0
    return left / right;
  }
};

template <typename Operator>
void decimal_operation(const Call& call, ColumnData& result) {
  const Argument<Decimal> left(call, 0);
  const Argument<Decimal> right(call, 1);
  for_each_row_catching(call, result, [&](size_t row) {
    const Decimal& l = left[row];
    const Decimal& r = right[row];
    Decimal& out = result.decimals[row];
    if constexpr (std::is_same_v<Operator, Plus>) out = l + r;
    if constexpr (std::is_same_v<Operator, Minus>) out = l - r;
    if constexpr (std::is_same_v<Operator, Times>) out = l * r;
    if constexpr (std::is_same_v<Operator, Divide> || std::is_same_v<Operator, Modulo>) {
      if (r.coefficient == 0) return fail(call, result, row, kDivisionByZero);
      if constexpr (std::is_same_v<Operator, Divide>) out = l / r;
      if constexpr (std::is_same_v<Operator, Modulo>) out = l % r;
    }
  });
}

template <typename Operator>
Evaluate operation(Kind kind) {
  switch (kind) {
    case kSmallint: return try_map_two<int64_t, int64_t, int64_t, IntOperation<int16_t, Operator>{}>;
    case kInteger: return try_map_two<int64_t, int64_t, int64_t, IntOperation<int32_t, Operator>{}>;
    case kBigint: return try_map_two<int64_t, int64_t, int64_t, IntOperation<int64_t, Operator>{}>;
    case kNumeric: return decimal_operation<Operator>;
    default: break;
  }
  if constexpr (std::is_same_v<Operator, Modulo>) return nullptr;
  if (kind == kReal) return try_map_two<double, double, double, FloatOperation<float, Operator>{}>;
  return try_map_two<double, double, double, FloatOperation<double, Operator>{}>;
}

template <typename T>
struct Negate {
  const char* operator()(int64_t value, int64_t& out) const {
    if (value == std::numeric_limits<T>::min()) return out_of_range<T>();
    out = static_cast<int64_t>(-static_cast<uint64_t>(value));
    return nullptr;
  }
};

template <typename T>
struct Absolute {
  const char* operator()(int64_t value, int64_t& out) const {
    if (value >= 0) {
      out = value;
      return nullptr;
    }
    return Negate<T>()(value, out);
  }
};

constexpr auto kSame = [](const auto& value) { return value; };
constexpr auto kNegateFloat = [](double value) { return -value; };
constexpr auto kAbsoluteFloat = [](double value) { return std::fabs(value); };
constexpr auto kNegateDecimal = [](const Decimal& value) { return -value; };
constexpr auto kAbsoluteDecimal = [](const Decimal& value) { return value.coefficient < 0 ? -value : value; };

struct Unary {
  Evaluate same;
  Evaluate negate;
  Evaluate absolute;
};

template <typename T>
Unary unary_int() {
  return {map_one<int64_t, int64_t, kSame>, try_map_one<int64_t, int64_t, Negate<T>{}>,
          try_map_one<int64_t, int64_t, Absolute<T>{}>};
}

Unary unary(Kind kind) {
  switch (kind) {
    case kSmallint: return unary_int<int16_t>();
    case kInteger: return unary_int<int32_t>();
    case kBigint: return unary_int<int64_t>();
    case kNumeric:
      return {map_one<Decimal, Decimal, kSame>, map_one<Decimal, Decimal, kNegateDecimal>,
              map_one<Decimal, Decimal, kAbsoluteDecimal>};
    default:
      return {map_one<double, double, kSame>, map_one<double, double, kNegateFloat>,
              map_one<double, double, kAbsoluteFloat>};
  }
}

}  // namespace

void add_arithmetic_functions(FunctionTable& table) {
  // Beside double precision, real keeps its digits; this is also why integer + real is double precision.
  for (const std::vector<Kind>& mixed : {std::vector{kReal, kDouble}, std::vector{kDouble, kReal}}) {
    const auto add = [&](std::string_view name, Evaluate evaluate, std::string_view description) {
      table.push_back(
          {.name = name, .parameters = mixed, .result = kDouble, .evaluate = evaluate, .description = description});
    };
    add("+", operation<Plus>(kDouble), "sum");
    add("-", operation<Minus>(kDouble), "difference");
    add("*", operation<Times>(kDouble), "product");
    add("/", operation<Divide>(kDouble), "quotient");
  }
  for (const Kind kind : {kSmallint, kInteger, kBigint, kNumeric, kReal, kDouble}) {
    const auto add = [&](std::string_view name, std::vector<Kind> parameters, Evaluate evaluate,
                         std::string_view description) {
      table.push_back({.name = name,
                       .parameters = std::move(parameters),
                       .result = kind,
                       .evaluate = evaluate,
                       .description = description});
    };
    const Unary one = unary(kind);
    add("+", {kind, kind}, operation<Plus>(kind), "sum");
    add("-", {kind, kind}, operation<Minus>(kind), "difference");
    add("*", {kind, kind}, operation<Times>(kind), "product");
    add("/", {kind, kind}, operation<Divide>(kind), "quotient; of whole numbers it is truncated");
    add("+", {kind}, one.same, "the number itself");
    add("-", {kind}, one.negate, "negation");
    add("abs", {kind}, one.absolute, "absolute value");
    if (kind == kReal || kind == kDouble) continue;
    add("%", {kind, kind}, operation<Modulo>(kind), "remainder, with the sign of the first argument");
    add("mod", {kind, kind}, operation<Modulo>(kind), "remainder, with the sign of the first argument");
  }
}

}  // namespace headrace
