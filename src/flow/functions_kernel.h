// The loops that functions are made of. An operation on single values becomes a function on columns: over rows, with
// either argument constant, without a call, a branch or a box per value. Internal to functions*.cc.
//
// Operations that can fail return what went wrong, or null. Their loop only collects whether any row failed, so that it
// stays as fast as without errors; a second pass finds the rows. They are also called for rows that need no value
// (NULLs, whose entry is zero), so they must be defined for every input.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "flow/functions_table.h"

namespace headrace {

template <typename T, typename Column>
auto& values_of(Column& column) {
  if constexpr (std::is_same_v<T, int64_t>) return column.ints;
  if constexpr (std::is_same_v<T, double>) return column.floats;
  if constexpr (std::is_same_v<T, Decimal>) return column.decimals;
  if constexpr (std::is_same_v<T, std::string_view>) return column.bytes;
  if constexpr (std::is_same_v<T, Interval>) return column.intervals;
}

// Calls `use` with a value of the C++ type in which a column of this form is held.
template <typename Use>
decltype(auto) with_form(Form form, Use&& use) {
  switch (form) {
    case Form::kInt: return use(int64_t{});
    case Form::kFloat: return use(double{});
    case Form::kDecimal: return use(Decimal{});
    case Form::kBytes: return use(std::string_view{});
    case Form::kInterval: break;
  }
  return use(Interval{});
}

// Gives `column` an entry for every row; new ones are zero or empty.
inline void resize_values(ColumnData& column, size_t rows) {
  with_form(column.type.form(), [&](auto zero) { values_of<decltype(zero)>(column).resize(rows); });
}

inline constexpr const char* kTooLong = "the result is longer than 1 MiB";

inline void fail(const Call& call, ColumnData& result, size_t row, std::string message) {
  call.errors.add(static_cast<uint32_t>(row), std::move(message));
  result.set_null(row);
}

template <typename T>
struct EachRow {
  const T* values;
  const T& operator[](size_t row) const { return values[row]; }
};

template <typename T>
struct SameForAll {
  T value;
  const T& operator[](size_t) const { return value; }
};

// An argument that may be either, for functions whose work outweighs the multiplication.
template <typename T>
class Argument {
 public:
  Argument(const Call& call, size_t index)
      : values_(values_of<T>(*call.arguments[index]).data()), step_(call.is_constant(index) ? 0 : 1) {}
  const T& operator[](size_t row) const { return values_[row * step_]; }

 private:
  const T* values_;
  size_t step_;
};

// Whether an argument is NULL, for functions that are not strict.
inline bool null_at(const Call& call, size_t argument, size_t row) {
  return call.arguments[argument]->null_at(call.is_constant(argument) ? 0 : row);
}

template <typename L, typename R, typename Use>
void with_arguments(const Call& call, Use&& use) {
  const auto& left = values_of<L>(*call.arguments[0]);
  const auto& right = values_of<R>(*call.arguments[1]);
  if (call.is_constant(0)) {
    use(SameForAll<L>{left[0]}, EachRow<R>{right.data()});
  } else if (call.is_constant(1)) {
    use(EachRow<L>{left.data()}, SameForAll<R>{right[0]});
  } else {
    use(EachRow<L>{left.data()}, EachRow<R>{right.data()});
  }
}

// out = operation(argument), which never fails.
template <typename In, typename Out, auto operation>
void map_one(const Call& call, ColumnData& result) {
  const In* in = values_of<In>(*call.arguments[0]).data();
  Out* out = values_of<Out>(result).data();
  for (size_t row = 0; row < call.rows; ++row) out[row] = operation(in[row]);
}

// out = operation(left, right), which never fails.
template <typename L, typename R, typename Out, auto operation>
void map_two(const Call& call, ColumnData& result) {
  Out* out = values_of<Out>(result).data();
  with_arguments<L, R>(call, [&](auto left, auto right) {
    for (size_t row = 0; row < call.rows; ++row) out[row] = operation(left[row], right[row]);
  });
}

// Runs `body`, which returns an error or null, for every row that needs a value.
template <typename Body>
void for_each_row(const Call& call, ColumnData& result, Body body) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (const char* error = body(row)) fail(call, result, row, error);
  }
}

// The same for a body that throws: numeric arithmetic that overflows, text that does not parse.
template <typename Body>
void for_each_row_catching(const Call& call, ColumnData& result, Body body) {
  for (size_t row = 0; row < call.rows; ++row) {
    try {
      for (; row < call.rows; ++row) {
        if (!call.skipped(row)) body(row);
      }
    } catch (const Error& error) {
      fail(call, result, row, error.message());
    }
  }
}

// operation(argument, out) returns an error or null.
template <typename In, typename Out, auto operation>
void try_map_one(const Call& call, ColumnData& result) {
  const In* in = values_of<In>(*call.arguments[0]).data();
  Out* out = values_of<Out>(result).data();
  bool failed = false;
  for (size_t row = 0; row < call.rows; ++row) failed |= operation(in[row], out[row]) != nullptr;
  if (!failed) return;
  for_each_row(call, result, [&](size_t row) {
    const char* error = operation(in[row], out[row]);
    if (error != nullptr) out[row] = Out{};
    return error;
  });
}

// operation(left, right, out) returns an error or null.
template <typename L, typename R, typename Out, auto operation>
void try_map_two(const Call& call, ColumnData& result) {
  Out* out = values_of<Out>(result).data();
  with_arguments<L, R>(call, [&](auto left, auto right) {
    bool failed = false;
    for (size_t row = 0; row < call.rows; ++row) failed |= operation(left[row], right[row], out[row]) != nullptr;
    if (!failed) return;
    for_each_row(call, result, [&](size_t row) {
      const char* error = operation(left[row], right[row], out[row]);
      if (error != nullptr) out[row] = Out{};
      return error;
    });
  });
}

// Lets `result` hold views into the bytes of the arguments.
inline void keep_buffers(const Call& call, ColumnData& result) {
  for (const ColumnPtr& argument : call.arguments) {
    result.buffers.insert(result.buffers.end(), argument->buffers.begin(), argument->buffers.end());
  }
}

// Appends the text of a cell that is not NULL, as a cast to text gives it.
void append_cell_text(std::string& out, const ColumnData& column, size_t row, const Type& type);

}  // namespace headrace
