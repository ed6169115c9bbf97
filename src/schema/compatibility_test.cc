// The verdicts follow from the Avro specification ("Schema Resolution") and from what the levels of a registry are
// documented to mean; each case is asked in both directions.
#include "schema/compatibility.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

// A record with these fields, given as JSON.
std::string record(std::string_view fields, std::string_view name = "r") {
  return fmt::format(R"({{"type":"record","name":"{}","fields":[{}]}})", name, fields);
}
std::string field(std::string_view name, std::string_view type, std::string_view more = "") {
  return fmt::format(R"({{"name":"{}","type":{}{}}})", name, type, more);
}
std::string holding(std::string_view type) {
  return record(field("f", type));
}

std::vector<Incompatibility> faults(const std::string& reader, const std::string& writer) {
  return find_incompatibilities(*AvroSchema::parse_any(reader), *AvroSchema::parse_any(writer));
}
// "KIND /path", or "" when the reader can read what the writer writes.
std::string first_fault(const std::string& reader, const std::string& writer) {
  const auto found = faults(reader, writer);
  return found.empty() ? "" : fmt::format("{} {}", to_string(found.front().kind), found.front().path);
}

const std::string kA = field("a", R"("int")");
const std::string kEnumAB = R"({"type":"enum","name":"e","symbols":["A","B"]})";
const std::string kEnumABC = R"({"type":"enum","name":"e","symbols":["A","B","C"]})";
const std::string kEnumDefault = R"({"type":"enum","name":"e","symbols":["A","B"],"default":"A"})";
const std::string kFixed4 = R"({"type":"fixed","name":"x","size":4})";
const std::string kList = R"({"type":"record","name":"node","fields":[{"name":"v","type":"int"},
                             {"name":"next","type":["null","node"]}]})";
const std::string kLongList = R"({"type":"record","name":"node","fields":[{"name":"v","type":"long"},
                                 {"name":"next","type":["null","node"]}]})";

std::string decimal(int precision, int scale) {
  return fmt::format(R"({{"type":"bytes","logicalType":"decimal","precision":{},"scale":{}}})", precision, scale);
}

struct Case {
  std::string what;
  std::string older, newer;
  std::string backward;  // what keeps the newer from reading the older
  std::string forward;   // what keeps the older from reading the newer
};

