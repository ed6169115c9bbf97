#include "flow/testing_oracle.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include "flow/hyperloglog.h"
#include "flow/key_looks.h"

#define XXH_INLINE_ALL
#include "xxhash.h"

namespace headrace::testing {
namespace {

std::string encoded(const Value& value, const Type& type) {
  std::string key;
  append_key(key, value, type);
  return key;
}

// The rows that count for a call.
std::vector<Row> counted(const AggregateCall& call, const std::vector<Row>& rows) {
  std::vector<Row> result;
  for (const Row& row : rows) {
    if (call.filter >= 0) {
      const Value& filter = row[static_cast<size_t>(call.filter)];
      if (is_null(filter) || std::get<int64_t>(filter) == 0) continue;
    }
    if (std::ranges::any_of(call.arguments, [&](size_t argument) { return is_null(row[argument]); })) continue;
    result.push_back(row);
  }
  return result;
}

Value sum_of(const AggregateCall& call, const Type& type, const std::vector<Row>& rows) {
  if (rows.empty()) return {};
  const size_t argument = call.arguments[0];
  const bool is_average = call.kind == AggregateKind::kAvg;
  if (type.form() == Form::kFloat) {
    double sum = 0;
    for (const Row& row : rows) sum += std::get<double>(row[argument]);
    return is_average ? sum / static_cast<double>(rows.size()) : sum;
  }
  if (type.form() == Form::kInterval) {
    Interval sum;
    for (const Row& row : rows) {
      const auto& value = std::get<Interval>(row[argument]);
      sum = {sum.months + value.months, sum.days + value.days, sum.micros + value.micros};
    }
    if (is_average) throw std::logic_error("the oracle does not average intervals");
    return sum;
  }
  Decimal sum;
  for (const Row& row : rows) {
    const Value& value = row[argument];
    sum = sum + (value.index() == 1 ? Decimal::from_int(std::get<int64_t>(value)) : std::get<Decimal>(value));
  }
  if (is_average) return sum / Decimal::from_int(static_cast<int64_t>(rows.size()));
  if (call.type.kind == Kind::kNumeric) return sum;
  return sum.to_int64().value();
}

Value result_of(const AggregateCall& call, const RowType& type, bool append_only, const std::vector<Row>& all) {
  const std::vector<Row> rows = counted(call, all);
  const auto type_of = [&](size_t argument) { return type.columns[call.arguments[argument]].type; };
  const auto value_of = [&](const Row& row, size_t argument) -> const Value& { return row[call.arguments[argument]]; };
  switch (call.kind) {
    case AggregateKind::kCountAll:
    case AggregateKind::kCount: return static_cast<int64_t>(rows.size());
    case AggregateKind::kSum:
    case AggregateKind::kAvg: return sum_of(call, type_of(0), rows);
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr: {
      if (rows.empty()) return {};
      const auto yes =
          std::ranges::count_if(rows, [&](const Row& row) { return std::get<int64_t>(value_of(row, 0)) != 0; });
      if (call.kind == AggregateKind::kBoolOr) return static_cast<int64_t>(yes > 0);
      return static_cast<int64_t>(yes == static_cast<int64_t>(rows.size()));
    }
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kArgMin:
    case AggregateKind::kArgMax: {
      if (rows.empty()) return {};
      const bool is_max = call.kind == AggregateKind::kMax || call.kind == AggregateKind::kArgMax;
      const size_t order = call.arguments.size() - 1;
      const Row& best = *std::ranges::min_element(rows, [&](const Row& left, const Row& right) {
        const int compared = compare(value_of(left, order), value_of(right, order), type_of(order));
        if (compared != 0) return is_max ? compared > 0 : compared < 0;
        const int values = compare(value_of(left, 0), value_of(right, 0), type_of(0));
        if (values != 0 || type_of(0).form() != Form::kDecimal) return values < 0;
        return std::get<Decimal>(value_of(left, 0)).scale < std::get<Decimal>(value_of(right, 0)).scale;
      });
      return value_of(best, 0);
    }
    case AggregateKind::kApproxCountDistinct: {
      std::set<std::string> values;
      HyperLogLog sketch;
      for (const Row& row : rows) {
        const std::string key = encoded(value_of(row, 0), type_of(0));
        if (values.insert(key).second) sketch.add(XXH3_64bits(key.data(), key.size()));
      }
      return append_only ? static_cast<int64_t>(std::llround(sketch.estimate())) : static_cast<int64_t>(values.size());
    }
  }
  return {};
}

}  // namespace

std::vector<Row> evaluate_plan(const Plan& plan, const std::vector<std::vector<Row>>& input) {
  if (plan.node == Plan::Node::kSource) return input[plan.source_index];
  const std::vector<Row> rows = evaluate_plan(*plan.input, input);
  std::vector<Row> result;
  if (plan.node != Plan::Node::kAggregate) {
    for (const Row& row : rows) {
      const Batch one = batch_of(plan.input->type, {row});
      RowErrors errors;
      if (plan.node == Plan::Node::kFilter) {
        const Value keep = evaluate(*plan.predicate, one, errors)->value_at(0);
        if (errors.empty() && !is_null(keep) && std::get<int64_t>(keep) != 0) result.push_back(row);
        continue;
      }
      Row projected;
      for (const ExpressionPtr& expression : plan.expressions)
        projected.push_back(evaluate(*expression, one, errors)->value_at(0));
      if (errors.empty()) result.push_back(std::move(projected));
    }
    return result;
  }
  std::map<std::string, std::vector<Row>> groups;
  if (plan.group_by.empty()) groups[""];
  for (const Row& row : rows) {
    std::string key;
    for (const size_t group : plan.group_by) key += encoded(row[group], plan.input->type->columns[group].type);
    groups[key].push_back(row);
  }
  for (const auto& [key, members] : groups) {
    std::string_view rest = key;
    Row row;
    for (const size_t group : plan.group_by) row.push_back(take_canonical(rest, plan.input->type->columns[group].type));
    for (const AggregateCall& each : plan.aggregates)
      row.push_back(result_of(each, *plan.input->type, plan.input->append_only, members));
    result.push_back(std::move(row));
  }
  return result;
}

}  // namespace headrace::testing
