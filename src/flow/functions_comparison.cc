// Comparison: = <> < <= > >= for every type, and the two forms of IS DISTINCT FROM.
#include "flow/functions_kernel.h"
#include "flow/functions_order.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

// Turns -1, 0 and 1 into the answer of an operator by comparing them with 0.
template <typename Operator>
void compare_document_columns(const Call& call, ColumnData& result) {
  const Argument<std::string_view> left(call, 0);
  const Argument<std::string_view> right(call, 1);
  const Type& type = call.arguments[0]->type;
  for_each_row_catching(call, result, [&](size_t row) {
    result.ints[row] = Operator()(static_cast<int64_t>(compare_documents(left[row], right[row], type)), int64_t{0});
  });
}

template <typename Operator>
Evaluate comparison(Kind kind) {
  if (is_document(Type{.kind = kind})) return compare_document_columns<Operator>;
  return with_form(Type{.kind = kind}.form(), [](auto zero) -> Evaluate {
    using T = decltype(zero);
    return map_two<T, T, int64_t, Operator{}>;
  });
}

template <bool kDistinct>
void distinct(const Call& call, ColumnData& result) {
  const Type& type = call.arguments[0]->type;
  with_form(type.form(), [&](auto zero) {
    using T = decltype(zero);
    const Argument<T> left(call, 0);
    const Argument<T> right(call, 1);
    for (size_t row = 0; row < call.rows; ++row) {
      const bool left_null = null_at(call, 0, row);
      const bool right_null = null_at(call, 1, row);
      bool equal = left_null && right_null;
      if (!left_null && !right_null) {
        if constexpr (std::is_same_v<T, std::string_view>) {
          equal = is_document(type) ? compare_documents(left[row], right[row], type) == 0 : left[row] == right[row];
        } else {
          equal = Equal()(left[row], right[row]);
        }
      }
      result.ints[row] = equal != kDistinct;
    }
  });
}

void add_comparisons(FunctionTable& table, Kind left, Kind right) {
  const auto add = [&](std::string_view name, Evaluate evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = {left, right},
                     .result = kBoolean,
                     .evaluate = evaluate,
                     .description = description,
                     .total = true});
  };
  add("=", comparison<Equal>(left), "equal");
  add("<>", comparison<NotEqual>(left), "not equal; also written !=");
  add("<", comparison<Less>(left), "less than");
  add("<=", comparison<LessOrEqual>(left), "less than or equal");
  add(">", comparison<Greater>(left), "greater than");
  add(">=", comparison<GreaterOrEqual>(left), "greater than or equal");
}

}  // namespace

void add_comparison_functions(FunctionTable& table) {
  for (const Kind kind : {kBoolean, kSmallint, kInteger, kBigint, kReal, kDouble, kNumeric, kText, kBytea, kUuid, kDate,
                          kTimestamptz, kInterval, kJsonb, kArray}) {
    add_comparisons(table, kind, kind);
  }
  // Beside double precision, real keeps its digits, and whatever else stands beside it becomes double precision.
  add_comparisons(table, kReal, kDouble);
  add_comparisons(table, kDouble, kReal);
  const auto add_distinct = [&](std::string_view name, Evaluate evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = {kText, kText},
                     .result = kBoolean,
                     .strict = false,
                     .evaluate = evaluate,
                     .description = description,
                     .polymorphic = Function::Polymorphic::kEqual,
                     .total = true});
  };
  add_distinct("is distinct from", distinct<true>, "not equal, where NULL is a value that equals itself");
  add_distinct("is not distinct from", distinct<false>, "equal, where NULL is a value that equals itself");
}

}  // namespace headrace
