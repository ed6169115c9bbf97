#include "sql/type_name.h"

#include <algorithm>

#include "base/decimal.h"
#include "sql/nearest.h"

namespace headrace {
namespace {

using syntax::fail;

struct Substitute {
  std::string_view name;
  std::string_view use;
};

// Types that people bring along, and what to write instead.
constexpr Substitute kSubstitutes[] = {
    {"timestamp", "timestamptz (all times are UTC)"},
    {"time", "text or interval"},
    {"timetz", "timestamptz"},
    {"bpchar", "text"},
    {"char", "text"},
    {"string", "text"},
    {"money", "numeric(12,2)"},
    {"serial", "bigint, with a value given by the sender"},
    {"bigserial", "bigint, with a value given by the sender"},
    {"smallserial", "smallint, with a value given by the sender"},
    {"bit", "bytea"},
    {"varbit", "bytea"},
    {"xml", "text"},
    {"inet", "text"},
    {"cidr", "text"},
    {"oid", "bigint"},
    {"datetime", "timestamptz"},
    {"tinyint", "smallint"},
    {"double", "double precision"},
    {"blob", "bytea"},
    {"int64", "bigint"},
    {"int32", "integer"},
    {"uint64", "numeric(20)"},
    {"uint32", "bigint"},
};

constexpr std::string_view kNames[] = {"boolean", "smallint",    "integer",  "bigint", "real",
                                       "numeric", "text",        "bytea",    "uuid",   "date",
                                       "jsonb",   "timestamptz", "interval", "varchar"};

int limit_at(const PgQuery__TypeName& name, size_t index) {
  const PgQuery__Node& node = *name.typmods[index];
  if (node.node_case != PG_QUERY__NODE__NODE_A_CONST || node.a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
    fail(Code::kInvalid, name.location, "the limits of a type are whole numbers");
  return node.a_const->ival->ival;
}

void set_limits(Type& type, const PgQuery__TypeName& name) {
  if (name.n_typmods == 0) return;
  if (type.kind == Kind::kInterval) return;  // fields; see interval_unit()
  if (type.kind != Kind::kNumeric)
    fail(Code::kUnsupported, name.location, "{} takes no limit in parentheses here; write {} alone", type.name(),
         type.name());
  if (name.n_typmods > 2) fail(Code::kInvalid, name.location, "numeric has a precision and a scale, and no more");
  const int precision = limit_at(name, 0);
  const int scale = name.n_typmods == 2 ? limit_at(name, 1) : 0;
  if (precision < 1 || precision > Decimal::kDigitsMax)
    fail(Code::kInvalid, name.location, "numeric({},{}): the precision must be between 1 and {}", precision, scale,
         Decimal::kDigitsMax);
  if (scale < 0 || scale > precision)
    fail(Code::kInvalid, name.location, "numeric({},{}): the scale must be between 0 and the precision", precision,
         scale);
  type.precision = static_cast<uint8_t>(precision);
  type.scale = static_cast<uint8_t>(scale);
}

}  // namespace

Type bind_type(const PgQuery__TypeName& name) {
  const std::string_view written = syntax::last_name(syntax::list(name.names, name.n_names));
  const int64_t at = name.location;
  if (name.setof != 0 || name.pct_type != 0) fail(Code::kUnsupported, at, "SETOF and %TYPE are not supported");
  if (name.n_names > 2 || (name.n_names == 2 && syntax::name_part(*name.names[0]) != "pg_catalog"))
    fail(Code::kInvalid, at, "type \"{}\" does not exist: types have no schema", written);
  const std::optional<Kind> kind = kind_named(written);
  if (!kind || written == "char") {
    for (const Substitute& substitute : kSubstitutes) {
      if (written == substitute.name)
        fail(Code::kUnsupported, at, "type \"{}\" is not supported; use {}", written == "bpchar" ? "char" : written,
             substitute.use);
    }
    fail(Code::kInvalid, at, "type \"{}\" does not exist{}", written, suggestion(written, kNames));
  }
  Type type{.kind = *kind};
  set_limits(type, name);
  if (name.n_array_bounds == 0) return type;
  if (name.n_array_bounds > 1) fail(Code::kUnsupported, at, "arrays have one dimension; use jsonb for nested ones");
  if (type.precision != 0) fail(Code::kUnsupported, at, "elements of an array have no limits; write numeric[]");
  return Type{.kind = Kind::kArray, .element = type.kind};
}

std::string_view interval_unit(const PgQuery__TypeName& name) {
  if (name.n_typmods == 0) return {};
  // INTERVAL_MASK() of PostgreSQL's datetime.h: one bit for each field.
  switch (limit_at(name, 0)) {
    case 1 << 2: return "year";
    case 1 << 1: return "month";
    case 1 << 3: return "day";
    case 1 << 10: return "hour";
    case 1 << 11: return "minute";
    case 1 << 12: return "second";
    case 0x7fff: return {};
    default:
      fail(Code::kUnsupported, name.location, "ranges of fields are not supported; write INTERVAL '1 day 2 hours'");
  }
}

}  // namespace headrace
