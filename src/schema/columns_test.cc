#include "schema/columns.h"

#include "gtest/gtest.h"
#include "schema/key.h"

namespace headrace {
namespace {

RowTypePtr row_type() {
  return std::make_shared<const RowType>(RowType{{{"id", {.kind = Kind::kBigint}},
                                                  {"name", {.kind = Kind::kText}},
                                                  {"price", {.kind = Kind::kNumeric}},
                                                  {"ratio", {.kind = Kind::kDouble}},
                                                  {"wait", {.kind = Kind::kInterval}}}});
}

std::vector<Value> row(int64_t id) {
  return {id, "name " + std::to_string(id), Decimal{id, 1}, static_cast<double>(id) / 4, Interval{0, 1, id}};
}

std::string json_of(const Batch& batch, size_t at) {
  std::string out;
  append_row_json(out, batch, at);
  return out;
}

TEST(Columns, RowsComeBackAsTheyWereAppended) {
  BatchBuilder builder(row_type());
  builder.append_row(row(1));
  builder.append_row(std::vector<Value>(5));
  builder.append_row(row(3));
  const Batch batch = builder.finish();
  ASSERT_EQ(batch.rows, 3U);
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    const ColumnData& column = *batch.columns[i];
    EXPECT_EQ(column.size(), 3U);
    EXPECT_EQ(column.nulls.size(), 3U);
    EXPECT_EQ(compare(column.value_at(0), row(1)[i], column.type), 0);
    EXPECT_TRUE(is_null(column.value_at(1)));
    EXPECT_EQ(compare(column.value_at(2), row(3)[i], column.type), 0);
  }
  EXPECT_EQ(json_of(batch, 0), R"({"id":1,"name":"name 1","price":0.1,"ratio":0.25,"wait":"1 day 00:00:00.000001"})");
  EXPECT_EQ(json_of(batch, 1), R"({"id":null,"name":null,"price":null,"ratio":null,"wait":null})");
}

TEST(Columns, BuilderStartsAnew) {
  BatchBuilder builder(row_type());
  builder.append_row(row(1));
  const Batch first = builder.finish();
  EXPECT_EQ(builder.rows(), 0U);
  builder.append_row(row(2));
  const Batch second = builder.finish();
  EXPECT_EQ(first.columns[1]->bytes[0], "name 1");
  EXPECT_EQ(second.columns[1]->bytes[0], "name 2");
  EXPECT_FALSE(first.columns[0]->has_nulls());
}

TEST(Columns, CellsPutInDirectlyMayHaveNullsBeforeThem) {
  BatchBuilder builder(row_type());
  for (int64_t i = 0; i < 4; ++i) {
    if (i == 1) {
      builder.column(0).append_null();
    } else {
      builder.column(0).ints.push_back(i);
    }
    for (size_t c = 1; c < 5; ++c) builder.column(c).append(row(i)[c], builder.arena());
    builder.end_row();
  }
  const Batch batch = builder.finish();
  EXPECT_EQ(batch.columns[0]->nulls, (std::vector<uint8_t>{0, 1, 0, 0}));
}

TEST(Columns, GatherTakesRowsInAnyOrder) {
  BatchBuilder builder(row_type());
  for (int64_t i = 0; i < 10; ++i) builder.append_row(i == 5 ? std::vector<Value>(5) : row(i));
  const Batch batch = builder.finish();
  const uint32_t selection[] = {9, 5, 0, 9};
  const Batch some = batch.gather(selection);
  ASSERT_EQ(some.rows, 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(json_of(some, i), json_of(batch, selection[i]));
  const uint32_t without_null[] = {1, 2};
  EXPECT_FALSE(batch.gather(without_null).columns[0]->has_nulls());
}

TEST(Columns, JoinedColumnsKeepTextsAlive) {
  ColumnData all(Type{.kind = Kind::kText});
  for (int i = 0; i < 3; ++i) {
    BatchBuilder builder(row_type());
    builder.append_row(row(i));
    if (i == 1) builder.append_row(std::vector<Value>(5));
    const Batch batch = builder.finish();
    all.append_column(*batch.columns[1]);
    all.append_column(*batch.columns[1]);
  }
  ASSERT_EQ(all.size(), 8U);
  EXPECT_EQ(all.nulls, (std::vector<uint8_t>{0, 0, 0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(all.buffers.size(), 3U);
  EXPECT_EQ(all.bytes[0], "name 0");
  EXPECT_EQ(all.bytes[7], "name 2");
}

TEST(Columns, ArenaGivesStableViews) {
  Arena arena;
  std::vector<std::string_view> views;
  for (int i = 0; i < 5000; ++i) views.push_back(arena.add(std::string(static_cast<size_t>(i % 40), 'a' + i % 26)));
  const std::string_view large = arena.add(std::string(1'000'000, 'z'));
  const Buffer buffer = arena.buffer();
  arena = Arena();
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(views[static_cast<size_t>(i)], std::string(static_cast<size_t>(i % 40), static_cast<char>('a' + i % 26)));
  }
  EXPECT_EQ(large.size(), 1'000'000U);
  EXPECT_EQ(large.back(), 'z');
}

}  // namespace
}  // namespace headrace
