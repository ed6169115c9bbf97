// Which type turns into which, and what a mix of types becomes: pg_cast, and select_common_type() of PostgreSQL 15.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

namespace {

// Smallint to double precision in the order in which PostgreSQL widens without asking. numeric stands between bigint
// and real: it turns into floating point implicitly, and not back.
int number_rank(Kind kind) {
  switch (kind) {
    case kSmallint: return 1;
    case kInteger: return 2;
    case kBigint: return 3;
    case kNumeric: return 4;
    case kReal: return 5;
    case kDouble: return 6;
    default: return 0;
  }
}

// The weakest context in which pg_cast allows the cast, or nullopt.
std::optional<CastContext> weakest_context(const Type& from, const Type& to) {
  using enum CastContext;
  if (from.kind == kArray && to.kind == kArray) {
    return weakest_context(Type{.kind = from.element}, Type{.kind = to.element});
  }
  if (from.kind == to.kind) return kImplicit;
  if (to.kind == kText) return kAssignment;  // by the type's output function
  if (from.kind == kText) return kExplicit;  // by the type's input function
  if (from.is_number() && to.is_number()) {
    return number_rank(from.kind) < number_rank(to.kind) ? kImplicit : kAssignment;
  }
  if (from.kind == kDate && to.kind == kTimestamptz) return kImplicit;
  if (from.kind == kTimestamptz && to.kind == kDate) return kAssignment;
  if ((from.kind == kBoolean && to.kind == kInteger) || (from.kind == kInteger && to.kind == kBoolean)) {
    return kExplicit;
  }
  if (from.kind == kJsonb && (to.kind == kBoolean || to.is_number())) return kExplicit;
  return std::nullopt;
}

}  // namespace

bool can_cast(const Type& from, const Type& to, CastContext context) {
  const std::optional<CastContext> weakest = weakest_context(from, to);
  return weakest && *weakest <= context;
}

char category(Kind kind) {
  switch (kind) {
    case kBoolean: return 'B';
    case kSmallint:
    case kInteger:
    case kBigint:
    case kReal:
    case kDouble:
    case kNumeric: return 'N';
    case kText: return 'S';
    case kDate:
    case kTimestamptz: return 'D';
    case kInterval: return 'T';
    case kArray: return 'A';
    case kBytea:
    case kUuid:
    case kJsonb: return 'U';
  }
  return 'U';
}

bool is_preferred(Kind kind) {
  return kind == kBoolean || kind == kText || kind == kDouble || kind == kTimestamptz || kind == kInterval;
}

std::optional<Type> common_type(std::span<const Type> types) {
  if (types.empty()) return Type{.kind = kText};
  const auto casts = [](const Type& from, const Type& to) { return can_cast(from, to, CastContext::kImplicit); };
  Type common = types[0];
  bool all_equal = true;
  for (const Type& type : types.subspan(1)) {
    if (type == common) continue;
    all_equal = false;
    if (type.kind == common.kind && type.element == common.element) continue;
    if (category(type.kind) != category(common.kind)) return std::nullopt;
    if (!is_preferred(common.kind) && casts(common, type) && !casts(type, common)) common = type;
  }
  // Values of differing digits keep the digits that each has.
  if (!all_equal) common.precision = common.scale = 0;
  for (const Type& type : types) {
    if (!casts(type, common)) return std::nullopt;
  }
  return common;
}

}  // namespace headrace
