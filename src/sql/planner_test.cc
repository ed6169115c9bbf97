#include "sql/planner.h"

#include <gtest/gtest.h>

#include <thread>

#include "schema/value.h"
#include "sql/testing_errors.h"
#include "sql/testing_relations.h"

namespace headrace {
namespace {

const TestRelations& relations() {
  static const TestRelations instance(kTestStatements);
  return instance;
}

QueryPlanPtr plan(std::string_view sql, QueryUse use = QueryUse::kView) {
  return plan_query(sql, relations(), use);
}

std::string columns_of(const QueryPlan& query) {
  std::string result;
  for (const Column& column : query.root->type->columns)
    result +=
        (result.empty() ? "" : ", ") + column.name + " " + column.type.name() + (column.nullable ? "" : " NOT NULL");
  return result;
}

// The nodes from the root down.
std::string shape(const QueryPlan& query) {
  std::string result;
  for (const Plan* node = query.root.get(); node; node = node->input.get()) {
    constexpr std::string_view kNames[] = {"source", "filter", "project", "aggregate"};
    result += (result.empty() ? "" : " ") + std::string(kNames[static_cast<size_t>(node->node)]);
  }
  return result;
}

TEST(Planner, ShapesHaveNoNeedlessProjections) {
  EXPECT_EQ(shape(*plan("SELECT * FROM scans")), "source");
  EXPECT_EQ(shape(*plan("SELECT * FROM scans WHERE n > 1")), "filter source");
  EXPECT_EQ(shape(*plan("SELECT id, n FROM scans")), "project source");
  EXPECT_EQ(shape(*plan("SELECT depot, count(*) AS c FROM scans GROUP BY depot")), "aggregate source");
  EXPECT_EQ(shape(*plan("SELECT depot, sum(n) + 1 AS c FROM scans GROUP BY depot")), "project aggregate source");
  EXPECT_EQ(shape(*plan("SELECT depot, sum(n + 1) AS c FROM scans WHERE ok GROUP BY depot HAVING sum(n + 1) > 3")),
            "filter aggregate project filter source");
  EXPECT_EQ(shape(*plan("SELECT depot, total FROM by_depot WHERE total > 3")), "project filter aggregate source");
  EXPECT_EQ(shape(*plan(
                "SELECT window_start, count(*) AS c FROM TUMBLE(scans, at, INTERVAL '1 hour') GROUP BY window_start")),
            "aggregate project source");
  EXPECT_EQ(shape(*plan("SELECT total, count(*) AS c FROM by_depot GROUP BY total")), "aggregate aggregate source");
  EXPECT_EQ(shape(*plan("SELECT DISTINCT n FROM scans")), "aggregate source");
  EXPECT_EQ(shape(*plan("SELECT DISTINCT depot, scans FROM by_depot")), "project aggregate source");
}

TEST(Planner, AWindowOfWhichOnlyTheStartIsUsedComputesNothingElse) {
  const QueryPlanPtr query =
      plan("SELECT window_start, count(*) AS c FROM TUMBLE(scans, at, INTERVAL '1 hour') GROUP BY window_start");
  EXPECT_EQ(query->root->input->expressions.size(), 1u);
}

TEST(Planner, AComputedColumnThatIsUsedTwiceIsComputedOnce) {
  const QueryPlanPtr query = plan("SELECT id, x + x AS y FROM (SELECT id, n * 2 AS x FROM scans) s");
  EXPECT_EQ(shape(*query), "project project source");
}

TEST(Planner, EqualAggregatesAreComputedOnce) {
  const QueryPlanPtr query =
      plan("SELECT depot, sum(n) AS a, sum(n) + 1 AS b, sum(n) FILTER (WHERE ok) AS c FROM scans GROUP BY depot");
  EXPECT_EQ(query->root->input->aggregates.size(), 2u);
}

TEST(Planner, TypesAndNullability) {
  EXPECT_EQ(columns_of(*plan(
                "SELECT id, parcel, n + 1 AS a, n / 2.5 AS b, at + INTERVAL '1 day' AS c, parcel || 'x' AS d, "
                "n IS NULL AS e, coalesce(depot, 'none') AS f, 'x' AS g, NULL AS h, ok AND n = 1 AS i FROM scans")),
            "id bigint NOT NULL, parcel text NOT NULL, a integer, b numeric, c timestamptz NOT NULL, d text NOT NULL, "
            "e boolean NOT NULL, f text NOT NULL, g text NOT NULL, h text, i boolean");
  EXPECT_EQ(columns_of(*plan(
                "SELECT parcel, count(*) AS a, count(n) AS b, sum(n) AS c, avg(n) AS d, max(amount) AS e, "
                "min(at) AS f, arg_max(depot, at) AS g, approx_count_distinct(n) AS h FROM scans GROUP BY parcel")),
            "parcel text NOT NULL, a bigint NOT NULL, b bigint NOT NULL, c bigint, d numeric, e numeric(8,2), "
            "f timestamptz, g text, h bigint NOT NULL");
}

TEST(Planner, KeysOfViews) {
  const auto key = [](std::string_view sql) {
    const QueryPlanPtr query = plan(sql);
    std::string result = query->key_is_unique ? "" : "all:";
    for (const size_t column : query->key) result += " " + query->root->type->columns[column].name;
    return result;
  };
  EXPECT_EQ(key("SELECT n, depot, count(*) AS c FROM scans GROUP BY depot, n"), " depot n");
  EXPECT_EQ(key("SELECT n AS x, depot AS y, count(*) AS c FROM scans GROUP BY 2, 1"), " y x");
  EXPECT_EQ(key("SELECT count(*) AS c FROM scans"), "");
  EXPECT_EQ(key("SELECT parcel, id AS event FROM scans"), " event");
  EXPECT_EQ(key("SELECT parcel, n FROM scans"), "all: parcel n");
  EXPECT_EQ(key("SELECT city, depot FROM depots"), " depot");
  EXPECT_EQ(key("SELECT city FROM depots"), "all: city");
  EXPECT_EQ(key("SELECT total, depot FROM by_depot"), " depot");
  EXPECT_EQ(key("SELECT total FROM by_depot"), "all: total");
  EXPECT_EQ(key("SELECT DISTINCT city FROM depots"), " city");
  EXPECT_EQ(key("SELECT a, b FROM plain"), "all: a b");
}

TEST(Planner, WhatOnlyGrowsIsKnown) {
  EXPECT_TRUE(plan("SELECT parcel FROM scans WHERE ok")->root->append_only);
  EXPECT_TRUE(plan("SELECT DISTINCT parcel FROM scans")->root->append_only);
  EXPECT_FALSE(plan("SELECT city FROM depots")->root->append_only);
  EXPECT_FALSE(plan("SELECT depot FROM by_depot")->root->append_only);
  EXPECT_EQ(plan("SELECT parcel FROM scans", QueryUse::kStream)->sources, std::vector<std::string>{"scans"});
}

TEST(Planner, AdHocOrderAndLimit) {
  const QueryPlanPtr query =
      plan("SELECT depot, n FROM scans ORDER BY n DESC, depot NULLS FIRST LIMIT 5 OFFSET 2", QueryUse::kAdHoc);
  ASSERT_EQ(query->order_by.size(), 2u);
  EXPECT_EQ(query->order_by[0].column, 1u);
  EXPECT_TRUE(query->order_by[0].descending);
  EXPECT_TRUE(query->order_by[0].nulls_first);
  EXPECT_EQ(query->order_by[1].column, 0u);
  EXPECT_TRUE(query->order_by[1].nulls_first);
  EXPECT_EQ(query->limit, 5);
  EXPECT_EQ(query->skip, 2);
  EXPECT_EQ(columns_of(*plan("SELECT count(*), count(n), 1 + 1 FROM scans", QueryUse::kAdHoc)),
            "count bigint NOT NULL, count_1 bigint NOT NULL, ?column? integer NOT NULL");
}

TEST(Planner, ConstantsAreComputedOnce) {
  const QueryPlanPtr query =
      plan("SELECT id, 1 + 2 * 3 AS a, INTERVAL '1 hour' * 2 AS b, upper('x') || 1 AS c FROM scans");
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(query->root->expressions[i]->op, Expression::Op::kLiteral);
  EXPECT_EQ(query->root->expressions[1]->literal, Value(int64_t{7}));
  EXPECT_EQ(query->root->expressions[3]->literal, Value(std::string("X1")));
}

TEST(Planner, ErrorsPointIntoTheQuery) {
  using enum Code;
  const WrongSql wrong[] = {
      {"SELECT @parcl FROM scans", "did you mean \"parcel\"?"},
      {"SELECT @s.parcel FROM scans", "\"s\" is not a relation in FROM"},
      {"SELECT parcel FROM @scan", "did you mean \"scans\"?", Code::kNotFound},
      {"SELECT @uper(parcel) AS x FROM scans", "did you mean \"upper\"?"},
      {"SELECT @upper(n, n) AS x FROM scans", "not for these types"},
      {"SELECT id, parcel @+ n AS x FROM scans", "operator does not exist: text + integer"},
      {"SELECT id, n @= at AS x FROM scans", "operator does not exist"},
      {"SELECT id, n = @'x' AS y FROM scans", "\"x\""},
      {"SELECT id, at > @'yesterday' AS y FROM scans", "yesterday"},
      {"SELECT id, @at::integer AS y FROM scans", "cannot cast type timestamptz to integer"},
      {"SELECT id, CAST('x' AS @txt) AS y FROM scans", "type \"txt\" does not exist"},
      {"SELECT id FROM scans WHERE @n", "must be a condition, of type boolean; this is integer"},
      {"SELECT id FROM scans WHERE @sum(n) > 1", "not allowed in WHERE; use HAVING"},
      {"SELECT @n, count(*) AS c FROM scans GROUP BY depot", "must appear in GROUP BY"},
      {"SELECT depot, count(*) AS c FROM scans GROUP BY depot HAVING @n > 1", "must appear in GROUP BY"},
      {"SELECT depot, sum(@sum(n)) AS c FROM scans GROUP BY depot", "cannot be nested"},
      {"SELECT depot, @sum(parcel) AS c FROM scans GROUP BY depot", "sum does not take these types"},
      {"SELECT depot, @count(DISTINCT n) AS c FROM scans GROUP BY depot", "approx_count_distinct", kUnsupported},
      {"SELECT depot, @array_agg(n) AS c FROM scans GROUP BY depot", "not supported", kUnsupported},
      {"SELECT depot, @max(n ORDER BY at) AS c FROM scans GROUP BY depot", "ORDER BY in max", kUnsupported},
      {"SELECT depot, @first(n) AS c FROM scans GROUP BY depot", "first(x ORDER BY y)"},
      {"SELECT depot, count(*) AS c FROM scans GROUP BY depot, @n", "each must be in the SELECT list"},
      {"SELECT depot, count(*) AS c FROM scans GROUP BY @3", "GROUP BY position 3"},
      {"SELECT count(*) AS c FROM scans GROUP BY @'x'", "a constant in GROUP BY"},
      {"SELECT @now() AS x FROM scans", "functions of the log alone", kUnsupported},
      {"SELECT @random() AS x FROM scans", "functions of the log alone", kUnsupported},
      {"SELECT @current_timestamp AS x FROM scans", "functions of the log alone", kUnsupported},
      {"SELECT @row_number() OVER () AS x FROM scans", "TUMBLE", kUnsupported},
      {"SELECT id, @(SELECT 1) AS x FROM scans", "subqueries in expressions", kUnsupported},
      {"SELECT 1 AS x FROM scans JOIN @depots USING (depot)", "JOIN is not supported yet", kUnsupported},
      {"SELECT 1 AS x FROM scans, @depots", "joins are not supported yet", kUnsupported},
      {"SELECT 1 AS x FROM @HOP(scans, at, INTERVAL '1 min', INTERVAL '2 min')", "HOP windows", kUnsupported},
      {"SELECT 1 AS x FROM TUMBLE(scans, @n, INTERVAL '1 min')", "a column of type timestamptz"},
      {"SELECT 1 AS x FROM TUMBLE(scans, at, @INTERVAL '1 month')", "date_trunc('month'", kUnsupported},
      {"SELECT 1 AS x FROM TUMBLE(scans, at, @INTERVAL '-1 hour')", "greater than zero"},
      {"SELECT 1 AS x FROM TUMBLE(@nothing, at, INTERVAL '1 hour')", "does not exist", Code::kNotFound},
      {"SELECT 1 AS x FROM scans UNION SELECT 2", "UNION", kUnsupported},
      {"SELECT DISTINCT ON (@n) id, n FROM scans", "DISTINCT ON", kUnsupported},
      {"SELECT id FROM scans ORDER BY @id", "not supported in views", kUnsupported},
      {"SELECT id FROM scans LIMIT @5", "not supported in views", kUnsupported},
      {"SELECT @n + 1 FROM scans", "needs a name; add AS name"},
      {"SELECT id, n AS x, @id AS x FROM scans", "two columns called \"x\""},
      {"SELECT a, 1 @/ 0 AS x FROM plain", "division by zero"},
      {"SELECT a, 2147483647 @+ 1 AS x FROM plain", "out of range"},
      {"SELECT id, @$1 AS x FROM scans", "parameters", kUnsupported},
      {"SELECT id, CASE WHEN ok THEN n ELSE @parcel END AS x FROM scans", "no type in common"},
      {"SELECT *, count(*) AS c FROM scans", "must appear in GROUP BY"},
      {"SELECT 1 AS x", "needs FROM", kUnsupported},
      {"INSERT INTO scans VALUES (1)", "a query is expected"},
      {"SELECT id FROM scans;@ SELECT 2", "only one statement"},
      {"WITH x AS (SELECT a FROM @x) SELECT a FROM x", "relation \"x\" does not exist", Code::kNotFound},
  };
  for (const WrongSql& each : wrong) expect_error(each, [](std::string_view sql) { plan(sql); });
  expect_error({"SELECT depot FROM by_depot", "a stream only grows", kUnsupported},
               [](std::string_view sql) { plan(sql, QueryUse::kStream); });
  expect_error({"SELECT id FROM scans ORDER BY @n + 1", "add this expression", kUnsupported},
               [](std::string_view sql) { plan(sql, QueryUse::kAdHoc); });
  expect_error({"SELECT id FROM scans LIMIT @-1", "must not be negative"},
               [](std::string_view sql) { plan(sql, QueryUse::kAdHoc); });
}

TEST(Planner, ExpressionsThatWouldGrowWithoutBoundAreRefused) {
  std::string nested = "ok";
  for (int i = 0; i < 60; ++i) nested = "(" + nested + " BETWEEN false AND true)";
  expect_error({"SELECT id FROM scans WHERE " + nested, "computed", Code::kTooLarge},
               [](std::string_view sql) { plan(sql); });
}

// As deep as the parser lets it be: nothing that walks the tree may run out of stack, on a thread of the pool either.
TEST(Planner, TheDeepestExpressionsArePlanned) {
  const auto nested = [](std::string_view before, std::string_view middle, std::string_view after, size_t depth) {
    std::string result = "SELECT id, ";
    for (size_t i = 0; i < depth; ++i) result += before;
    result += middle;
    for (size_t i = 0; i < depth; ++i) result += after;
    return result + " AS x FROM scans";
  };
  const auto deepest = [&](std::string_view before, std::string_view middle, std::string_view after) {
    for (size_t depth = 300; depth > 10; --depth) {
      try {
        plan(nested(before, middle, after, depth));
        return depth;
      } catch (const Error& error) {
        if (error.code() != Code::kTooLarge) throw;
      }
    }
    return size_t{0};
  };
  std::jthread([&] {
    EXPECT_GT(deepest("(", "n", ")"), 100u);
    EXPECT_GT(deepest("", "n", " - 1"), 100u);
    EXPECT_GT(deepest("- ", "n", ""), 100u);
    EXPECT_GT(deepest("NOT ", "ok", ""), 100u);
    EXPECT_GT(deepest("CASE WHEN ok THEN ", "n", " END"), 100u);
    EXPECT_GT(deepest("abs(", "n", ")"), 100u);
    EXPECT_GT(deepest("coalesce(0, ", "n", ")"), 100u);
    EXPECT_GT(deepest("", "n", "::text"), 100u);
  }).join();
}

Batch insert(std::string_view sql) {
  return evaluate_insert(sql, relations().find("scans")->type);
}

TEST(Insert, ValuesAreCastToTheColumns) {
  const Batch batch = insert(
      "INSERT INTO scans (at, id, parcel, amount, f) VALUES ('2001-01-01 00:00:00Z', 1, 'p', 1.005, 2), "
      "(TIMESTAMPTZ '2001-01-02 00:00:00Z', 2 + 1, upper('q'), '7', -0.5)");
  ASSERT_EQ(batch.rows, 2u);
  EXPECT_EQ(to_text(batch.columns[4]->value_at(0), batch.type->columns[4].type), "1.01");
  EXPECT_EQ(to_text(batch.columns[1]->value_at(1), batch.type->columns[1].type), "Q");
  EXPECT_EQ(batch.columns[5]->value_at(1), Value(-0.5));
  EXPECT_TRUE(is_null(batch.columns[3]->value_at(0)));
}

TEST(Insert, ErrorsNameRowAndColumn) {
  const WrongSql wrong[] = {
      {"INSERT INTO scans (id, parcel, at, @what) VALUES (1)", "does not exist"},
      {"INSERT INTO scans (id, @id) VALUES (1, 2)", "named twice"},
      {"INSERT INTO scans (id, parcel, at) VALUES (1, 'x', '2001-01-01 00:00:00Z'), (@1)",
       "row 2 has 1 values for 3 columns"},
      {"INSERT INTO scans (id, at, parcel) VALUES (1, @'noon', 'x')", "column \"at\" of row 1"},
      {"INSERT INTO scans (id, at, parcel) VALUES (@1, '2001-01-01 00:00:00Z', NULL)",
       "column \"parcel\" of row 1 is NULL"},
      {"INSERT INTO scans (id, parcel, at, n) VALUES (1, 'x', '2001-01-01 00:00:00Z', @99999999999)",
       "column \"n\" of row 1"},
      {"INSERT INTO scans (id, parcel, at, amount) VALUES (1, 'x', '2001-01-01 00:00:00Z', @1e9)",
       "column \"amount\" of row 1"},
      {"INSERT INTO scans (id, parcel, at, n) VALUES (1, 'x', '2001-01-01 00:00:00Z', @parcel)",
       "a constant is expected"},
      {"INSERT INTO scans (id, parcel, at, n) VALUES (1, 'x', @now(), 1)", "functions of the log", Code::kUnsupported},
  };
  for (const WrongSql& each : wrong) expect_error(each, [](std::string_view sql) { insert(sql); });
}

}  // namespace
}  // namespace headrace
