// The registry on a log: what was acknowledged is there after restarts and power cuts, under the same ids, and
// registrations that come at once get along.
#include "views/registry.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "base/testing_setting.h"
#include "fmt/format.h"
#include "log/testing_log.h"
#include "runtime/join.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

std::string schema_number(uint64_t number) {
  return fmt::format(R"({{"type":"record","name":"r","fields":[{{"name":"f{}","type":"int","default":0}}]}})", number);
}

class LoggedRegistry : public testing::Test {
 protected:
  void open(TestingLog& log) {
    registry_ = std::make_unique<Registry>(log.runtime(), log.log());
    log.run([&] { return registry_->open(); });
  }
  int32_t add(TestingLog& log, const std::string& subject, const std::string& text) {
    return log.run([&] { return registry_->add(subject, {.text = text}); }).id;
  }

  std::unique_ptr<Registry> registry_;
};

TEST_F(LoggedRegistry, ARestartFindsWhatWasThere) {
  TestingLog log;
  open(log);
  EXPECT_EQ(add(log, "a", schema_number(1)), 1);
  EXPECT_EQ(add(log, "a", schema_number(2)), 2);
  EXPECT_EQ(add(log, "b", schema_number(1)), 1);
  log.run([&] { return registry_->set_level("a", CompatibilityLevel::kFull); });
  log.run([&] { return registry_->set_mode("b", RegistryMode::kReadOnly, false); });
  EXPECT_EQ(log.run([&] { return registry_->remove("a", 2, false); }), (std::vector<int32_t>{2}));
  EXPECT_EQ(log.run([&] { return registry_->remove("a", 2, true); }), (std::vector<int32_t>{2}));
  const AvroSchemaPtr before = registry_->schema(1);
  registry_.reset();
  log.reopen();
  open(log);
  const RegistryStatePtr state = registry_->state();
  EXPECT_EQ(state->version("a", -1, false).version, 1);
  EXPECT_EQ(state->version("b", 1, false).schema->id, 1);
  EXPECT_EQ(state->level("a"), CompatibilityLevel::kFull);
  EXPECT_EQ(state->mode("b"), RegistryMode::kReadOnly);
  EXPECT_EQ(registry_->schema(1)->json(), before->json());
  EXPECT_THROW(registry_->schema(2), RegistryError);
  EXPECT_EQ(add(log, "a", schema_number(3)), 3) << "2 was given out once";
}

TEST_F(LoggedRegistry, RegistrationsAtOnceGetAlong) {
  TestingLog log(1, 2);
  open(log);
  constexpr size_t kAtOnce = 64;
  const auto given = log.run([&]() -> awaitable<std::vector<Registration>> {
    std::vector<awaitable<Registration>> all;
    for (size_t index = 0; index < kAtOnce; ++index)
      all.push_back(registry_->add("s", {.text = schema_number(index / 4)}));
    return join_all(log.runtime().shard(0), std::move(all));
  });
  for (size_t index = 0; index < kAtOnce; ++index) EXPECT_EQ(given[index].id, given[index / 4 * 4].id) << index;
  EXPECT_EQ(registry_->state()->schemas.size(), kAtOnce / 4);
  EXPECT_EQ(registry_->state()->version("s", -1, false).version, static_cast<int32_t>(kAtOnce / 4));
}

TEST_F(LoggedRegistry, AnAcknowledgedIdOutlivesEveryPowerCut) {
  const uint64_t seed = test_seed();
  Random random(seed);
  TestingLog log(random());
  std::map<std::pair<std::string, std::string>, Registration> acknowledged;  // by subject and schema
  std::map<std::string, int32_t> ids;                                        // by schema
  for (int cut = 0; cut < 60; ++cut) {
    SCOPED_TRACE(fmt::format("cut {} of seed {}", cut, seed));
    open(log);
    const RegistryStatePtr state = registry_->state();
    std::map<std::string, int32_t> found;
    for (const auto& [id, known] : state->schemas) EXPECT_TRUE(found.emplace(known.schema->text, id).second) << id;
    for (const auto& [what, given] : acknowledged) {
      const Subject* const subject = state->find_subject(what.first, false);
      ASSERT_NE(subject, nullptr);
      const SubjectVersion* const version = subject->find(given.version);
      ASSERT_NE(version, nullptr) << "acknowledged and lost";
      EXPECT_EQ(version->schema->id, given.id);
      EXPECT_EQ(version->schema->text, what.second);
    }
    log.files().power_cut_after(1 + random.below(40));
    try {
      for (int call = 0; call < 50; ++call) {
        const std::string subject = fmt::format("s{}", random.below(4));
        const std::string text = schema_number(random.below(40));
        const Registration given = log.run([&] { return registry_->add(subject, {.text = text}); });
        const auto [known, fresh] = acknowledged.emplace(std::pair(subject, text), given);
        EXPECT_EQ(known->second.id, given.id);
        EXPECT_EQ(ids.emplace(text, given.id).first->second, given.id) << "one schema, one id";
      }
    } catch (const Error&) {
      // The power went.
    }
    registry_.reset();
    log.power_cut();
  }
  std::set<int32_t> distinct;
  for (const auto& [text, id] : ids) EXPECT_TRUE(distinct.insert(id).second) << "two schemas, one id";
}

}  // namespace
}  // namespace headrace
