// The evaluator: columns in, a column out, node by node. A node never sees rows that it must not see. Where an operand
// is needed for some rows only (behind AND, OR, CASE, coalesce) and might fail or is expensive, those rows are gathered
// into a narrower Scope and the operand is evaluated there, densely; an operand that cannot fail and is cheap (`total`)
// is evaluated for all rows, because that is faster than choosing. What does not depend on a column is evaluated once,
// for one row, and stays one row.
#include "flow/expression.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "flow/functions_kernel.h"

namespace headrace {
namespace {

using Op = Expression::Op;

// The values of an expression: one per row of the scope, or one for all of them.
struct Vector {
  ColumnPtr column;
  bool constant = false;

  bool null_at(size_t row) const { return column->null_at(constant ? 0 : row); }
};

// The rows that an expression is evaluated for: a batch, or some rows of another scope.
class Scope {
 public:
  explicit Scope(const Batch& batch) : batch_(&batch), rows_(batch.rows) {}
  Scope(Scope& outer, std::vector<uint32_t> selection)
      : batch_(outer.batch_), outer_(&outer), selection_(std::move(selection)), rows_(selection_.size()) {
    gathered_.resize(batch_->columns.size());
  }

  size_t rows() const { return rows_; }

  ColumnPtr column(size_t index) {
    if (outer_ == nullptr) return batch_->columns[index];
    ColumnPtr& cached = gathered_[index];
    if (!cached) cached = std::make_shared<const ColumnData>(outer_->column(index)->gather(selection_));
    return cached;
  }

  uint32_t row_of_outer(size_t row) const { return selection_[row]; }

  RowErrors& errors() { return errors_; }

  // Passes the errors of this scope on to the one it was made from.
  void report() {
    for (const RowErrors::Entry& entry : errors_.entries()) outer_->errors_.add(selection_[entry.row], entry.message);
  }

