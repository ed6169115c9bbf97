// An expression as the SQL that it could have been written as, for EXPLAIN. Every operator inside another stands in
// parentheses, so that nobody has to know which binds more.
#include <cctype>

#include "flow/expression.h"
#include "flow/functions.h"
#include "fmt/format.h"

namespace headrace {
namespace {

using Op = Expression::Op;

bool is_plain_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  for (const char c : name) {
    if (c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) return false;
  }
  return true;
}

// In quotes, where a quote is doubled.
std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

std::string literal_sql(const Value& value, const Type& type) {
  if (is_null(value)) return "NULL";
  std::string text = to_text(value, type);
  switch (type.kind) {
    case Kind::kBoolean: return std::get<int64_t>(value) != 0 ? "TRUE" : "FALSE";
    case Kind::kText: return quoted(text, '\'');
    case Kind::kSmallint:
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kNumeric: return text;
    case Kind::kDate: return "DATE " + quoted(text, '\'');
    case Kind::kTimestamptz: return "TIMESTAMPTZ " + quoted(text, '\'');
    case Kind::kInterval: return "INTERVAL " + quoted(text, '\'');
    default: return quoted(text, '\'') + "::" + type.name();
  }
}

class Printer {
 public:
  explicit Printer(const RowType& input) : input_(input) {}

  std::string print(const Expression& expression) const {
    switch (expression.op) {
      case Op::kColumn: {
        const std::string& name = input_.columns[expression.column].name;
        return is_plain_name(name) ? name : quoted(name, '"');
      }
      case Op::kLiteral: return literal_sql(expression.literal, expression.type);
      case Op::kCall: return call(expression);
      case Op::kCast: return nested(*expression.arguments[0]) + "::" + expression.type.name();
      case Op::kAnd: return joined(expression, " AND ");
      case Op::kOr: return joined(expression, " OR ");
      case Op::kNot: return "NOT " + nested(*expression.arguments[0]);
      case Op::kIsNull: return nested(*expression.arguments[0]) + " IS NULL";
      case Op::kCase: return choice(expression);
    }
    return {};
  }

 private:
  static bool is_operator(std::string_view name) { return std::isalpha(static_cast<unsigned char>(name[0])) == 0; }
  static bool is_distinct(std::string_view name) { return name.ends_with("distinct from"); }

  // A part of something else: in parentheses, unless it is one word or a function call.
  std::string nested(const Expression& expression) const {
    const bool is_negative = expression.op == Op::kLiteral && print(expression).starts_with('-');
    const bool is_infix = expression.op == Op::kCall &&
                          (is_operator(expression.function->name) || is_distinct(expression.function->name));
    const bool is_word = expression.op == Op::kColumn || expression.op == Op::kLiteral || expression.op == Op::kCall ||
                         expression.op == Op::kCast || expression.op == Op::kCase;
    if (is_word && !is_infix && !is_negative) return print(expression);
    return "(" + print(expression) + ")";
  }

  std::string joined(const Expression& expression, std::string_view word) const {
    std::vector<std::string> parts;
    parts.reserve(expression.arguments.size());
    for (const ExpressionPtr& argument : expression.arguments) parts.push_back(nested(*argument));
    return fmt::format("{}", fmt::join(parts, word));
  }

  static std::string_view shown_operator(std::string_view name) {
    if (name == "~~") return "LIKE";
    if (name == "!~~") return "NOT LIKE";
    if (name == "~~*") return "ILIKE";
    if (name == "!~~*") return "NOT ILIKE";
    if (name == "is distinct from") return "IS DISTINCT FROM";
    if (name == "is not distinct from") return "IS NOT DISTINCT FROM";
    return name;
  }

  std::string call(const Expression& expression) const {
    const std::string_view name = expression.function->name;
    const std::vector<ExpressionPtr>& arguments = expression.arguments;
    if (is_operator(name) || is_distinct(name)) {
      if (arguments.size() == 1) return fmt::format("{}{}", name, nested(*arguments[0]));
      return fmt::format("{} {} {}", nested(*arguments[0]), shown_operator(name), nested(*arguments[1]));
    }
    // These two have a grammar of their own.
    if (name == "extract" && arguments[0]->op == Op::kLiteral && !is_null(arguments[0]->literal)) {
      return fmt::format("extract({} FROM {})", to_text(arguments[0]->literal, arguments[0]->type),
                         print(*arguments[1]));
    }
    if (name == "position") return fmt::format("position({} IN {})", nested(*arguments[1]), nested(*arguments[0]));
    std::vector<std::string> parts;
    parts.reserve(arguments.size());
    for (const ExpressionPtr& argument : arguments) parts.push_back(print(*argument));
    return fmt::format("{}({})", name, fmt::join(parts, ", "));
  }

  std::string choice(const Expression& expression) const {
    std::string result = "CASE";
    const std::vector<ExpressionPtr>& arguments = expression.arguments;
    for (size_t i = 0; i + 1 < arguments.size(); i += 2) {
      result += fmt::format(" WHEN {} THEN {}", print(*arguments[i]), print(*arguments[i + 1]));
    }
    return result + fmt::format(" ELSE {} END", print(*arguments.back()));
  }

  const RowType& input_;
};

}  // namespace

std::string to_sql(const Expression& expression, const RowType& input) {
  return Printer(input).print(expression);
}

}  // namespace headrace
