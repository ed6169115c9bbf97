// Typed expressions over the columns of a batch: what the binder makes of SQL and operators evaluate, a column at a
// time. A row whose evaluation fails (overflow, division by zero, a bad cast) is reported and gets NULL; the operator
// takes it out. Expressions are immutable and deterministic: no clock, no randomness.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema/columns.h"

namespace headrace {

struct Function;

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Expression {
  enum class Op : uint8_t {
    kColumn,   // the input's column number `column`
    kLiteral,  // `literal`, NULL included
    kCall,     // `function` of `arguments`, already cast to its parameter types
    kCast,     // arguments[0] to `type`
    kAnd,      // three-valued, of two or more
    kOr,
    kNot,
    kIsNull,
    kCase,  // when, then, when, then, ..., else (always present); only the branch taken is evaluated for a row
  };

  Op op = Op::kLiteral;
  Type type;
  bool nullable = true;
  size_t column = 0;
  Value literal;
  const Function* function = nullptr;
  std::vector<ExpressionPtr> arguments;
  int64_t position = -1;  // in the SQL text, for messages
};

// Rows that failed, at most one error each. Row numbers are those of the batch that is evaluated.
class RowErrors {
 public:
  struct Entry {
    uint32_t row;
    std::string message;
  };
  // The first error of a row counts.
  void add(uint32_t row, std::string message) {
    if (failed(row)) return;
    if (failed_.size() <= row) failed_.resize(static_cast<size_t>(row) + 1);
    failed_[row] = true;
    entries_.push_back({row, std::move(message)});
  }
  bool failed(uint32_t row) const { return row < failed_.size() && failed_[row]; }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  std::vector<bool> failed_;
};

// The values of `expression` for every row of `batch`. Never throws for what a row contains.
ColumnPtr evaluate(const Expression& expression, const Batch& batch, RowErrors& errors);

// For EXPLAIN and messages: the expression as SQL, columns by their names in `input`.
std::string to_sql(const Expression& expression, const RowType& input);

}  // namespace headrace