 private:
  const Batch* batch_;
  Scope* outer_ = nullptr;
  std::vector<uint32_t> selection_;
  size_t rows_;
  std::vector<ColumnPtr> gathered_;
  RowErrors errors_;
};

Vector evaluate_in(Scope& scope, const Expression& expression);

bool depends_on_columns(const Expression& expression) {
  return expression.op == Op::kColumn ||
         std::ranges::any_of(expression.arguments, [](const auto& argument) { return depends_on_columns(*argument); });
}

// Never fails and costs little: worth evaluating for rows that may not need it.
bool is_total(const Expression& expression) {
  if (expression.op == Op::kCall && !expression.function->total) return false;
  if (expression.op == Op::kCast && !is_relabeling(expression.arguments[0]->type, expression.type)) return false;
  return std::ranges::all_of(expression.arguments, [](const auto& argument) { return is_total(*argument); });
}

std::shared_ptr<ColumnData> make_column(const Type& type, size_t rows) {
  auto column = std::make_shared<ColumnData>(type);
  resize_values(*column, rows);
  return column;
}

Vector constant_null(const Type& type) {
  auto column = std::make_shared<ColumnData>(type);
  column->append_null();
  return {std::move(column), true};
}

Vector literal(const Expression& expression) {
  if (is_null(expression.literal)) return constant_null(expression.type);
  auto column = std::make_shared<ColumnData>(expression.type);
  if (const auto* text = std::get_if<std::string>(&expression.literal)) {
    auto copy = std::make_shared<const std::string>(*text);
    column->bytes.push_back(*copy);
    column->buffers.push_back(std::move(copy));
  } else {
    Arena unused;
    column->append(expression.literal, unused);
  }
  return {std::move(column), true};
}

// A copy of a vector with one value per row and of the given type.
std::shared_ptr<ColumnData> expanded(const Vector& from, const Type& type, size_t rows) {
  auto column = std::make_shared<ColumnData>(*from.column);
  column->type = type;
  if (!from.constant) return column;
  const bool null = column->null_at(0);
  with_form(type.form(), [&](auto zero) {
    auto& values = values_of<decltype(zero)>(*column);
    values.assign(rows, decltype(zero)(values[0]));
  });
  column->nulls.assign(null ? rows : 0, 1);
  return column;
}

// Evaluates an expression without columns for one row, and reports its error, if any, for all rows.
template <typename Evaluate>
Vector evaluate_once(Scope& scope, Evaluate evaluate) {
  Batch none;
  none.rows = 1;
  Scope once(none);
  Vector result = evaluate(once);
  result.constant = true;
  for (const RowErrors::Entry& entry : once.errors().entries()) {
    for (size_t row = 0; row < scope.rows(); ++row) scope.errors().add(static_cast<uint32_t>(row), entry.message);
  }
  return result;
}

// Marks the rows of `result` where an argument is NULL. False: the result is NULL for all rows.
bool mark_null_arguments(const std::vector<Vector>& arguments, size_t rows, ColumnData& result) {
  for (const Vector& argument : arguments) {
    if (!argument.column->has_nulls()) continue;
    if (argument.constant && rows > 0) {
      if (argument.column->null_at(0)) return false;
      continue;
    }
    const std::vector<uint8_t>& nulls = argument.column->nulls;
    if (!result.has_nulls()) {
      result.nulls = nulls;
    } else {
      for (size_t row = 0; row < rows; ++row) result.nulls[row] |= nulls[row];
    }
  }
  return true;
}

// Calls `run` with what a Call needs; used for functions and casts alike.
template <typename Run>
Vector call_columns(Scope& scope, const std::vector<Vector>& arguments, const Type& type, bool strict, Run run) {
  const size_t rows = scope.rows();
  auto result = make_column(type, rows);
  if (strict && !mark_null_arguments(arguments, rows, *result)) return constant_null(type);
  std::vector<ColumnPtr> columns;
  columns.reserve(arguments.size());
  uint64_t constants = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool many = i >= 64 && arguments[i].constant;
    columns.push_back(many ? expanded(arguments[i], arguments[i].column->type, rows) : arguments[i].column);
    if (arguments[i].constant && !many) constants |= uint64_t{1} << i;
  }
  // The function adds nulls to the result for rows that fail, so it gets a copy of what to skip.
  const std::vector<uint8_t> skip = strict ? result->nulls : std::vector<uint8_t>();
  run(Call{columns, rows, skip, scope.errors(), constants}, *result);
  return {std::move(result), false};
}

Vector evaluate_call(Scope& scope, const Expression& expression) {
  const Function& function = *expression.function;
  std::vector<Vector> arguments;
  arguments.reserve(expression.arguments.size());
  for (const ExpressionPtr& argument : expression.arguments) {
    arguments.push_back(evaluate_in(scope, *argument));
    Vector& vector = arguments.back();
    // Functions of any type look at the column's own type.
    if (function.polymorphic != Function::Polymorphic::kNo && vector.column->type.kind != argument->type.kind) {
      vector.column = expanded({vector.column, false}, argument->type, vector.column->size());
    }
  }
  const auto run = [&](const Call& call, ColumnData& result) { function.evaluate(call, result); };
  if (std::ranges::all_of(arguments, &Vector::constant)) {
    return evaluate_once(scope, [&](Scope& once) {
      for (Vector& argument : arguments) argument.constant = false;
      return call_columns(once, arguments, expression.type, function.strict, run);
    });
  }
  return call_columns(scope, arguments, expression.type, function.strict, run);
}

Vector evaluate_cast(Scope& scope, const Expression& expression) {
  const Type& from = expression.arguments[0]->type;
  const Type& to = expression.type;
  Vector argument = evaluate_in(scope, *expression.arguments[0]);
  if (is_relabeling(from, to)) return argument;
  const auto run = [&](const Call& call, ColumnData& result) { evaluate_cast(from, to, call, result); };
  if (argument.constant) {
    return evaluate_once(
        scope, [&](Scope& once) { return call_columns(once, {{argument.column, false}}, expression.type, true, run); });
  }
  return call_columns(scope, {argument}, expression.type, true, run);
}

// Rows for which `wanted` holds.
template <typename Wanted>
std::vector<uint32_t> select(size_t rows, Wanted wanted) {
  std::vector<uint32_t> selection;
  for (size_t row = 0; row < rows; ++row) {
    if (wanted(row)) selection.push_back(static_cast<uint32_t>(row));
  }
  return selection;
}

// Calls `use(row, column, index)` for every row that is `wanted`, where the value for `row` is column's at `index`.
template <typename Wanted, typename Use>
void for_rows(size_t rows, const Vector& vector, Wanted wanted, Use use) {
  for (size_t row = 0; row < rows; ++row) {
    if (wanted(row)) use(row, *vector.column, vector.constant ? 0 : row);
  }
}

// The same for the values of an expression, which is evaluated for these rows only.
template <typename Wanted, typename Use>
void evaluate_for(Scope& scope, const Expression& expression, Wanted wanted, Use use) {
  std::vector<uint32_t> selection = select(scope.rows(), wanted);
  if (selection.empty()) return;
  if (selection.size() == scope.rows()) {
    for_rows(scope.rows(), evaluate_in(scope, expression), [](size_t) { return true; }, use);
    return;
  }
  Scope narrow(scope, std::move(selection));
  const Vector vector = evaluate_in(narrow, expression);
  for_rows(
      narrow.rows(), vector, [](size_t) { return true; },
      [&](size_t i, const ColumnData& column, size_t index) { use(narrow.row_of_outer(i), column, index); });
  narrow.report();
}

// AND and OR. `decisive` is the operand that decides whatever the others are: false for AND, true for OR. A row that is
// decided is not looked at again.
template <int64_t decisive>
Vector evaluate_logic(Scope& scope, const Expression& expression) {
  const size_t rows = scope.rows();
  auto result = make_column(expression.type, rows);
  std::fill(result->ints.begin(), result->ints.end(), 1 - decisive);
  int64_t* out = result->ints.data();
  const auto open = [&](size_t row) { return out[row] != decisive; };
  const auto take = [&](size_t row, const ColumnData& column, size_t index) {
    if (column.null_at(index)) {
      result->set_null(row);
    } else if (column.ints[index] == decisive) {
      out[row] = decisive;
    }
  };
  for (const ExpressionPtr& argument : expression.arguments) {
    if (!is_total(*argument)) {
      evaluate_for(scope, *argument, open, take);
      continue;
    }
    const Vector vector = evaluate_in(scope, *argument);
    if (vector.constant || vector.column->has_nulls()) {
      for_rows(rows, vector, open, take);
      continue;
    }
    const int64_t* in = vector.column->ints.data();
    for (size_t row = 0; row < rows; ++row) out[row] = decisive != 0 ? out[row] | in[row] : out[row] & in[row];
  }
  // A row that met NULL and was decided later is not NULL.
  if (result->has_nulls()) {
    for (size_t row = 0; row < rows; ++row) {
      if (out[row] == decisive) result->nulls[row] = 0;
      if (result->nulls[row] != 0) out[row] = 0;
    }
    if (std::ranges::find(result->nulls, 1) == result->nulls.end()) result->nulls.clear();
  }
  return {std::move(result), false};
}

Vector evaluate_not(Scope& scope, const Expression& expression) {
  const Vector argument = evaluate_in(scope, *expression.arguments[0]);
  auto result = std::make_shared<ColumnData>(expression.type);
  result->nulls = argument.column->nulls;
  const std::vector<int64_t>& in = argument.column->ints;
  result->ints.resize(in.size());
  for (size_t row = 0; row < in.size(); ++row) result->ints[row] = in[row] ^ 1;
  return {std::move(result), argument.constant};
}

Vector evaluate_is_null(Scope& scope, const Expression& expression) {
  const Vector argument = evaluate_in(scope, *expression.arguments[0]);
  auto result = make_column(expression.type, argument.column->size());
  if (argument.column->has_nulls()) {
    std::copy(argument.column->nulls.begin(), argument.column->nulls.end(), result->ints.begin());
  }
  return {std::move(result), argument.constant};
}

// Lets `result` hold views into what `column` keeps alive.
void keep_bytes(const ColumnData& column, ColumnData& result) {
  result.buffers.insert(result.buffers.end(), column.buffers.begin(), column.buffers.end());
}

// Copies values from branches into the rows that took them.
class Merge {
 public:
  Merge(const Type& type, size_t rows) : result_(make_column(type, rows)) {}

