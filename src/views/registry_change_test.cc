// What calls make of a registry, without a log: the state is what its records say, and replaying them gives the same.
#include "views/registry_change.h"

#include <gtest/gtest.h>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "views/registry_error.h"
#include "views/registry_text.h"

namespace headrace {
namespace {

std::string record(std::string_view more = "", std::string_view name = "r") {
  return fmt::format(R"({{"type":"record","name":"{}","fields":[{{"name":"a","type":"int"}}{}]}})", name, more);
}
const std::string kOptionalB = R"(,{"name":"b","type":"int","default":1})";
const std::string kB = R"(,{"name":"b","type":"int"})";

class Books : public testing::Test {
 protected:
  // The id.
  int32_t add(const std::string& subject, const std::string& text, SchemaRequest request = {}) {
    request.text = text;
    return take(plan_registration(state_, subject, request, Registrant::kClient)).id;
  }
  std::vector<int32_t> remove(const std::string& subject, std::optional<int32_t> version = {}, bool permanent = false) {
    return take(plan_removal(state_, subject, version, permanent)).versions;
  }
  void level(const std::string& subject, const char* name) {
    take(plan_level(state_, subject, compatibility_level(name)));
  }
  void mode(const std::string& subject, const char* name, bool force = false) {
    take(plan_mode(state_, subject, registry_mode(name), force));
  }
  template <typename Change>
  Change take(Change change) {
    for (const RegistryRecord& each : change.records) {
      state_.apply(each);
      records_.push_back(each);
    }
    return change;
  }

  // "subject: version=id version=-id", a minus for what is softly deleted, and the settings.
  static std::string describe(const RegistryState& state) {
    std::string out;
    for (const auto& [name, subject] : state.subjects) {
      out += name + ":";
      for (const SubjectVersion& version : subject->versions)
        out += fmt::format(" {}={}{}", version.version, version.deleted ? "-" : "", version.schema->id);
      out += "; ";
    }
    for (const auto& [name, each] : state.levels) out += fmt::format("level {} {}; ", name, to_string(each));
    for (const auto& [name, each] : state.modes) out += fmt::format("mode {} {}; ", name, to_string(each));
    return out + fmt::format("{} ids", state.next_id - 1);
  }
  // From the last record of each key, as compaction leaves them, without tombstones.
  std::string compacted() const {
    RegistryState state;
    for (size_t at = 0; at < records_.size(); ++at) {
      bool last = records_[at].value.has_value();
      for (size_t later = at + 1; later < records_.size(); ++later) last &= records_[later].key != records_[at].key;
      if (last) state.apply(records_[at]);
    }
    return describe(state);
  }
  static RegistryCode code_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const RegistryError& error) {
      return error.registry_code();
    }
    return RegistryCode{0};
  }

  RegistryState state_;
  std::vector<RegistryRecord> records_;
};

TEST_F(Books, ASchemaHasOneIdInAllSubjects) {
  EXPECT_EQ(add("one", record()), 1);
  EXPECT_EQ(add("one", record()), 1);
  EXPECT_EQ(add("two", record()), 1);
  EXPECT_EQ(add("two", record(kOptionalB)), 2);
  EXPECT_EQ(add("one", " " + record() + "\n"), 1) << "blanks do not count";
  EXPECT_EQ(describe(state_), "one: 1=1; two: 1=1 2=2; 2 ids");
  EXPECT_EQ(compacted(), describe(state_));
}