const Case kCases[] = {
    // Fields come and go.
    {"the same", record(kA), record(kA), "", ""},
    {"a field with a default comes", record(kA), record(kA + "," + field("b", R"("int")", R"(,"default":1)")), "", ""},
    {"a field without a default comes", record(kA), record(kA + "," + field("b", R"("int")")),
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1", ""},
    {"a field with a default goes", record(kA + "," + field("b", R"("int")", R"(,"default":1)")), record(kA), "", ""},
    {"a field without a default goes", record(kA + "," + field("b", R"("int")")), record(kA), "",
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"},
    {"an optional field comes", record(kA), record(kA + "," + field("b", R"(["null","int"])", R"(,"default":null)")),
     "", ""},
    {"an optional field without a default comes", record(kA), record(kA + "," + field("b", R"(["null","int"])")),
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1", ""},
    {"fields change places", record(kA + "," + field("b", R"("string")")), record(field("b", R"("string")") + "," + kA),
     "", ""},
    {"a field is renamed", record(kA), record(field("b", R"("int")")), "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0",
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"},
    {"a field is renamed with an alias", record(kA), record(field("b", R"("int")", R"(,"aliases":["a"])")), "",
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"},
    {"documentation changes", record(kA), record(field("a", R"("int")", R"(,"doc":"what it is")")), "", ""},
    {"all fields go", record(kA), record(""), "", "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"},

    // Numbers, text and bytes.
    {"int to long", holding(R"("int")"), holding(R"("long")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"int to float", holding(R"("int")"), holding(R"("float")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"int to double", holding(R"("int")"), holding(R"("double")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"long to float", holding(R"("long")"), holding(R"("float")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"long to double", holding(R"("long")"), holding(R"("double")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"float to double", holding(R"("float")"), holding(R"("double")"), "", "TYPE_MISMATCH /fields/0/type"},
    {"string to bytes", holding(R"("string")"), holding(R"("bytes")"), "", ""},
    {"int to string", holding(R"("int")"), holding(R"("string")"), "TYPE_MISMATCH /fields/0/type",
     "TYPE_MISMATCH /fields/0/type"},
    {"boolean to int", holding(R"("boolean")"), holding(R"("int")"), "TYPE_MISMATCH /fields/0/type",
     "TYPE_MISMATCH /fields/0/type"},
    {"null to int", holding(R"("null")"), holding(R"("int")"), "TYPE_MISMATCH /fields/0/type",
     "TYPE_MISMATCH /fields/0/type"},
    {"int to date", holding(R"("int")"), holding(R"({"type":"int","logicalType":"date"})"), "", ""},
    {"a decimal grows", holding(decimal(10, 2)), holding(decimal(12, 2)), "", ""},
    {"a decimal's scale changes", holding(decimal(10, 2)), holding(decimal(10, 3)), "TYPE_MISMATCH /fields/0/type",
     "TYPE_MISMATCH /fields/0/type"},
    {"bytes to decimal", holding(R"("bytes")"), holding(decimal(10, 2)), "", ""},
    {"string to uuid", holding(R"("string")"), holding(R"({"type":"string","logicalType":"uuid"})"), "", ""},

    // Enumerations.
    {"an enum gets a symbol", kEnumAB, kEnumABC, "", "MISSING_ENUM_SYMBOLS /symbols"},
    {"an enum loses a symbol", kEnumABC, kEnumAB, "MISSING_ENUM_SYMBOLS /symbols", ""},
    {"an enum loses a symbol and has a default", kEnumABC, kEnumDefault, "", ""},
    {"symbols change places", kEnumAB, R"({"type":"enum","name":"e","symbols":["B","A"]})", "", ""},
    {"an enum is renamed", kEnumAB, R"({"type":"enum","name":"other","symbols":["A","B"]})", "NAME_MISMATCH /name",
     "NAME_MISMATCH /name"},
    {"an enum is renamed with an alias", kEnumAB,
     R"({"type":"enum","name":"other","aliases":["e"],"symbols":["A","B"]})", "", "NAME_MISMATCH /name"},
    {"an enum becomes a string", kEnumAB, R"("string")", "TYPE_MISMATCH /", "TYPE_MISMATCH /"},
    {"an enum in a field", holding(kEnumABC), holding(kEnumAB), "MISSING_ENUM_SYMBOLS /fields/0/type/symbols", ""},

    // Fixed.
    {"a fixed stays", kFixed4, kFixed4, "", ""},
    {"a fixed changes its size", kFixed4, R"({"type":"fixed","name":"x","size":5})", "FIXED_SIZE_MISMATCH /size",
     "FIXED_SIZE_MISMATCH /size"},
    {"a fixed is renamed", kFixed4, R"({"type":"fixed","name":"y","size":4})", "NAME_MISMATCH /name",
     "NAME_MISMATCH /name"},
    {"a fixed becomes bytes", kFixed4, R"("bytes")", "TYPE_MISMATCH /", "TYPE_MISMATCH /"},

    // Arrays and maps.
    {"items promoted", R"({"type":"array","items":"int"})", R"({"type":"array","items":"long"})", "",
     "TYPE_MISMATCH /items"},
    {"values promoted", R"({"type":"map","values":"int"})", R"({"type":"map","values":"long"})", "",
     "TYPE_MISMATCH /values"},
    {"an array becomes a map", R"({"type":"array","items":"int"})", R"({"type":"map","values":"int"})",
     "TYPE_MISMATCH /", "TYPE_MISMATCH /"},
    {"items become optional", R"({"type":"array","items":"int"})", R"({"type":"array","items":["null","int"]})", "",
     "TYPE_MISMATCH /items"},

    // Unions.
    {"a field becomes optional", holding(R"("int")"), holding(R"(["null","int"])"), "", "TYPE_MISMATCH /fields/0/type"},
    {"a union grows", R"(["null","int"])", R"(["null","int","string"])", "", "MISSING_UNION_BRANCH /"},
    {"a union shrinks", R"(["null","int","string"])", R"(["null","int"])", "MISSING_UNION_BRANCH /", ""},
    {"branches change places", R"(["null","int"])", R"(["int","null"])", "", ""},
    {"a branch is promoted", R"(["null","int"])", R"(["null","long"])", "", "MISSING_UNION_BRANCH /"},
    {"a union of one", R"(["int"])", R"("int")", "", ""},
    {"a union of one becomes another type", R"(["int"])", R"("string")", "TYPE_MISMATCH /", "MISSING_UNION_BRANCH /"},
    {"a union without the written type", R"("boolean")", R"(["null","int"])", "MISSING_UNION_BRANCH /",
     "TYPE_MISMATCH /"},
    {"all branches fit one type", R"(["int","long"])", R"("double")", "", "MISSING_UNION_BRANCH /"},
    {"a record in a union gets a field", R"(["null",)" + record(kA) + "]",
     R"(["null",)" + record(kA + "," + field("b", R"("int")")) + "]", "MISSING_UNION_BRANCH /", ""},

    // Records in records, names, recursion.
    {"a nested field without a default", holding(record(kA, "in")),
     holding(record(kA + "," + field("b", R"("int")"), "in")),
     "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0/type/fields/1", ""},
    {"a nested record is renamed", holding(record(kA, "in")), holding(record(kA, "out")),
     "NAME_MISMATCH /fields/0/type/name", "NAME_MISMATCH /fields/0/type/name"},
    {"the record is renamed", record(kA), record(kA, "s"), "NAME_MISMATCH /name", "NAME_MISMATCH /name"},
    {"the namespace changes", record(kA, "one.r"), record(kA, "two.r"), "", ""},
    {"the record is renamed with an alias", record(kA),
     R"({"type":"record","name":"s","aliases":["r"],"fields":[{"name":"a","type":"int"}]})", "", "NAME_MISMATCH /name"},
    {"a record becomes a string", record(kA), R"("string")", "TYPE_MISMATCH /", "TYPE_MISMATCH /"},
    {"a list stays", kList, kList, "", ""},
    {"a list's values are promoted", kList, kLongList, "", "TYPE_MISMATCH /fields/0/type"},
    {"a top of another kind", R"("string")", R"("int")", "TYPE_MISMATCH /", "TYPE_MISMATCH /"},
};

TEST(Compatibility, EachCaseHasItsVerdictInBothDirections) {
  EXPECT_GE(std::size(kCases), 60u);
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    EXPECT_EQ(first_fault(each.newer, each.older), each.backward) << "backward";
    EXPECT_EQ(first_fault(each.older, each.newer), each.forward) << "forward";
  }
}

TEST(Compatibility, LevelsAskInTheirDirections) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    const auto older = AvroSchema::parse_any(each.older);
    const auto newer = AvroSchema::parse_any(each.newer);
    const auto fits = [&](CompatibilityLevel level) { return find_incompatibilities(level, *newer, *older).empty(); };
    const bool backward = each.backward.empty();
    const bool forward = each.forward.empty();
    EXPECT_TRUE(fits(CompatibilityLevel::kNone));
    EXPECT_EQ(fits(CompatibilityLevel::kBackward), backward);
    EXPECT_EQ(fits(CompatibilityLevel::kBackwardTransitive), backward);
    EXPECT_EQ(fits(CompatibilityLevel::kForward), forward);
    EXPECT_EQ(fits(CompatibilityLevel::kForwardTransitive), forward);
    EXPECT_EQ(fits(CompatibilityLevel::kFull), backward && forward);
    EXPECT_EQ(fits(CompatibilityLevel::kFullTransitive), backward && forward);
  }
}

TEST(Compatibility, AllFaultsAreReported) {
  const std::string reader = record(field("a", R"("string")") + "," + field("b", holding(R"("int")")) + "," +
                                    field("c", R"("int")") + "," + field("e", kEnumAB));
  const std::string writer =
      record(field("a", R"("int")") + "," + field("b", holding(R"("string")")) + "," + field("e", kEnumABC));
  // A record may not hold one of its own name, so the inner ones are called otherwise.
  const auto inner = [](std::string text) {
    text.replace(text.find(R"("name":"r")", text.find("\"b\"")), 10, R"("name":"i")");
    return text;
  };
  std::vector<std::string> found;
  for (const Incompatibility& each : faults(inner(reader), inner(writer)))
    found.push_back(fmt::format("{} {}", to_string(each.kind), each.path));
  EXPECT_EQ(found, (std::vector<std::string>{
                       "TYPE_MISMATCH /fields/0/type", "TYPE_MISMATCH /fields/1/type/fields/0/type",
                       "READER_FIELD_MISSING_DEFAULT_VALUE /fields/2", "MISSING_ENUM_SYMBOLS /fields/3/type/symbols"}));
}

// Both types contain each other: that the one does not fit is known only after the other was taken to.
TEST(Compatibility, WhatReliedOnARefutedPairIsRefutedToo) {
  const auto mutual = [](std::string_view last) {
    return fmt::format(R"({{"type":"record","name":"a","fields":[
      {{"name":"b","type":["null",{{"type":"record","name":"b","fields":[{{"name":"a","type":["null","a"]}}]}}]}},
      {{"name":"x","type":"{}"}}]}})",
                       last);
  };
  EXPECT_EQ(first_fault(mutual("int"), mutual("int")), "");
  EXPECT_EQ(first_fault(mutual("int"), mutual("string")), "MISSING_UNION_BRANCH /fields/0/type")
      << "b holds an a, which does not fit";
}

TEST(Compatibility, HostileSchemasAreRefusedInTime) {
  // Each of many records holds the one before it: deep only through names.
  std::string fields;
  for (int index = 0; index < 2000; ++index) {
    const std::string type = index == 0 ? std::string("\"int\"") : fmt::format("\"r{}\"", index - 1);
    fields +=
        fmt::format(R"({}{{"name":"f{}","type":{{"type":"record","name":"r{}","fields":[{{"name":"x","type":{}}}]}}}})",
                    index == 0 ? "" : ",", index, index, type);
  }
  const std::string deep = record(fields);
  EXPECT_NO_THROW({
    try {
      faults(deep, deep);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kTooLarge);
    }
  });
  // Every branch against every branch.
  std::string branches;
  for (int index = 0; index < 1500; ++index)
    branches += fmt::format(R"({}{{"type":"fixed","name":"x{}","size":{}}})", index == 0 ? "" : ",", index, index + 1);
  const std::string wide = "[" + branches + "]";
  try {
    faults(wide, wide);
    ADD_FAILURE() << "2,250,000 pairs should be too many";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kTooLarge);
  }
}