  // Takes the values of `expression` for the rows that are `wanted`.
  template <typename Wanted>
  void add(Scope& scope, const Expression& expression, Wanted wanted) {
    with_form(result_->type.form(), [&](auto zero) {
      using T = decltype(zero);
      T* out = values_of<T>(*result_).data();
      const ColumnData* last = nullptr;
      const auto take = [&](size_t row, const ColumnData& column, size_t index) {
        if (&column != last) keep_bytes(column, *result_);
        last = &column;
        out[row] = values_of<T>(column)[index];
        if (column.null_at(index)) result_->set_null(row);
      };
      if (!is_total(expression)) return evaluate_for(scope, expression, wanted, take);
      const Vector vector = evaluate_in(scope, expression);
      if (vector.column->has_nulls()) return for_rows(scope.rows(), vector, wanted, take);
      keep_bytes(*vector.column, *result_);
      // Without branches: out = wanted ? value : out.
      const T* in = values_of<T>(*vector.column).data();
      if (vector.constant) {
        for (size_t row = 0; row < scope.rows(); ++row) out[row] = wanted(row) ? *in : out[row];
      } else {
        for (size_t row = 0; row < scope.rows(); ++row) out[row] = wanted(row) ? in[row] : out[row];
      }
    });
  }

  std::shared_ptr<ColumnData> finish() { return std::move(result_); }

