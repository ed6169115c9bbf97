#include "schema/avro_node.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace headrace {
namespace {

Error error_of(std::string_view schema) {
  try {
    AvroSchema::parse(schema);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << schema;
  return Error(Code::kInternal, "none");
}

std::string fields(std::string_view list) {
  return R"({"type":"record","name":"r","fields":[)" + std::string(list) + "]}";
}

TEST(AvroSchema, ParsesEveryKindOfType) {
  const auto schema = AvroSchema::parse(R"({
    "type": "record", "name": "Order", "namespace": "shop.v1", "doc": "dropped",
    "fields": [
      {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
      {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"}},
      {"name": "before", "type": ["null", "State"], "default": null},
      {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 16}},
      {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
      {"name": "extra", "type": {"type": "map", "values": "long"}},
      {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
      {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "aliases": ["time"]},
      {"name": "next", "type": ["null", "Order"], "default": null}
    ]})");
  const AvroNode& root = schema->root();
  EXPECT_EQ(root.name, "shop.v1.Order");
  ASSERT_EQ(root.fields.size(), 9u);
  EXPECT_EQ(root.fields[0].type->logical, AvroLogical::kUuid);
  EXPECT_EQ(root.fields[1].type->name, "shop.v1.State");
  EXPECT_EQ(root.fields[2].type->branches[1], root.fields[1].type);
  EXPECT_EQ(root.fields[3].type->size, 16u);
  EXPECT_EQ(root.fields[6].type->scale, 2);
  EXPECT_EQ(root.fields[7].aliases, std::vector<std::string>{"time"});
  EXPECT_EQ(root.fields[8].type->branches[1], &root);
  // What is printed is a schema again, and the same one.
  EXPECT_EQ(AvroSchema::parse(schema->json())->json(), schema->json());
  EXPECT_EQ(schema->json().find("doc"), std::string::npos);
}

TEST(AvroSchema, ResolvesNamesInTheirNamespace) {
  const auto schema = AvroSchema::parse(R"({"type":"record","name":"a.b.R","aliases":["Old","x.Older"],"fields":[
    {"name":"f","type":{"type":"fixed","name":"F","size":2}},
    {"name":"g","type":{"type":"fixed","name":"F","namespace":"other","size":3}},
    {"name":"h","type":"F"},{"name":"i","type":"other.F"}]})");
  EXPECT_EQ(schema->root().fields[2].type->size, 2u);
  EXPECT_EQ(schema->root().fields[3].type->size, 3u);
  EXPECT_EQ(schema->root().aliases, (std::vector<std::string>{"a.b.Old", "x.Older"}));
}

TEST(AvroSchema, IgnoresLogicalTypesThatDoNotFit) {
  const auto schema = AvroSchema::parse(fields(R"(
    {"name":"a","type":{"type":"int","logicalType":"timestamp-micros"}},
    {"name":"b","type":{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}},
    {"name":"c","type":{"type":"long","logicalType":"something-new"}})"));
  for (const AvroField& field : schema->root().fields) EXPECT_EQ(field.type->logical, AvroLogical::kNone);
}

TEST(AvroSchema, RefusesWhatIsNoSchema) {
  // The ^ stands where the fault must be found, and is taken out.
  struct Case {
    std::string schema;
    std::string_view message;
  };
  const Case cases[] = {
      {"^", "not valid JSON"},
      {R"({"type":"record"^)", "not valid JSON"},
      {R"({"type":"record",^})", "not valid JSON"},
      {R"(^"int")", "takes records"},
      {R"(^["null"])", "takes records"},
      {R"(^{"type":"record","name":"r"})", "no array \"fields\""},
      {R"(^{"type":"record","fields":[]})", "not a valid name"},
      {R"(^{"type":"record","name":"1r","fields":[]})", "not a valid name"},
      {R"(^{"type":"record","name":"int","fields":[]})", "primitive"},
      {fields(R"({"name":"a","type":^"integer"})"), "there is no type \"integer\""},
      {fields(R"(^{"name":"a"})"), "has no \"type\""},
      {fields(R"({"name":"a","type":"int"},^{"name":"a","type":"int"})"), "two fields \"a\""},
      {fields(R"({"name":"a","type":["int",^"int"]})"), "int twice"},
      {fields(R"({"name":"a","type":["int",^["null"]]})"), "directly contain a union"},
      {fields(R"({"name":"a","type":^[]})"), "at least one branch"},
      {fields(R"({"name":"a","type":^{"type":"array"}})"), "no \"items\""},
      {fields(R"({"name":"a","type":{"type":"enum","name":"e","symbols":^["A","A"]}})"), "twice"},
      {fields(R"({"name":"a","type":^{"type":"enum","name":"e","symbols":["A"],"default":"B"}})"), "not one of"},
      {fields(R"({"name":"a","type":^{"type":"fixed","name":"f","size":-1}})"), "valid \"size\""},
      {fields(R"({"name":"a","type":"int","default":^"x"})"), "default of field \"a\""},
      {fields(R"({"name":"a","type":"int","default": ^3000000000})"), "not a value of type int"},
      {fields(R"({"name":"a","type":["null","int"],"default":^"x"})"), "none of the union's types"},
      {fields(R"({"name":"a","type":^{"type":"record","name":"r","fields":[]}})"), "defined twice"},
  };
  for (const Case& c : cases) {
    const size_t position = c.schema.find('^');
    const std::string schema = c.schema.substr(0, position) + c.schema.substr(position + 1);
    const Error error = error_of(schema);
    EXPECT_EQ(error.code(), Code::kInvalid) << schema;
    EXPECT_NE(error.message().find(c.message), std::string::npos) << schema << "\n" << error.message();
    EXPECT_EQ(error.where().position, static_cast<int64_t>(position)) << schema << "\n" << error.message();
  }
}

TEST(AvroSchema, LimitsDepthAndSize) {
  std::string deep;
  for (int level = 0; level < 40; ++level) deep += R"({"type":"array","items":)";
  deep += "\"int\"" + std::string(40, '}');
  EXPECT_EQ(error_of(fields(R"({"name":"a","type":)" + deep + "}")).code(), Code::kTooLarge);
  EXPECT_EQ(error_of(std::string(100'000, '[')).code(), Code::kTooLarge);
  EXPECT_EQ(error_of(std::string(kSchemaBytesMax + 1, ' ')).code(), Code::kTooLarge);
}

// A record whose default contains itself, and one that doubles at each step, must not hang.
TEST(AvroSchema, BoundsDefaultsOfRecursiveRecords) {
  std::string list = R"({"name":"f0","type":{"type":"record","name":"R0","fields":[]},"default":{}})";
  for (int level = 1; level < 25; ++level) {
    const std::string inner = "R" + std::to_string(level - 1);
    list += R"(,{"name":"f)" + std::to_string(level) + R"(","type":{"type":"record","name":"R)" +
            std::to_string(level) + R"(","fields":[{"name":"a","type":")" + inner +
            R"(","default":{}},{"name":"b","type":")" + inner + R"(","default":{}}]},"default":{}})";
  }
  EXPECT_NE(error_of(fields(list)).message().find("too many values"), std::string::npos);
}

RowType every_type() {
  RowType type;
  const auto add = [&](std::string name, Type of, bool nullable = true, std::string default_json = "") {
    type.columns.push_back({std::move(name), of, nullable, std::move(default_json)});
  };
  add("flag", {Kind::kBoolean}, false);
  add("small", {Kind::kSmallint}, true, "7");
  add("whole", {Kind::kInteger}, false, "-1");
  add("big", {Kind::kBigint}, true);
  add("single", {Kind::kReal}, true, "0.5");
  add("twice", {Kind::kDouble});
  add("money", {Kind::kNumeric, 12, 2}, false, "-1.28");
  add("exact", {Kind::kNumeric}, true, "1.50");
  add("words", {Kind::kText}, false, R"("a \"b\"")");
  add("raw", {Kind::kBytea}, true, R"("/wA=")");
  add("id", {Kind::kUuid}, true, R"("8f4b1c3a-0000-4000-8000-0123456789ab")");
  add("day", {Kind::kDate}, true, R"("2001-01-31")");
  add("moment", {Kind::kTimestamptz}, false, R"("2001-01-01T00:01:00Z")");
  add("length", {Kind::kInterval}, true, R"("01:30:00")");
  add("document", {Kind::kJsonb}, true, R"({"a":[1,2]})");
  add("labels", {.kind = Kind::kArray, .element = Kind::kText}, true, R"(["x",null])");
  add("amounts", {.kind = Kind::kArray, .element = Kind::kNumeric});
  add("weight in kg", {Kind::kDouble});
  add("weight_in_kg", {Kind::kDouble});
  add("größe", {Kind::kInteger});
  add("1st", {Kind::kInteger});
  return type;
}

TEST(AvroSchema, ColumnsComeBackFromTheirSchema) {
  const RowType type = every_type();
  const auto schema = AvroSchema::from_columns("my stream", type);
  const RowType back = schema->to_columns();
  ASSERT_EQ(back.columns.size(), type.columns.size());
  for (size_t index = 0; index < type.columns.size(); ++index) {
    const Column& want = type.columns[index];
    const Column& got = back.columns[index];
    EXPECT_EQ(got.name, want.name);
    EXPECT_EQ(got.type, want.type) << want.name;
    EXPECT_EQ(got.nullable, want.nullable) << want.name;
    EXPECT_EQ(got.default_json, want.default_json) << want.name;
  }
  EXPECT_EQ(AvroSchema::parse(schema->json())->to_columns(), back);
}

TEST(AvroSchema, MapsForeignTypesToColumns) {
  struct Case {
    std::string_view avro;
    Type type;
    bool nullable = false;
  };
  const Case cases[] = {
      {R"({"type":"enum","name":"e","symbols":["A"]})", {Kind::kText}},
      {R"({"type":"fixed","name":"f","size":4})", {Kind::kBytea}},
      {R"({"type":"fixed","name":"f","size":16,"logicalType":"uuid"})", {Kind::kUuid}},
      {R"({"type":"fixed","name":"f","size":12,"logicalType":"duration"})", {Kind::kInterval}},
      {R"({"type":"fixed","name":"f","size":5,"logicalType":"decimal","precision":9,"scale":3})",
       {Kind::kNumeric, 9, 3}},
      {R"({"type":"long","logicalType":"timestamp-millis"})", {Kind::kTimestamptz}},
      {R"({"type":"long","logicalType":"local-timestamp-micros"})", {Kind::kTimestamptz}},
      {R"({"type":"int","logicalType":"time-millis"})", {Kind::kInteger}},
      {R"(["long","null"])", {Kind::kBigint}, true},
      {R"(["string"])", {Kind::kText}},
      {R"({"type":"array","items":"int"})", {.kind = Kind::kArray, .element = Kind::kInteger}},
      {R"({"type":"string","avro.java.string":"String"})", {Kind::kText}},
  };
  for (const Case& c : cases) {
    const RowType type = AvroSchema::parse(fields(R"({"name":"a","type":)" + std::string(c.avro) + "}"))->to_columns();
    EXPECT_EQ(type.columns[0].type, c.type) << c.avro << " is " << type.columns[0].type.name();
    EXPECT_EQ(type.columns[0].nullable, c.nullable) << c.avro;
  }
}

TEST(AvroSchema, RefusesColumnsThatSqlHasNot) {
  for (const std::string_view avro :
       {R"({"type":"map","values":"int"})", R"(["int","string"])", R"("null")",
        R"({"type":"array","items":["int","string"]})", R"({"type":"record","name":"n","fields":[]})",
        R"({"type":"bytes","logicalType":"decimal","precision":60,"scale":2})"}) {
    const auto schema = AvroSchema::parse(fields(R"({"name":"odd","type":)" + std::string(avro) + "}"));
    try {
      schema->to_columns();
      ADD_FAILURE() << avro;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUnsupported);
      EXPECT_EQ(error.where().column, "odd");
      EXPECT_NE(error.message().find("\"odd\""), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace headrace