TEST(Compatibility, NamesOfLevels) {
  for (const char* name :
       {"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}) {
    const auto level = compatibility_level(name);
    ASSERT_TRUE(level) << name;
    EXPECT_EQ(to_string(*level), name);
    EXPECT_EQ(is_transitive(*level), std::string_view(name).ends_with("_TRANSITIVE"));
  }
  EXPECT_FALSE(compatibility_level("backward"));
  EXPECT_FALSE(compatibility_level(""));
}

TEST(Compatibility, ReferencesBringTheirTypes) {
  const std::vector<std::string> references = {
      R"({"type":"record","name":"com.x.City","fields":[{"name":"zip","type":"string"}]})",
      R"({"type":"enum","name":"com.x.Kind","symbols":["A"]})"};
  const auto schema = AvroSchema::parse_any(
      R"({"type":"record","name":"com.x.Home","fields":[{"name":"city","type":"City"},{"name":"kind","type":"com.x.Kind"}]})",
      references);
  EXPECT_EQ(schema->json(), AvroSchema::parse(schema->json())->json()) << "it stands alone";
  EXPECT_THROW(AvroSchema::parse_any(R"({"type":"record","name":"r","fields":[{"name":"city","type":"com.x.City"}]})"),
               Error);
  EXPECT_EQ(AvroSchema::parse_any("\"com.x.Kind\"", references)->json(), AvroSchema::parse_any(references[1])->json());
}

}  // namespace
}  // namespace headrace