 private:
  std::shared_ptr<ColumnData> result_;
};

// First which branch each row takes, then the branches.
Vector evaluate_case(Scope& scope, const Expression& expression) {
  const size_t rows = scope.rows();
  const std::vector<ExpressionPtr>& arguments = expression.arguments;
  const auto branches = static_cast<uint32_t>(arguments.size() / 2);  // `branches` itself is ELSE
  std::vector<uint32_t> taken(rows, branches);
  for (uint32_t branch = 0; branch < branches; ++branch) {
    const Expression& when = *arguments[size_t{branch} * 2];
    const auto open = [&](size_t row) { return taken[row] == branches; };
    const auto take = [&](size_t row, const ColumnData& column, size_t index) {
      if (!column.null_at(index) && column.ints[index] != 0) taken[row] = branch;
    };
    if (!is_total(when)) {
      evaluate_for(scope, when, open, take);
      continue;
    }
    const Vector vector = evaluate_in(scope, when);
    if (vector.constant || vector.column->has_nulls()) {
      for_rows(rows, vector, open, take);
      continue;
    }
    const int64_t* in = vector.column->ints.data();
    for (size_t row = 0; row < rows; ++row) taken[row] = open(row) && in[row] != 0 ? branch : taken[row];
  }
  Merge merge(expression.type, rows);
  for (uint32_t branch = 0; branch <= branches; ++branch) {
    const Expression& then = *arguments[branch == branches ? arguments.size() - 1 : size_t{branch} * 2 + 1];
    merge.add(scope, then, [&](size_t row) { return taken[row] == branch; });
  }
  return {merge.finish(), false};
}

Vector evaluate_coalesce(Scope& scope, const Expression& expression) {
  std::vector<uint8_t> open(scope.rows(), 1);
  auto result = make_column(expression.type, scope.rows());
  with_form(expression.type.form(), [&](auto zero) {
    using T = decltype(zero);
    T* out = values_of<T>(*result).data();
    const auto wanted = [&](size_t row) { return open[row] != 0; };
    for (const ExpressionPtr& argument : expression.arguments) {
      const ColumnData* last = nullptr;
      const auto take = [&](size_t row, const ColumnData& column, size_t index) {
        if (&column != last) keep_bytes(column, *result);
        last = &column;
        if (column.null_at(index)) return;
        out[row] = values_of<T>(column)[index];
        open[row] = 0;
      };
      if (is_total(*argument)) {
        for_rows(scope.rows(), evaluate_in(scope, *argument), wanted, take);
      } else {
        evaluate_for(scope, *argument, wanted, take);
      }
    }
  });
  if (std::ranges::find(open, 1) != open.end()) result->nulls = std::move(open);
  return {std::move(result), false};
}

Vector evaluate_lazily(Scope& scope, const Expression& expression) {
  switch (expression.op) {
    case Op::kAnd: return evaluate_logic<0>(scope, expression);
    case Op::kOr: return evaluate_logic<1>(scope, expression);
    case Op::kCase: return evaluate_case(scope, expression);
    default: return evaluate_coalesce(scope, expression);
  }
}

Vector evaluate_in(Scope& scope, const Expression& expression) {
  switch (expression.op) {
    case Op::kColumn: return {scope.column(expression.column), false};
    case Op::kLiteral: return literal(expression);
    case Op::kCast: return evaluate_cast(scope, expression);
    case Op::kNot: return evaluate_not(scope, expression);
    case Op::kIsNull: return evaluate_is_null(scope, expression);
    case Op::kCall:
      if (!expression.function->lazy) return evaluate_call(scope, expression);
      break;
    case Op::kAnd:
    case Op::kOr:
    case Op::kCase: break;
  }
  if (depends_on_columns(expression)) return evaluate_lazily(scope, expression);
  return evaluate_once(scope, [&](Scope& once) { return evaluate_lazily(once, expression); });
}

}  // namespace

ColumnPtr evaluate(const Expression& expression, const Batch& batch, RowErrors& errors) {
  if (batch.rows == 0) return std::make_shared<const ColumnData>(expression.type);
  Scope scope(batch);
  const Vector vector = evaluate_in(scope, expression);
  const std::vector<RowErrors::Entry>& failed = scope.errors().entries();
  if (failed.empty() && !vector.constant && vector.column->type == expression.type) return vector.column;
  auto result = expanded(vector, expression.type, batch.rows);
  for (const RowErrors::Entry& entry : failed) {
    errors.add(entry.row, entry.message);
    result->set_null(entry.row);
  }
  return result;
}

}  // namespace headrace
