// What is evaluated for which row, how errors come out, and how expressions are shown.
#include "flow/expression.h"

#include "flow/testing_functions.h"

namespace headrace {
namespace {

using testing::call;
using testing::cast;
using testing::column;
using testing::literal;
using testing::node;
using testing::type_named;
using Op = Expression::Op;

const Type kInteger{.kind = Kind::kInteger};
const Type kText{.kind = Kind::kText};
const Type kBoolean{.kind = Kind::kBoolean};

ExpressionPtr number(int64_t value) {
  return literal(kInteger, value);
}

// Two integer columns, a text and a boolean.
Batch sample() {
  auto type = std::make_shared<RowType>();
  type->columns = {{.name = "a", .type = kInteger},
                   {.name = "b", .type = kInteger},
                   {.name = "Name", .type = kText},
                   {.name = "flag", .type = kBoolean}};
  BatchBuilder builder(type);
  const Value null;
  const std::vector<std::vector<Value>> rows = {
      {int64_t{10}, int64_t{2}, std::string("12"), int64_t{1}},
      {int64_t{10}, int64_t{0}, std::string("x"), int64_t{0}},
      {null, int64_t{5}, null, null},
      {int64_t{-7}, null, std::string("-3"), int64_t{1}},
  };
  for (const auto& row : rows) builder.append_row(row);
  return builder.finish();
}

ExpressionPtr a() {
  return column(kInteger, 0);
}
ExpressionPtr b() {
  return column(kInteger, 1);
}
ExpressionPtr name() {
  return column(kText, 2);
}
ExpressionPtr flag() {
  return column(kBoolean, 3);
}
ExpressionPtr quotient() {
  return call("/", {a(), b()});
}

// Values by row, "NULL" and "error: ..." among them.
std::vector<std::string> results(const Expression& expression, const Batch& batch = sample()) {
  RowErrors errors;
  const ColumnPtr values = evaluate(expression, batch, errors);
  EXPECT_EQ(values->size(), batch.rows);
  std::vector<std::string> result;
  for (size_t row = 0; row < batch.rows; ++row) {
    result.push_back(values->null_at(row) ? "NULL" : to_text(values->value_at(row), values->type));
  }
  for (const RowErrors::Entry& entry : errors.entries()) {
    EXPECT_EQ(result[entry.row], "NULL") << "a row that failed is NULL";
    result[entry.row] = "error: " + entry.message;
  }
  return result;
}

using Results = std::vector<std::string>;

TEST(Evaluate, ReportsErrorsByRow) {
  EXPECT_EQ(results(*quotient()), (Results{"5", "error: division by zero", "NULL", "NULL"}));
  EXPECT_EQ(results(*cast(name(), kInteger)),
            (Results{"12", "error: invalid input syntax for type integer: \"x\"", "NULL", "-3"}));
}

TEST(Evaluate, KeepsTheFirstErrorOfARow) {
  RowErrors errors;
  const ExpressionPtr both = call("+", {cast(name(), kInteger), quotient()});
  (void)evaluate(*both, sample(), errors);
  ASSERT_EQ(errors.entries().size(), 1U);
  EXPECT_EQ(errors.entries()[0].row, 1U);
  EXPECT_TRUE(errors.failed(1));
  EXPECT_FALSE(errors.failed(0));
}

TEST(Evaluate, AnErrorIsNotHiddenByWhatStandsAroundIt) {
  EXPECT_EQ(results(*call("coalesce", {quotient(), number(1)})), (Results{"5", "error: division by zero", "1", "1"}));
  EXPECT_EQ(results(*node(Op::kIsNull, {quotient()})), (Results{"f", "error: division by zero", "t", "t"}));
}

TEST(Evaluate, ConstantsThatFailFailEveryRow) {
  const ExpressionPtr constant = call("/", {number(1), number(0)});
  const std::string error = "error: division by zero";
  EXPECT_EQ(results(*constant), (Results{error, error, error, error}));
  EXPECT_EQ(results(*call("+", {number(1), number(2)})), (Results{"3", "3", "3", "3"}));
}

TEST(Evaluate, BranchesNotTakenDoNotFail) {
  const ExpressionPtr is_zero = call("=", {b(), number(0)});
  EXPECT_EQ(results(*node(Op::kCase, {is_zero, number(-1), quotient()}, kInteger)),
            (Results{"5", "-1", "NULL", "NULL"}));
  EXPECT_EQ(results(*node(Op::kCase, {is_zero, call("/", {number(1), number(0)}), a()}, kInteger)),
            (Results{"10", "error: division by zero", "NULL", "-7"}));
  // Later conditions are not evaluated for rows that are decided.
  const ExpressionPtr fails_for_zero = call(">", {quotient(), number(1)});
  EXPECT_EQ(results(*node(Op::kCase, {is_zero, number(1), fails_for_zero, number(2), number(3)}, kInteger)),
            (Results{"2", "1", "3", "3"}));
}

TEST(Evaluate, AndStopsAtFalse) {
  const ExpressionPtr is_not_zero = call("<>", {b(), number(0)});
  const ExpressionPtr large = call(">", {quotient(), number(1)});
  EXPECT_EQ(results(*node(Op::kAnd, {is_not_zero, large})), (Results{"t", "f", "NULL", "NULL"}));
  EXPECT_EQ(results(*node(Op::kAnd, {large, is_not_zero})), (Results{"t", "error: division by zero", "NULL", "NULL"}));
}

TEST(Evaluate, OrStopsAtTrue) {
  const ExpressionPtr is_zero = call("=", {b(), number(0)});
  const ExpressionPtr large = call(">", {quotient(), number(1)});
  EXPECT_EQ(results(*node(Op::kOr, {is_zero, large})), (Results{"t", "t", "NULL", "NULL"}));
}

TEST(Evaluate, CoalesceStopsAtAValue) {
  EXPECT_EQ(results(*call("coalesce", {b(), quotient(), number(9)})), (Results{"2", "0", "5", "9"}));
  const ExpressionPtr null = literal(kInteger, Value());
  EXPECT_EQ(results(*call("coalesce", {null, call("nullif", {b(), number(0)}), call("/", {a(), b()})})),
            (Results{"2", "error: division by zero", "5", "NULL"}));
}

// The truth tables of three-valued logic, with every operand as a column and as a constant, of every order.
TEST(Evaluate, LogicHasThreeValues) {
  const Value values[] = {int64_t{0}, int64_t{1}, Value()};
  const std::string and_table[3][3] = {{"f", "f", "f"}, {"f", "t", "NULL"}, {"f", "NULL", "NULL"}};
  const std::string or_table[3][3] = {{"f", "t", "NULL"}, {"t", "t", "t"}, {"NULL", "t", "NULL"}};
  auto type = std::make_shared<RowType>();
  type->columns = {{.name = "l", .type = kBoolean}, {.name = "r", .type = kBoolean}};
  for (size_t left = 0; left < 3; ++left) {
    for (size_t right = 0; right < 3; ++right) {
      BatchBuilder builder(type);
      builder.append_row(std::vector<Value>{values[left], values[right]});
      const Batch batch = builder.finish();
      for (const bool left_constant : {false, true}) {
        for (const bool right_constant : {false, true}) {
          const ExpressionPtr l = left_constant ? literal(kBoolean, values[left]) : column(kBoolean, 0);
          const ExpressionPtr r = right_constant ? literal(kBoolean, values[right]) : column(kBoolean, 1);
          EXPECT_EQ(results(*node(Op::kAnd, {l, r}), batch), Results{and_table[left][right]});
          EXPECT_EQ(results(*node(Op::kOr, {l, r}), batch), Results{or_table[left][right]});
        }
      }
    }
  }
  EXPECT_EQ(results(*node(Op::kNot, {flag()})), (Results{"f", "t", "NULL", "f"}));
}

TEST(Evaluate, ACaseWithoutAMatchTakesElse) {
  const ExpressionPtr null = literal(kText, Value());
  EXPECT_EQ(results(*node(Op::kCase, {flag(), name(), null}, kText)), (Results{"12", "NULL", "NULL", "-3"}));
  EXPECT_EQ(results(*node(Op::kCase, {flag(), literal("text", "yes"), literal("text", "no")}, kText)),
            (Results{"yes", "no", "no", "yes"}));
}

TEST(Evaluate, AnswersForNoRows) {
  const Batch batch = BatchBuilder(sample().type).finish();
  EXPECT_EQ(results(*quotient(), batch), Results{});
  EXPECT_EQ(results(*number(1), batch), Results{});
}

TEST(Evaluate, PassesColumnsOnWithoutACopy) {
  const Batch batch = sample();
  RowErrors errors;
  EXPECT_EQ(evaluate(*a(), batch, errors), batch.columns[0]);
}

TEST(Evaluate, ResultsOutliveTheExpressionAndTheBatch) {
  RowErrors errors;
  ColumnPtr result;
  {
    const Batch batch = sample();
    const ExpressionPtr text =
        node(Op::kCase,
             {flag(), call("left", {name(), number(1)}), literal("text", "a longer text than fits in place")}, kText);
    result = evaluate(*text, batch, errors);
  }
  EXPECT_EQ(std::get<std::string>(result->value_at(0)), "1");
  EXPECT_EQ(std::get<std::string>(result->value_at(1)), "a longer text than fits in place");
}

TEST(Evaluate, ResultsAreBounded) {
  const auto error_of = [](const ExpressionPtr& expression) {
    return results(*expression, sample().gather(std::array{0U}))[0];
  };
  const ExpressionPtr mebibyte = call("repeat", {literal("text", "0123456789abcdef"), number(65536)});
  EXPECT_EQ(results(*call("octet_length", {mebibyte}))[0], "1048576");
  const std::string too_long = "error: the result is longer than 1 MiB";
  EXPECT_EQ(error_of(call("||", {mebibyte, name()})), too_long);
  EXPECT_EQ(error_of(call("concat", {mebibyte, name()})), too_long);
  EXPECT_EQ(error_of(call("concat_ws", {mebibyte, name(), name(), name()})), too_long);
  EXPECT_EQ(error_of(call("replace", {mebibyte, literal("text", "f"), literal("text", "ff")})), too_long);
  EXPECT_EQ(error_of(call("repeat", {name(), number(2'000'000'000)})), "error: requested length too large");
  EXPECT_EQ(error_of(call("lpad", {name(), number(2'000'000'000)})), "error: requested length too large");
  EXPECT_EQ(error_of(call("rpad", {name(), number(600'000), literal("text", "é")})),
            "error: requested length too large");
}

TEST(Evaluate, ABadRegularExpressionIsAnErrorOfItsRows) {
  EXPECT_EQ(
      results(*call("~", {name(), literal("text", "(")})),
      (Results{"error: invalid regular expression: missing ): (", "error: invalid regular expression: missing ): (",
               "NULL", "error: invalid regular expression: missing ): ("}));
}

// More patterns than are kept, more than once.
TEST(Evaluate, PatternsMayDifferByRow) {
  auto type = std::make_shared<RowType>();
  type->columns = {{.name = "t", .type = kText}, {.name = "p", .type = kText}};
  BatchBuilder builder(type);
  Results expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = std::to_string(i % 70);
    builder.append_row(std::vector<Value>{text, i % 3 == 0 ? "^" + text + "$" : std::string("x+")});
    expected.emplace_back(i % 3 == 0 ? "t" : "f");
  }
  EXPECT_EQ(results(*call("~", {column(kText, 0), column(kText, 1)}), builder.finish()), expected);
}

TEST(ToSql, ShowsWhatCouldHaveBeenWritten) {
  const RowTypePtr type = sample().type;
  const auto sql = [&](const ExpressionPtr& expression) { return to_sql(*expression, *type); };
  EXPECT_EQ(sql(call("+", {a(), call("*", {b(), number(-2)})})), "a + (b * (-2))");
  EXPECT_EQ(sql(call("-", {call("+", {a(), b()})})), "-(a + b)");
  EXPECT_EQ(sql(node(Op::kAnd, {flag(), node(Op::kNot, {node(Op::kIsNull, {name()})})})),
            "flag AND (NOT (\"Name\" IS NULL))");
  EXPECT_EQ(sql(call("~~", {name(), literal("text", "it's%")})), "\"Name\" LIKE 'it''s%'");
  EXPECT_EQ(sql(cast(call("+", {a(), b()}), type_named("numeric(12,2)"))), "(a + b)::numeric(12,2)");
  EXPECT_EQ(sql(node(Op::kCase, {flag(), number(1), literal(kInteger, Value())}, kInteger)),
            "CASE WHEN flag THEN 1 ELSE NULL END");
  EXPECT_EQ(sql(call("is distinct from", {a(), b()})), "a IS DISTINCT FROM b");
  const ExpressionPtr instant = literal("timestamptz", "2001-02-03 04:05:06Z");
  EXPECT_EQ(sql(call("tumble_start", {instant, literal("interval", "1 minute")})),
            "tumble_start(TIMESTAMPTZ '2001-02-03T04:05:06Z', INTERVAL '00:01:00')");
  EXPECT_EQ(sql(call("extract", {literal("text", "hour"), instant})),
            "extract(hour FROM TIMESTAMPTZ '2001-02-03T04:05:06Z')");
  EXPECT_EQ(sql(call("position", {name(), literal("text", "x")})), "position('x' IN \"Name\")");
}

}  // namespace
}  // namespace headrace
