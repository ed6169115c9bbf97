// What types aggregates take and give: PostgreSQL's, and arg_min, arg_max and approx_count_distinct as elsewhere.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

namespace {

std::optional<Type> sum_type(const Type& argument) {
  switch (argument.kind) {
    case kSmallint:
    case kInteger: return Type{.kind = kBigint};
    case kBigint:
    case kNumeric: return Type{.kind = kNumeric};
    case kReal:
    case kDouble:
    case kInterval: return Type{.kind = argument.kind};
    default: return std::nullopt;
  }
}

std::optional<Type> average_type(const Type& argument) {
  if (argument.is_integer() || argument.kind == kNumeric) return Type{.kind = kNumeric};
  if (argument.is_number()) return Type{.kind = kDouble};
  if (argument.kind == kInterval) return argument;
  return std::nullopt;
}

// JSON documents and arrays have an order, but none that a person would ask for the least of.
bool is_ordered(const Type& type) {
  return type.kind != kJsonb && type.kind != kArray;
}

}  // namespace

std::optional<ResolvedAggregate> resolve_aggregate(std::string_view name, std::span<const Type> arguments,
                                                   std::span<const bool> unknown) {
  using enum AggregateKind;
  std::vector<Type> types(arguments.begin(), arguments.end());
  for (size_t i = 0; i < types.size(); ++i) {
    if (i < unknown.size() && unknown[i]) types[i] = Type{.kind = kText};
  }
  const auto resolved = [&](AggregateKind kind, Type result) { return ResolvedAggregate{kind, types, result}; };
  const Type bigint{.kind = kBigint};

  if (name == "count" && types.empty()) return resolved(kCountAll, bigint);
  if (types.size() == 2 && (name == "arg_min" || name == "arg_max")) {
    if (!is_ordered(types[1])) return std::nullopt;
    return resolved(name == "arg_min" ? kArgMin : kArgMax, types[0]);
  }
  if (types.size() != 1) return std::nullopt;
  const Type type = types[0];
  const bool is_unknown = !unknown.empty() && unknown[0];
  if (name == "count") return resolved(kCount, bigint);
  if (name == "approx_count_distinct") return resolved(kApproxCountDistinct, bigint);
  if (name == "sum" || name == "avg") {
    const std::optional<Type> result = name == "sum" ? sum_type(type) : average_type(type);
    if (!result) return std::nullopt;
    return resolved(name == "sum" ? kSum : kAvg, *result);
  }
  if (name == "min" || name == "max") {
    if (!is_ordered(type)) return std::nullopt;
    return resolved(name == "min" ? kMin : kMax, type);
  }
  if (name == "bool_and" || name == "every" || name == "bool_or") {
    if (is_unknown) types[0] = Type{.kind = kBoolean};
    if (types[0].kind != kBoolean) return std::nullopt;
    return resolved(name == "bool_or" ? kBoolOr : kBoolAnd, Type{.kind = kBoolean});
  }
  return std::nullopt;
}

}  // namespace headrace
