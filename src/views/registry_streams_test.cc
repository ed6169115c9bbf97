// Streams and the registry: their schemas are subjects, the ids in their records are the registry's, and what others
// wrote with schemas of their own arrives in the views.
#include <gtest/gtest.h>

#include "log/record_batch.h"
#include "runtime/faulty_files.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

constexpr const char* kApp = R"(
  CREATE STREAM rides (ride bigint NOT NULL, city text) WITH (partitions = 1);
  CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) AS rides, sum(ride) AS total FROM rides GROUP BY city;
)";
// It resolves to the columns of rides.
constexpr const char* kForeign = R"({"type":"record","name":"Ride","fields":[
  {"name":"ride","type":"int"},{"name":"driver","type":"string"},{"name":"city","type":"string"}]})";

std::string framed(int32_t id, std::string_view datum) {
  std::string value(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) value.push_back(static_cast<char>(static_cast<uint32_t>(id) >> shift));
  return value.append(datum);
}

void append_raw(TestSystem& system, const std::string& value) {
  RecordBatchBuilder builder;
  builder.append(1, std::nullopt, value);
  std::vector<PartitionBatch> batches(1);
  batches[0].bytes = builder.finish();
  system.runtime.block_on([&] { return system.log->append("rides", std::move(batches)); });
}

int32_t latest_id(TestSystem& system) {
  return system.registry.state()->version("rides-value", -1, false).schema->id;
}

TEST(RegistryStreams, RecordsOfForeignSchemasArriveAndUnknownIdsDoNot) {
  FaultyFiles files(1);
  TestSystem system(files);
  system.execute(kApp);
  EXPECT_EQ(system.catalog.state()->stream("rides")->schemas.back().id, latest_id(system));
  const auto add = [&](const char* text) {
    return system.runtime.block_on([&] { return system.registry.add("other", {.text = text}); }).id;
  };
  const int32_t foreign = add(kForeign);
  system.runtime.block_on([&] { return system.registry.set_level("other", CompatibilityLevel::kNone); });
  const int32_t no_record = add(R"("string")");
  const std::string datum("\2\2x\10Bonn", 8);
  append_raw(system, framed(foreign, datum));
  append_raw(system, framed(foreign, datum));
  for (const int32_t bad : {-1, 0, 9999, no_record}) append_raw(system, framed(bad, datum));
  EXPECT_TRUE(system.wait(system.append("rides", R"({"ride":5,"city":"Bonn"})").token));
  EXPECT_EQ(system.rows("cities"), (std::vector<std::string>{R"({"city":"Bonn","rides":3,"total":7})"}));
}

TEST(RegistryStreams, ARestartKeepsTheIdsAndBringsBackWhatRecordsNeed) {
  FaultyFiles files(1);
  std::vector<int32_t> ids;
  {
    TestSystem system(files);
    system.execute(kApp);
    ids.push_back(latest_id(system));
    EXPECT_TRUE(system.wait(system.append("rides", R"({"ride":4,"city":"Ulm"})").token));
    system.execute("ALTER STREAM rides ADD COLUMN tip double precision");
    EXPECT_EQ(system.registry.state()->version("rides-value", -1, false).version, 2);
    ids.push_back(latest_id(system));
    for (const bool permanent : {false, true})
      system.runtime.block_on([&] { return system.registry.remove("rides-value", std::nullopt, permanent); });
  }
  TestSystem system(files);
  const auto& schemas = system.catalog.state()->stream("rides")->schemas;
  ASSERT_EQ(schemas.size(), ids.size());
  for (size_t at = 0; at < ids.size(); ++at) {
    EXPECT_EQ(schemas[at].id, ids[at]);
    EXPECT_EQ(system.registry.schema(ids[at])->json(), schemas[at].schema->json());
  }
  EXPECT_EQ(system.rows("cities"), (std::vector<std::string>{R"({"city":"Ulm","rides":1,"total":4})"}));
  system.execute("DROP STREAM rides CASCADE");
  EXPECT_NE(system.registry.state()->find_subject("rides-value", false), nullptr);
}

// The bytes of a default of numeric or bytea may have a zero, which is \u0000 in the schema.
TEST(RegistryStreams, DefaultsWithZeroBytes) {
  FaultyFiles files(1);
  std::string registered;
  {
    TestSystem system(files);
    system.execute(
        "CREATE STREAM d (a text, b numeric(12,2) NOT NULL DEFAULT 0.00, c bytea NOT NULL DEFAULT '\\x0001ff') "
        "WITH (partitions = 1); CREATE MATERIALIZED VIEW v AS SELECT a, b, c FROM d");
    EXPECT_TRUE(system.wait(system.append("d", R"({"a":"x"})").token));
    system.execute(
        "ALTER STREAM d ADD COLUMN e numeric(10,2) NOT NULL DEFAULT 2.56;"
        "CREATE MATERIALIZED VIEW w AS SELECT a, b, c, e FROM d");
    EXPECT_TRUE(system.wait(system.append("d", R"({"a":"y","b":3})").token));
    registered = system.registry.state()->version("d-value", -1, false).schema->text;
    EXPECT_NE(registered.find(R"("default":"\u0000")"), std::string::npos) << registered;
  }
  TestSystem system(files);
  EXPECT_EQ(system.registry.state()->version("d-value", -1, false).schema->text, registered);
  EXPECT_TRUE(system.wait(system.append("d", R"({"a":"z"})").token));
  EXPECT_EQ(system.rows("w"), (std::vector<std::string>{R"({"a":"x","b":0.00,"c":"AAH/","e":2.56})",
                                                        R"({"a":"y","b":3.00,"c":"AAH/","e":2.56})",
                                                        R"({"a":"z","b":0.00,"c":"AAH/","e":2.56})"}));
}

}  // namespace
}  // namespace headrace
