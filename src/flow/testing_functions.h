// Runs tables of cases like
//
//   + ; integer '1' ; numeric '2.50' => numeric '3.50'
//   / ; integer '1' ; integer '0' => error 'division by zero'
//   + ; text 'a' ; integer '1' => refused
//   cast integer ; text ' 42 ' => integer '42'
//
// The expected values are what PostgreSQL 15 answers. Every case is evaluated with each argument as a constant and as a
// column, in every combination, between rows of NULLs: all must agree. An argument `unknown '5'` is an untyped literal.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "flow/functions.h"

namespace headrace::testing {

inline Type type_named(std::string_view name) {
  Type type;
  if (name.ends_with("[]")) {
    type.kind = Kind::kArray;
    type.element = kind_named(name.substr(0, name.size() - 2)).value();
    return type;
  }
  const size_t modifier = name.find('(');
  type.kind = kind_named(name.substr(0, modifier)).value();
  if (modifier != std::string_view::npos) {
    const std::string digits(name.substr(modifier + 1));
    type.precision = static_cast<uint8_t>(std::stoi(digits));
    type.scale = static_cast<uint8_t>(std::stoi(digits.substr(digits.find(',') + 1)));
  }
  return type;
}

inline ExpressionPtr literal(const Type& type, Value value) {
  auto result = std::make_shared<Expression>();
  result->op = Expression::Op::kLiteral;
  result->type = type;
  result->literal = std::move(value);
  return result;
}

inline ExpressionPtr literal(std::string_view type, std::string_view text) {
  return literal(type_named(type), parse_text(text, type_named(type)));
}

inline ExpressionPtr column(const Type& type, size_t index) {
  auto result = std::make_shared<Expression>();
  result->op = Expression::Op::kColumn;
  result->type = type;
  result->column = index;
  return result;
}

inline ExpressionPtr cast(ExpressionPtr argument, const Type& type) {
  if (argument->type == type) return argument;
  auto result = std::make_shared<Expression>();
  result->op = Expression::Op::kCast;
  result->type = type;
  result->arguments = {std::move(argument)};
  return result;
}

inline ExpressionPtr node(Expression::Op op, std::vector<ExpressionPtr> arguments,
                          const Type& type = {Kind::kBoolean}) {
  auto result = std::make_shared<Expression>();
  result->op = op;
  result->type = type;
  result->arguments = std::move(arguments);
  return result;
}

// A call of a resolved function, with the casts that it asks for; null if there is no such function.
inline ExpressionPtr call(std::string_view name, std::vector<ExpressionPtr> arguments,
                          std::vector<bool> is_unknown = {}) {
  std::vector<Type> types;
  std::array<bool, kArgumentsMax> unknown{};
  std::ranges::copy(is_unknown, unknown.begin());
  for (const ExpressionPtr& argument : arguments) types.push_back(argument->type);
  const auto resolved = resolve_function(name, types, std::span(unknown).first(types.size()));
  if (!resolved) return nullptr;
  auto result = std::make_shared<Expression>();
  result->op = Expression::Op::kCall;
  result->type = resolved->result;
  result->function = resolved->function;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Type& wanted = resolved->parameters[i];
    const ExpressionPtr& argument = arguments[i];
    if (unknown[i] && argument->op == Expression::Op::kLiteral && !is_null(argument->literal)) {
      result->arguments.push_back(literal(wanted, parse_text(std::get<std::string>(argument->literal), wanted)));
    } else {
      result->arguments.push_back(cast(argument, wanted));
    }
  }
  return result;
}

// "integer '5'", "text NULL", "error 'division by zero'".
struct Cell {
  std::string type;
  std::optional<std::string> text;  // nullopt: NULL

  explicit Cell(std::string_view source) {
    if (source == "refused") {
      type = source;
      return;
    }
    const size_t quote = source.find('\'');
    if (quote == std::string_view::npos) {
      type = source.substr(0, source.find(" NULL"));
      return;
    }
    type = source.substr(0, quote - 1);
    text.emplace();
    const std::string_view quoted = source.substr(quote + 1, source.size() - quote - 2);
    for (size_t i = 0; i < quoted.size(); ++i) {
      text->push_back(quoted[i]);
      if (quoted[i] == '\'') ++i;
    }
  }

  bool is_unknown() const { return type == "unknown"; }
  Type column_type() const { return is_unknown() ? Type{} : type_named(type); }
  Value value() const { return text ? parse_text(*text, column_type()) : Value(); }
};

