// Random expressions over random rows, with every function and cast of the table: a batch must give, row by row, what
// its rows give alone, and what the same rows give when a CASE, AND or coalesce chooses them. The seed is printed by a
// failure.
#include <random>

#include "base/check.h"

#include "flow/testing_functions.h"

namespace headrace {
namespace {

using testing::call;
using testing::cast;
using testing::column;
using testing::literal;
using testing::node;
using Op = Expression::Op;

constexpr std::array kKinds = {Kind::kBoolean, Kind::kSmallint, Kind::kInteger,     Kind::kBigint,   Kind::kReal,
                               Kind::kDouble,  Kind::kNumeric,  Kind::kText,        Kind::kBytea,    Kind::kUuid,
                               Kind::kDate,    Kind::kJsonb,    Kind::kTimestamptz, Kind::kInterval, Kind::kArray};

// Values at the edges, and a few that other values are made from.
std::vector<std::string_view> samples(Kind kind) {
  switch (kind) {
    case Kind::kBoolean: return {"t", "f"};
    case Kind::kSmallint: return {"0", "1", "-1", "7", "32767", "-32768"};
    case Kind::kInteger: return {"0", "1", "-1", "2", "3", "2147483647", "-2147483648"};
    case Kind::kBigint: return {"0", "1", "-1", "86400", "9223372036854775807", "-9223372036854775808"};
    case Kind::kReal: return {"0", "-0", "1.5", "-2.5", "3e38", "1e-38", "NaN", "Infinity"};
    case Kind::kDouble: return {"0", "-0", "0.5", "-2.5", "1e308", "1e-308", "978307200.25", "NaN", "-Infinity"};
    case Kind::kNumeric: return {"0", "0.00", "1.50", "-2.5", "0.0000000001", "12345678901234567890123456789012345678"};
    case Kind::kText:
      return {"",    "a",   "ab",     "hour",       "day",   "UTC",   "12", " -3 ",
              "x☃é", "%b_", "(a|b)*", "2001-02-03", "1 day", "{1,2}", "[1]"};
    case Kind::kBytea: return {"", "\\x00ff", "\\x41"};
    case Kind::kUuid: return {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"};
    case Kind::kDate: return {"1970-01-01", "1969-12-31", "2000-02-29", "4713-11-24 BC", "5874897-12-31"};
    case Kind::kTimestamptz:
      return {"1970-01-01 00:00:00Z", "1969-12-31 23:59:59.999999Z", "2001-01-31 12:00:00Z", "0044-03-15 00:00:00Z BC",
              "294246-12-31 23:59:59Z"};
    case Kind::kInterval:
      return {"0", "1 day", "-1 month 2 days 03:04:05.6", "5 minutes", "178000000 years", "2147483647 days"};
    case Kind::kJsonb: return {"null", "1", "1.50", "\"s\"", "[1, [true], \"x\"]", "{\"a\": {\"ab\": null}, \"\": 2}"};
    case Kind::kArray: return {"{}", "{1,2}", "{NULL,-1}"};
  }
  return {};
}

Type type_of(Kind kind) {
  return {.kind = kind, .element = kind == Kind::kArray ? Kind::kInteger : Kind::kText};
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  Value value(Kind kind) {
    if (below(6) == 0) return {};
    const auto texts = samples(kind);
    return parse_text(texts[below(texts.size())], type_of(kind));
  }

  // Two columns of each kind.
  Batch batch(size_t rows) {
    auto type = std::make_shared<RowType>();
    for (const Kind kind : kKinds) {
      type->columns.push_back({.name = "x", .type = type_of(kind)});
      type->columns.push_back({.name = "y", .type = type_of(kind)});
    }
    BatchBuilder builder(type);
    for (size_t row = 0; row < rows; ++row) {
      std::vector<Value> values;
      for (const Column& each : type->columns) values.push_back(value(each.type.kind));
      builder.append_row(values);
    }
    return builder.finish();
  }

  ExpressionPtr expression(Kind kind, int depth) {
    const size_t choice = depth == 0 ? below(3) : below(12);
    if (choice == 0) return literal(type_of(kind), value(kind));
    if (choice < 3) {
      const auto at = static_cast<size_t>(std::ranges::find(kKinds, kind) - kKinds.begin());
      return column(type_of(kind), at * 2 + below(2));
    }
    if (choice == 3) {
      return node(Op::kCase,
                  {expression(Kind::kBoolean, depth - 1), expression(kind, depth - 1),
                   expression(Kind::kBoolean, depth - 1), expression(kind, depth - 1), expression(kind, depth - 1)},
                  type_of(kind));
    }
    if (choice == 4) return polymorphic(kind, depth);
    if (choice == 5) return converted(kind, depth);
    if (choice == 6 && kind == Kind::kBoolean) return logic(depth);
    return function(kind, depth);
  }

 private:
  ExpressionPtr polymorphic(Kind kind, int depth) {
    constexpr std::string_view kNames[] = {"coalesce", "nullif", "greatest", "least"};
    return call(kNames[below(4)], {expression(kind, depth - 1), expression(kind, depth - 1)});
  }

  ExpressionPtr converted(Kind kind, int depth) {
    std::vector<Kind> sources;
    for (const Kind from : kKinds) {
      if (from != kind && can_cast(type_of(from), type_of(kind), CastContext::kExplicit)) sources.push_back(from);
    }
    if (sources.empty()) return expression(kind, 0);
    return cast(expression(sources[below(sources.size())], depth - 1), type_of(kind));
  }

  ExpressionPtr logic(int depth) {
    const ExpressionPtr first = expression(Kind::kBoolean, depth - 1);
    switch (below(4)) {
      case 0: return node(Op::kNot, {first});
      case 1: return node(Op::kIsNull, {expression(kKinds[below(kKinds.size())], depth - 1)});
      case 2:
        return node(Op::kAnd, {first, expression(Kind::kBoolean, depth - 1), expression(Kind::kBoolean, depth - 1)});
      default: return node(Op::kOr, {first, expression(Kind::kBoolean, depth - 1)});
    }
  }

  ExpressionPtr function(Kind kind, int depth) {
    std::vector<const Function*> candidates;
    for (const Function& each : all_functions()) {
      if ((each.polymorphic == Function::Polymorphic::kNo || each.polymorphic == Function::Polymorphic::kAny) &&
          each.result == kind)
        candidates.push_back(&each);
    }
    if (candidates.empty()) return expression(kind, 0);
    const Function& chosen = *candidates[below(candidates.size())];
    auto result = std::make_shared<Expression>();
    result->op = Op::kCall;
    result->type = type_of(kind);
    result->function = &chosen;
    const bool any = chosen.polymorphic == Function::Polymorphic::kAny;
    const size_t count = chosen.parameters.size() + (chosen.variadic ? below(3) : 0);
    for (size_t i = 0; i < count; ++i) {
      const Kind parameter = any ? kKinds[below(kKinds.size())] : chosen.parameters[i];
      result->arguments.push_back(expression(parameter, depth - 1));
    }
    return result;
  }

  std::mt19937_64 random_;
};

// The value of each row as text, or its error.
std::vector<std::string> answers(const Expression& expression, const Batch& batch) {
  RowErrors errors;
  const ColumnPtr values = evaluate(expression, batch, errors);
  check(values->size() == batch.rows, "a column has a value for every row");
  check(values->type == expression.type, "a column has the type of the expression");
  check(values->nulls.empty() || values->nulls.size() == batch.rows, "nulls are for all rows or none");
  std::vector<std::string> result;
  for (size_t row = 0; row < batch.rows; ++row) {
    result.push_back(values->null_at(row) ? "NULL" : "'" + to_text(values->value_at(row), values->type) + "'");
  }
  for (const RowErrors::Entry& entry : errors.entries()) {
    check(result[entry.row] == "NULL", "a row that failed is NULL");
    result[entry.row] = entry.message;
  }
  return result;
}

TEST(RandomExpressions, ABatchGivesWhatItsRowsGive) {
  constexpr uint64_t kSeed = 20260101;
  constexpr int kRounds = 1500;
  constexpr size_t kRows = 12;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t seed = kSeed + static_cast<uint64_t>(round);
    Generator generator(seed);
    const Batch batch = generator.batch(kRows);
    const ExpressionPtr expression = generator.expression(kKinds[generator.below(kKinds.size())], 3);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + to_sql(*expression, *batch.type));
    const std::vector<std::string> whole = answers(*expression, batch);
    for (uint32_t row = 0; row < kRows; ++row) {
      ASSERT_EQ(answers(*expression, batch.gather(std::array{row}))[0], whole[row]) << "row " << row;
    }
    // Chosen by a condition, the rows that are chosen give the same; the others cannot fail.
    const ExpressionPtr chosen = column({.kind = Kind::kBoolean}, 0);
    const ExpressionPtr null = literal(expression->type, Value());
    const auto narrowed = answers(*node(Op::kCase, {chosen, expression, null}, expression->type), batch);
    for (uint32_t row = 0; row < kRows; ++row) {
      const ColumnData& flags = *batch.columns[0];
      const bool taken = !flags.null_at(row) && flags.ints[row] != 0;
      ASSERT_EQ(narrowed[row], taken ? whole[row] : "NULL") << "row " << row << " chosen by a condition";
    }
  }
}

}  // namespace
}  // namespace headrace