TEST_F(Books, LevelsDecideWhatMayFollow) {
  add("s", record());
  EXPECT_EQ(code_of([&] { add("s", record(kB)); }), RegistryCode::kIncompatible);
  level("s", "FORWARD");
  EXPECT_EQ(add("s", record(kB)), 2);
  level("s", "NONE");
  EXPECT_EQ(add("s", R"("string")"), 3);
  level("s", "BACKWARD");
  EXPECT_EQ(add("s", R"("bytes")"), 4) << "only the version before counts";
  level("s", "BACKWARD_TRANSITIVE");
  EXPECT_EQ(code_of([&] { add("s", R"(["null","string"])"); }), RegistryCode::kIncompatible) << "the first counts, too";
  EXPECT_EQ(compatibility_faults(state_, "s", -1, {.text = R"(["null","string"])"}).size(), 0u);
  EXPECT_GT(compatibility_faults(state_, "s", 1, {.text = R"(["null","string"])"}).size(), 1u);
  EXPECT_TRUE(compatibility_faults(state_, "nobody", -1, {.text = record()}).empty());
  EXPECT_EQ(code_of([&] { compatibility_faults(state_, "nobody", 1, {.text = record()}); }), RegistryCode::kNoSubject);
  EXPECT_EQ(code_of([&] { compatibility_faults(state_, "s", 9, {.text = record()}); }), RegistryCode::kNoVersion);
  level("", "FULL");
  EXPECT_EQ(code_of([&] { plan_level(state_, "other", std::nullopt); }), RegistryCode::kNoSubjectLevel);
  EXPECT_EQ(state_.level("other"), CompatibilityLevel::kFull);
  EXPECT_EQ(compacted(), describe(state_));
}