inline std::vector<std::string_view> split(std::string_view text, std::string_view delimiter) {
  std::vector<std::string_view> parts;
  for (size_t at = text.find(delimiter); at != std::string_view::npos; at = text.find(delimiter)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + delimiter.size());
  }
  parts.push_back(text);
  return parts;
}

struct Case {
  std::string name;
  std::vector<Cell> arguments;
  Cell expected;

  explicit Case(std::string_view line) : expected(line.substr(line.rfind(" => ") + 4)) {
    const auto parts = split(line.substr(0, line.rfind(" => ")), " ; ");
    name = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) arguments.emplace_back(parts[i]);
  }

  // The case's call, where argument i is column i if bit i of `columns` is set, else a constant.
  ExpressionPtr expression(uint32_t columns) const {
    std::vector<ExpressionPtr> inputs;
    std::vector<bool> unknown;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Type type = arguments[i].column_type();
      const bool is_column = (columns >> i & 1) != 0 && !arguments[i].is_unknown();
      inputs.push_back(is_column ? column(type, i) : literal(type, arguments[i].value()));
      unknown.push_back(arguments[i].is_unknown());
    }
    if (!name.starts_with("cast ")) return call(name, std::move(inputs), std::move(unknown));
    const Type to = type_named(std::string_view(name).substr(5));
    return can_cast(inputs[0]->type, to, CastContext::kExplicit) ? cast(inputs[0], to) : nullptr;
  }

  // The arguments, NULLs, and the arguments again.
  Batch batch() const {
    auto type = std::make_shared<RowType>();
    std::vector<Value> values;
    for (const Cell& argument : arguments) {
      type->columns.push_back({.name = "c", .type = argument.column_type()});
      values.push_back(argument.value());
    }
    BatchBuilder builder(type);
    builder.append_row(values);
    builder.append_row(std::vector<Value>(values.size()));
    builder.append_row(values);
    return builder.finish();
  }
};

inline void expect_rows(const Case& one, const Expression& expression, bool has_columns) {
  RowErrors errors;
  const ColumnPtr result = evaluate(expression, one.batch(), errors);
  ASSERT_EQ(result->size(), 3U);
  for (const uint32_t row : {0U, 2U}) {
    std::string error;
    for (const RowErrors::Entry& entry : errors.entries()) {
      if (entry.row == row) error = entry.message;
    }
    if (one.expected.type == "error") {
      EXPECT_EQ(error, *one.expected.text);
      EXPECT_TRUE(result->null_at(row)) << "a row that failed is NULL";
      continue;
    }
    ASSERT_EQ(error, "");
    const Type expected_type = type_named(one.expected.type);
    EXPECT_EQ(expression.type.kind, expected_type.kind) << expression.type.name();
    EXPECT_TRUE(result->type == expression.type) << "the column has the expression's type";
    EXPECT_EQ(to_text(result->value_at(row), result->type), to_text(one.expected.value(), expected_type));
    EXPECT_EQ(result->null_at(row), !one.expected.text);
  }
  const bool is_strict = expression.op != Expression::Op::kCall || expression.function->strict;
  if (has_columns && is_strict) {
    EXPECT_TRUE(result->null_at(1)) << "of NULL comes NULL";
  }
}

inline void run_case(std::string_view line) {
  SCOPED_TRACE(line);
  const Case one(line);
  ExpressionPtr constant;
  try {
    constant = one.expression(0);
  } catch (const Error& error) {
    if (one.expected.type != "refused") ADD_FAILURE() << error.message();
    return;
  }
  ASSERT_EQ(constant == nullptr, one.expected.type == "refused");
  if (!constant) return;
  uint32_t known = 0;
  for (size_t i = 0; i < one.arguments.size(); ++i) known |= one.arguments[i].is_unknown() ? 0 : 1U << i;
  for (uint32_t columns = 0; columns < (1U << one.arguments.size()); ++columns) {
    SCOPED_TRACE("columns " + std::to_string(columns));
    if ((columns & ~known) != 0) continue;
    expect_rows(one, *one.expression(columns), columns != 0);
  }
}

inline void run_cases(std::string_view cases) {
  for (const std::string_view line : split(cases, "\n")) {
    if (!line.empty()) run_case(line);
  }
}

}  // namespace headrace::testing
