// Functions that choose one of their arguments. coalesce is not evaluated here but by the evaluator, because it must
// not evaluate what it does not need.
#include "flow/functions_kernel.h"
#include "flow/functions_order.h"

namespace headrace {

using enum Kind;

namespace {

using Evaluate = void (*)(const Call& call, ColumnData& result);

template <typename T>
bool less(const T& left, const T& right, const Type& type) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    if (is_document(type)) return compare_documents(left, right, type) < 0;
  }
  return Less()(left, right);
}

// The greatest or the least of the arguments that are not NULL; NULL if all are.
template <bool kGreatest>
void extreme(const Call& call, ColumnData& result) {
  const Type type = result.type;
  with_form(type.form(), [&](auto zero) {
    using T = decltype(zero);
    T* out = values_of<T>(result).data();
    std::vector<uint8_t> none(call.rows, 1);
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      const Argument<T> values(call, i);
      for (size_t row = 0; row < call.rows; ++row) {
        if (null_at(call, i, row)) continue;
        const T& value = values[row];
        if (none[row] != 0 || (kGreatest ? less(out[row], value, type) : less(value, out[row], type))) out[row] = value;
        none[row] = 0;
      }
    }
    for (size_t row = 0; row < call.rows; ++row) {
      if (none[row] != 0) result.set_null(row);
    }
  });
  keep_buffers(call, result);
}

void null_if_equal(const Call& call, ColumnData& result) {
  const Type type = result.type;
  with_form(type.form(), [&](auto zero) {
    using T = decltype(zero);
    const Argument<T> values(call, 0);
    const Argument<T> others(call, 1);
    T* out = values_of<T>(result).data();
    for (size_t row = 0; row < call.rows; ++row) {
      if (null_at(call, 0, row)) {
        result.set_null(row);
        continue;
      }
      const T& value = values[row];
      const bool equal = !null_at(call, 1, row) && !less(value, others[row], type) && !less(others[row], value, type);
      if (equal) {
        result.set_null(row);
      } else {
        out[row] = value;
      }
    }
  });
  keep_buffers(call, result);
}

}  // namespace

void add_conditional_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, size_t parameters, Evaluate evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = std::vector<Kind>(parameters, kText),
                     .result = kText,
                     .result_type = type_of_first,
                     .strict = false,
                     .evaluate = evaluate,
                     .description = description,
                     .variadic = parameters == 1,
                     .polymorphic = Function::Polymorphic::kCommon,
                     .total = true});
  };
  add("coalesce", 1, nullptr, "the first argument that is not NULL; the ones after it are not evaluated");
  table.back().lazy = true;
  add("nullif", 2, null_if_equal, "NULL if both arguments are equal, else the first");
  table.back().polymorphic = Function::Polymorphic::kEqual;
  add("greatest", 1, extreme<true>, "the largest argument; NULLs are ignored");
  add("least", 1, extreme<false>, "the smallest argument; NULLs are ignored");
}

}  // namespace headrace