TEST_F(Books, DeletionIsSoftFirst) {
  add("s", record());
  add("s", record(kOptionalB));
  level("s", "FULL");
  EXPECT_EQ(code_of([&] { remove("s", {}, true); }), RegistryCode::kSubjectNotSoftDeleted);
  EXPECT_EQ(code_of([&] { remove("s", 1, true); }), RegistryCode::kVersionNotSoftDeleted);
  EXPECT_EQ(code_of([&] { remove("s", 3); }), RegistryCode::kNoVersion);
  EXPECT_EQ(code_of([&] { remove("t"); }), RegistryCode::kNoSubject);
  EXPECT_EQ(remove("s", 1), (std::vector<int32_t>{1}));
  EXPECT_EQ(code_of([&] { remove("s", 1); }), RegistryCode::kVersionSoftDeleted);
  EXPECT_EQ(code_of([&] { state_.version("s", 1, false); }), RegistryCode::kNoVersion);
  EXPECT_EQ(state_.version("s", 1, true).schema->id, 1);
  EXPECT_EQ(remove("s"), (std::vector<int32_t>{2}));
  EXPECT_EQ(code_of([&] { remove("s"); }), RegistryCode::kSubjectSoftDeleted);
  EXPECT_EQ(code_of([&] { state_.subject("s", false); }), RegistryCode::kNoSubject);
  EXPECT_EQ(describe(state_), "s: 1=-1 2=-2; 2 ids") << "its level went with it";
  EXPECT_EQ(add("s", record()), 1) << "the id stays";
  EXPECT_EQ(describe(state_), "s: 1=-1 2=-2 3=1; 2 ids");
  remove("s");
  EXPECT_EQ(remove("s", {}, true), (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(describe(state_), "2 ids");
  EXPECT_EQ(code_of([&] { state_.schema(2); }), RegistryCode::kNoSchema);
  EXPECT_EQ(compacted(), describe(state_)) << "what was given out is remembered";
  EXPECT_EQ(add("s", record(kB)), 3);
}

TEST_F(Books, ReferencesBindWhatTheyName) {
  add("city", R"({"type":"record","name":"City","fields":[{"name":"zip","type":"string"}]})");
  const std::string home = R"({"type":"record","name":"Home","fields":[{"name":"city","type":"City"}]})";
  EXPECT_EQ(code_of([&] { add("home", home); }), RegistryCode::kInvalidSchema);
  const SchemaRequest request{.references = {{"City", "city", 1}}};
  EXPECT_EQ(add("home", home, request), 2);
  EXPECT_EQ(add("home", home, request), 2);
  EXPECT_EQ(add("home", home, {.references = {{"City", "city", -1}}}), 2) << "-1 is the latest";
  EXPECT_EQ(code_of([&] { add("x", home, {.references = {{"City", "city", 7}}}); }), RegistryCode::kInvalidSchema);
  EXPECT_EQ(state_.referrers("city", 1, false), (std::vector<int32_t>{2}));
  EXPECT_EQ(code_of([&] { remove("city"); }), RegistryCode::kReferenced);
  EXPECT_EQ(code_of([&] { remove("city", 1); }), RegistryCode::kReferenced);
  remove("home");
  remove("city");
  EXPECT_EQ(code_of([&] { remove("city", {}, true); }), RegistryCode::kReferenced) << "home may still be asked for";
  EXPECT_EQ(code_of([&] { add("two", home, request); }), RegistryCode::kInvalidSchema) << "city is deleted";
  EXPECT_EQ(compacted(), describe(state_));
  remove("home", {}, true);
  remove("city", {}, true);
  EXPECT_EQ(describe(state_), "2 ids");
}

TEST_F(Books, ModesSayWhoMayWrite) {
  add("s", record());
  mode("s", "READONLY");
  EXPECT_EQ(add("s", record()), 1) << "a repeat changes nothing";
  EXPECT_EQ(code_of([&] { add("s", record(kOptionalB)); }), RegistryCode::kNotPermitted);
  EXPECT_EQ(code_of([&] { remove("s"); }), RegistryCode::kNotPermitted);
  EXPECT_EQ(code_of([&] { level("s", "FULL"); }), RegistryCode::kNotPermitted);
  EXPECT_EQ(code_of([&] { mode("s", "IMPORT"); }), RegistryCode::kNotPermitted);
  EXPECT_EQ(code_of([&] { add("t", record(), {.id = 7}); }), RegistryCode::kNotPermitted);
  mode("t", "IMPORT");
  EXPECT_EQ(code_of([&] { add("t", record(kB)); }), RegistryCode::kNotPermitted) << "an id is missing";
  EXPECT_EQ(add("t", record(kB), {.id = 70, .version = 5}), 70);
  EXPECT_EQ(add("t", R"("string")", {.id = 71}), 71) << "levels do not count";
  EXPECT_EQ(code_of([&] { add("t", R"("int")", {.id = 71}); }), RegistryCode::kNotPermitted) << "71 is taken";
  EXPECT_EQ(code_of([&] { add("t", R"("int")", {.id = 72, .version = 5}); }), RegistryCode::kNotPermitted);
  EXPECT_EQ(describe(state_), "s: 1=1; t: 5=70 6=71; mode s READONLY; mode t IMPORT; 71 ids");
  EXPECT_EQ(code_of([&] { take(plan_mode(state_, "u", std::nullopt, false)); }), RegistryCode::kNoSubjectMode);
  take(plan_mode(state_, "s", std::nullopt, false));
  EXPECT_EQ(add("s", record(kOptionalB)), 72);
  EXPECT_EQ(code_of([&] { mode("", "IMPORT"); }), RegistryCode::kNotPermitted);
  mode("", "IMPORT", true);
  EXPECT_EQ(state_.mode("s"), RegistryMode::kImport);
  EXPECT_EQ(compacted(), describe(state_));
}

TEST_F(Books, WhatIsNoAvroIsRefused) {
  EXPECT_EQ(code_of([&] { add("s", "{}", {.type = "JSON"}); }), RegistryCode::kInvalidSchema);
  EXPECT_EQ(code_of([&] { add("s", "syntax = \"proto3\";", {.type = "PROTOBUF"}); }), RegistryCode::kInvalidSchema);
  EXPECT_EQ(code_of([&] { add("s", "{"); }), RegistryCode::kInvalidSchema);
  EXPECT_EQ(code_of([&] { add("s", R"("nothing")"); }), RegistryCode::kInvalidSchema);
  EXPECT_EQ(code_of([&] { add("s", std::string(kSchemaBytesMax + 1, ' ') + R"("int")"); }),
            RegistryCode::kInvalidSchema);
  EXPECT_EQ(code_of([&] { add(std::string(kSubjectBytesMax + 1, 's'), record()); }), RegistryCode::kInvalidSubject);
  EXPECT_EQ(code_of([&] { add("a\nb", record()); }), RegistryCode::kInvalidSubject);
}

TEST_F(Books, NormalizingFindsWhatSaysTheSame) {
  const std::string plain = R"({"type":"record","name":"a.r","fields":[{"name":"x","type":"int","z":1,"y":2}]})";
  const std::string other =
      R"({"name":"r","namespace":"a","type":"record","fields":[{"y":2,"z":1,"type":{"type":"int"},"name":"x"}]})";
  EXPECT_EQ(registry_text(plain, true), registry_text(other, true));
  EXPECT_NE(registry_text(plain, false), registry_text(other, false));
  EXPECT_EQ(add("s", plain), 1);
  EXPECT_EQ(add("s", other, {.normalize = true}), 1);
  EXPECT_EQ(add("s", other), 2);
  EXPECT_EQ(find_version(state_, "s", {.text = other, .normalize = true}, false)->schema->id, 2);
  EXPECT_EQ(find_version(state_, "s", {.text = record()}, false), nullptr);
  EXPECT_EQ(code_of([&] { find_version(state_, "t", {.text = plain}, false); }), RegistryCode::kNoSubject);
}

TEST(RegistryText, SaysTheSameInOneForm) {
  const std::pair<const char*, const char*> cases[] = {
      {R"( "int" )", R"("int")"},
      {R"({"type":"int"})", R"("int")"},
      {R"({"logicalType":"date","type":"int"})", R"({"type":"int","logicalType":"date"})"},
      {R"([ "null" , {"type":"string"} ])", R"(["null","string"])"},
      {R"({"items":"int","type":"array"})", R"({"type":"array","items":"int"})"},
      {R"({"name":"a.b.c","type":"fixed","size": 4})", R"({"type":"fixed","name":"c","namespace":"a.b","size":4})"},
      {R"({"type":"enum","symbols":["A"],"name":"e","doc":"\u00e9","aliases":[]})",
       "{\"type\":\"enum\",\"name\":\"e\",\"doc\":\"\u00e9\",\"symbols\":[\"A\"]}"},
      {R"({"type":"record","name":"r","namespace":"n","fields":[{"default":1.50,"name":"x","type":"double","order":"ascending"},{"name":"y","type":["null","n.r"],"own":{"b":1,"a":[ ]}}]})",
       R"({"type":"record","name":"r","namespace":"n","fields":[{"name":"x","type":"double","default":1.50},{"name":"y","type":["null","r"],"own":{"b":1,"a":[]}}]})"},
      {R"({"type":"record","name":"r","fields":[{"name":"x","default":"\u0000A","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]})",
       R"({"type":"record","name":"r","fields":[{"name":"x","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2},"default":"\u0000A"}]})"},
      {R"({"type":"record","name":"a.B","fields":[{"name":"c","type":{"type":"record","name":"C","namespace":"","fields":[{"name":"d","type":{"type":"fixed","name":"D","size":1}}]}}]})",
       R"({"type":"record","name":"B","namespace":"a","fields":[{"name":"c","type":{"type":"record","name":"C","namespace":"","fields":[{"name":"d","type":{"type":"fixed","name":"D","size":1}}]}}]})"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(registry_text(text, false), expected);
    EXPECT_EQ(registry_text(expected, false), expected);
    const std::string normalized = registry_text(text, true);
    EXPECT_EQ(registry_text(normalized, true), normalized);
    EXPECT_EQ(AvroSchema::parse_any(text)->json(), AvroSchema::parse_any(normalized)->json()) << "it means the same";
  }
}

TEST(RegistryText, NamesHaveNoZero) {
  EXPECT_THROW(registry_text(R"({"type":"int","own\u0000":1})", false), Error);
  EXPECT_EQ(registry_text(R"({"type":"int","own":"\u0000"})", false), R"({"type":"int","own":"\u0000"})");
}

TEST(RegistryRecords, WhatIsNotReadableIsRefused) {
  RegistryState state;
  for (const RegistryRecord& bad :
       {RegistryRecord{"", ""}, RegistryRecord{"{}", "{}"}, RegistryRecord{"[]", std::nullopt},
        RegistryRecord{R"({"keytype":"SCHEMA","subject":"s","version":0})", R"({"id":1,"schema":"\"int\""})"},
        RegistryRecord{R"({"keytype":"SCHEMA","subject":"s","version":1})", R"({"id":-1,"schema":"\"int\""})"},
        RegistryRecord{R"({"keytype":"CONFIG"})", R"({"compatibilityLevel":"SOME"})"}})
    EXPECT_THROW(state.apply(bad), Error) << bad.key;
  state.apply({R"({"keytype":"NOOP","magic":0})", std::nullopt});
  EXPECT_TRUE(state.subjects.empty());
}

}  // namespace
}  // namespace headrace
