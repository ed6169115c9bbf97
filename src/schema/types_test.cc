#include "schema/types.h"

#include "gtest/gtest.h"

namespace headrace {
namespace {

TEST(Types, EverySpellingOfPostgresqlIsKnown) {
  const std::pair<const char*, Kind> spellings[] = {
      {"bool", Kind::kBoolean},
      {"boolean", Kind::kBoolean},
      {"int2", Kind::kSmallint},
      {"smallint", Kind::kSmallint},
      {"int", Kind::kInteger},
      {"int4", Kind::kInteger},
      {"INTEGER", Kind::kInteger},
      {"int8", Kind::kBigint},
      {"bigint", Kind::kBigint},
      {"float4", Kind::kReal},
      {"real", Kind::kReal},
      {"float8", Kind::kDouble},
      {"Double Precision", Kind::kDouble},
      {"numeric", Kind::kNumeric},
      {"decimal", Kind::kNumeric},
      {"text", Kind::kText},
      {"varchar", Kind::kText},
      {"character varying", Kind::kText},
      {"bytea", Kind::kBytea},
      {"uuid", Kind::kUuid},
      {"date", Kind::kDate},
      {"timestamptz", Kind::kTimestamptz},
      {"timestamp with time zone", Kind::kTimestamptz},
      {"interval", Kind::kInterval},
      {"jsonb", Kind::kJsonb},
      {"json", Kind::kJsonb},
  };
  for (const auto& [name, kind] : spellings) EXPECT_EQ(kind_named(name), kind) << name;
  for (const char* name :
       {"", "array", "int3", "timestamp", "time", "money", "a name that is longer than every type"}) {
    EXPECT_FALSE(kind_named(name)) << name;
  }
}

TEST(Types, NamesArePostgresqls) {
  EXPECT_EQ((Type{.kind = Kind::kNumeric, .precision = 12, .scale = 2}).name(), "numeric(12,2)");
  EXPECT_EQ(Type{.kind = Kind::kNumeric}.name(), "numeric");
  EXPECT_EQ(Type{.kind = Kind::kDouble}.name(), "double precision");
  EXPECT_EQ((Type{.kind = Kind::kArray, .element = Kind::kText}).name(), "text[]");
  for (int i = 0; i < static_cast<int>(Kind::kArray); ++i) {
    const Type type{.kind = static_cast<Kind>(i)};
    EXPECT_EQ(kind_named(type.name()), type.kind) << type.name();
  }
}

TEST(Types, ColumnsAreFoundByName) {
  const RowType row{{{"a", {}}, {"b", {}}}};
  EXPECT_EQ(row.find("b"), 1U);
  EXPECT_FALSE(row.find("B"));
}

}  // namespace
}  // namespace headrace
