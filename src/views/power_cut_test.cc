// The whole of Headrace on disks that lose power: rows are appended, views kept, a derived stream written, until the
// power goes at a random write, sync or rename; then everything is opened again from what the disk kept. Every
// acknowledged row must be there once, every view must equal its query, and no view may be behind what it had shown.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/testing_setting.h"
#include "fmt/format.h"
#include "runtime/faulty_files.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

// Set HEADRACE_POWER_CUTS for more or fewer; each of these takes as long as a hundred of the log's alone.
int power_cuts() {
  return std::max(20, static_cast<int>(test_setting("HEADRACE_POWER_CUTS", 2000) / 100));
}

// A few rows fill a batch, so that an epoch's output may be there in part on one partition.
constexpr AppendLimits kLimits{.batch_bytes_max = 1200};

constexpr const char* kApp = R"(
  CREATE STREAM events (id bigint NOT NULL, grp text NOT NULL, amount integer NOT NULL)
    WITH (key = 'grp', id = 'id', partitions = 3);
  CREATE MATERIALIZED VIEW event AS SELECT id, grp, amount FROM events;
  CREATE MATERIALIZED VIEW totals AS SELECT grp, count(*) AS events, sum(amount) AS amount FROM events GROUP BY grp;
  CREATE STREAM large WITH (key = 'grp', partitions = 2) AS SELECT id, grp, amount FROM events WHERE amount > 50;
  CREATE STREAM copies WITH (partitions = 3) AS SELECT id, amount FROM events;
  CREATE MATERIALIZED VIEW shares AS SELECT grp, 100 / (amount - 7) AS share, id FROM events WHERE amount < 20;
)";

class PowerCuts : public testing::Test {
 protected:
  struct Event {
    int64_t id;
    std::string group;
    int amount;
    std::string json() const { return fmt::format(R"({{"id":{},"grp":"{}","amount":{}}})", id, group, amount); }
  };

  // Appends until the power goes. What is acknowledged goes to known_; of what was under way, nothing is known.
  void work(TestSystem& system, FaultyFiles& files, Random& random) {
    files.power_cut_after(1 + random.below(400));
    try {
      for (int request = 0; request < 200; ++request) {
        std::string body;
        std::vector<Event> events;
        for (uint64_t rows = 1 + random.below(8); rows > 0; --rows) {
          Event event{next_id_++, fmt::format("g{}", random.below(6)), static_cast<int>(random.below(100))};
          if (!known_.empty() && random.one_in(5))
            event = std::next(known_.begin(), static_cast<ptrdiff_t>(random.below(known_.size())))->second;
          body += event.json() + "\n";
          events.push_back(std::move(event));
        }
        for (const Event& event : events) maybe_.emplace(event.id, event);
        const AppendResult result = system.append("events", body);
        for (const Event& event : events) known_.emplace(event.id, event);
        if (random.one_in(6)) {
          // What a reader has seen must not go away.
          if (system.wait(result.token, "totals")) shown_ = std::max(shown_, count_of(system.rows("totals")));
        }
        if (random.one_in(30)) system.store->flush();
      }
    } catch (const Error&) {
      // The power went.
    }
  }

  static int64_t count_of(const std::vector<std::string>& totals) {
    int64_t count = 0;
    for (const std::string& row : totals) {
      const size_t at = row.find(R"("events":)") + 9;
      count += std::atoll(row.c_str() + at);
    }
    return count;
  }

  void check(TestSystem& system) {
    // Views answer only once they have reached what was on the log at the start.
    const std::vector<std::string> found = system.rows("event");
    EXPECT_GE(count_of(system.rows("totals")), shown_) << "a view went back";
    std::map<int64_t, std::string> by_id;
    for (const std::string& row : found) {
      const int64_t id = std::atoll(row.c_str() + row.find(':') + 1);
      EXPECT_TRUE(by_id.emplace(id, row).second) << "twice: " << row;
    }
    for (const auto& [id, event] : known_) EXPECT_EQ(by_id[id], event.json()) << "acknowledged and lost";
    for (const auto& [id, row] : by_id) {
      const auto event = maybe_.find(id);
      ASSERT_TRUE(event != maybe_.end()) << "never appended: " << row;
      EXPECT_EQ(row, event->second.json());
      known_.emplace(id, event->second);  // it is there now, so it must stay
    }
    // The other views are what their queries give over the log.
    auto totals = system.rows("totals");
    EXPECT_EQ(totals,
              sorted(system.query("SELECT grp, count(*) AS events, sum(amount) AS amount FROM events GROUP BY grp")));
    system.settle();
    EXPECT_EQ(sorted(system.query("SELECT id, grp, amount FROM large")),
              sorted(system.query("SELECT id, grp, amount FROM events WHERE amount > 50")));
    EXPECT_EQ(sorted(system.query("SELECT id, amount FROM copies")),
              sorted(system.query("SELECT id, amount FROM events")));
    EXPECT_EQ(sorted(system.query(R"(SELECT "row" FROM "shares.dead")")).size(),
              system.query("SELECT id FROM events WHERE amount = 7").size());
  }

  static std::vector<std::string> sorted(std::vector<std::string> rows) {
    std::ranges::sort(rows);
    return rows;
  }

  std::map<int64_t, Event> known_;
  std::map<int64_t, Event> maybe_;
  int64_t next_id_ = 0;
  int64_t shown_ = 0;
};

TEST_F(PowerCuts, NothingAcknowledgedIsLostAndNothingCountsTwice) {
  const uint64_t seed = test_seed();
  Random random(seed);
  FaultyFiles files(random());
  {
    TestSystem system(files);
    system.execute(kApp);
  }
  for (int cut = 0; cut < power_cuts() && !HasFailure(); ++cut) {
    SCOPED_TRACE(fmt::format("cut {} of seed {}", cut, seed));
    {
      TestSystem system(files, {}, kLimits);
      check(system);
      work(system, files, random);
      cut_power(files);
    }
    files.restore_power();
  }
}

}  // namespace
}  // namespace headrace
