// A writer that remembers what it was promised, on a disk that loses its power, its space and its syncs at random
// moments, also while the log is being opened. After each: what was acknowledged is there once, in order; what was
// not is there once or not at all; nothing damaged is read; a batch that is sent again is recognised.
//
// HEADRACE_POWER_CUTS sets how many cuts are made, HEADRACE_SEED the first seed, which is printed with a failure.
#include <map>
#include <set>

#include "base/check.h"
#include "base/random.h"
#include "base/testing_setting.h"
#include "gtest/gtest.h"
#include "log/testing_log.h"
#include "runtime/signal.h"
#include "spdlog/spdlog.h"

namespace headrace {
namespace {

using namespace std::chrono_literals;

constexpr int kCutsPerDisk = 10;
constexpr PartitionId kPartitions = 3;
constexpr int64_t kProducersPerPartition = 2;
constexpr int64_t kDay = 24 * 3600 * 1000;

struct SentRecord {
  std::string key;
  std::optional<std::string> value;
};

struct Sent {
  int32_t sequence = 0;  // of the first record
  std::vector<SentRecord> records;
  bool acknowledged = false;
  Offset base;  // then
};

// One producer of one partition: sends its batches in order, and again from the first that was not acknowledged.
struct Writer {
  int64_t id = 0;
  std::vector<Sent> batches;
};

struct ModelPartition {
  std::map<int64_t, Writer> writers;
  Offset floor{0};
  Offset acknowledged_end{0};
  Offset deleted{0};  // by an acknowledged call
};

struct ModelTopic {
  TopicConfig config;
  std::vector<ModelPartition> partitions;
  bool may_be_gone = false;  // a removal was interrupted
  // A power cut brought it back after the checkpoint had dropped it, so what retention removed is forgotten.
  bool was_back = false;
};

class Simulation {
 public:
  Simulation(uint64_t seed, size_t shards) : random_(seed), log_(seed, shards) {
    log_.options().producers_max = 100;
    topics_["events"] = {.config = {.partitions = kPartitions, .retention_bytes = 40'000, .segment_bytes = 16 * 1024}};
    topics_["table"] = {
        .config = {
            .partitions = kPartitions, .segment_bytes = 16 * 1024, .compact = true, .delete_retention_ms = kDay}};
    for (auto& [name, topic] : topics_) {
      topic.partitions.resize(kPartitions);
      log_.create(name, topic.config);
    }
  }

  uint64_t lives() const { return lives_; }

  // From one start of the log to the next interruption.
  void live() {
    ++lives_;
    verify(true);
    if (testing::Test::HasFailure()) return;
    if (random_.one_in(2)) log_.files().power_cut_after(1 + random_.below(random_.one_in(2) ? 40 : 400));
    for (uint64_t steps = 1 + random_.below(12); steps > 0 && !off(); --steps) step();
    log_.files().set_faults({});
    if (!off() && random_.one_in(8)) return clean_restart();
    if (!off() && random_.one_in(4)) return killed();
    power_cut();
  }

 private:
  bool off() {
    try {
      log_.files().exists("log");
      return false;
    } catch (const Error&) {
      return true;
    }
  }

  void step() {
    switch (random_.below(11)) {
      case 0: log_.time().advance(std::chrono::hours(random_.below(40))); break;
      case 1: move_floor(); break;
      case 2: clean(); break;
      case 3: fault(); break;
      case 4: verify_some(); break;
      case 5: remake_topic(); break;
      case 6: delete_records(); break;
      default: append_burst(); break;
    }
  }

  void fault() {
    FaultyFiles::Faults faults;
    switch (random_.below(4)) {
      case 0: faults.sync_fails_one_in = 1 + random_.below(20); break;
      case 1: faults.write_fails_one_in = 1 + random_.below(20); break;
      case 2: faults.space_bytes_max = random_.below(2'000'000); break;
      default: break;
    }
    log_.files().set_faults(faults);
  }

  std::string pick_topic() { return random_.one_in(2) ? "events" : "table"; }

  void add_batch(const std::string& topic, Writer& writer) {
    Sent sent;
    if (!writer.batches.empty()) {
      const Sent& last = writer.batches.back();
      sent.sequence = last.sequence + static_cast<int32_t>(last.records.size());
      if (random_.one_in(8)) sent.sequence += static_cast<int32_t>(random_.below(100));
    }
    const uint64_t count = 1 + random_.below(6);
    const size_t size = random_.one_in(20) ? 20'000 : random_.below(400);
    for (uint64_t i = 0; i < count; ++i) {
      SentRecord record{.key = "k" + std::to_string(random_.below(20)), .value = std::nullopt};
      const bool tombstone = topic == "table" && random_.one_in(5);
      if (!tombstone) record.value = std::to_string(++values_) + std::string(i == 0 ? size : 3, 'x');
      sent.records.push_back(std::move(record));
    }
    writer.batches.push_back(std::move(sent));
  }

  std::string encode(const Sent& sent, int64_t producer) {
    RecordBatchBuilder builder(sent.sequence % 3 == 0 ? Compression::kLz4 : Compression::kNone);
    builder.set_producer(producer, 0, sent.sequence);
    for (const SentRecord& record : sent.records) builder.append(log_.time().wall_ms(), record.key, record.value);
    return builder.finish();
  }

  awaitable<void> append(std::string topic, PartitionId partition, Writer& writer, size_t index, int& running,
                         Signal& done) {
    try {
      const std::string bytes = encode(writer.batches[index], writer.id);
      const auto appended = co_await log_.log().append(topic, one(partition, bytes));
      Sent& sent = writer.batches[index];
      const Appended& result = appended.at(0);
      if (!sent.acknowledged) {
        sent.acknowledged = true;
        sent.base = result.base;
      } else {
        EXPECT_TRUE(result.duplicate || topics_[topic].was_back)
            << "an acknowledged batch was appended again to " << topic << "-" << partition << ", first at "
            << sent.base.value << ", then at " << result.base.value;
        if (result.duplicate && result.base != Offset{-1}) EXPECT_EQ(result.base, sent.base);
      }
      ModelPartition& model = topics_[topic].partitions[static_cast<size_t>(partition)];
      if (result.end != Offset{-1}) model.acknowledged_end = std::max(model.acknowledged_end, result.end);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::kIo || error.code() == Code::kOutOfSpace || error.code() == Code::kNotFound)
          << error.message();
    }
    if (--running == 0) done.notify_all();
  }

  // Many at once, so that they share commits.
  void append_burst() {
    log_.run([&]() -> awaitable<void> {
      Shard& shard = log_.runtime().shard(0);
      Signal done(shard);
      int running = 1;
      std::set<Writer*> used;  // a producer is in one burst at a time, or its order would not be defined
      for (uint64_t bursts = 1 + random_.below(6); bursts > 0; --bursts) {
        const std::string topic = pick_topic();
        ModelTopic& model = topics_[topic];
        if (model.partitions.empty()) continue;
        const auto partition = static_cast<PartitionId>(random_.below(kPartitions));
        const auto number = static_cast<int64_t>(random_.below(kProducersPerPartition));
        Writer& writer = model.partitions[static_cast<size_t>(partition)].writers[number];
        if (!used.insert(&writer).second) continue;
        writer.id = 1000 + number;
        size_t first = 0;
        while (first < writer.batches.size() && writer.batches[first].acknowledged) ++first;
        const size_t end = std::max(first + 1 + random_.below(4), writer.batches.size());
        while (writer.batches.size() < end) add_batch(topic, writer);
        // Sometimes one that was acknowledged goes again.
        if (first > 0 && random_.one_in(3)) --first;
        for (size_t i = first; i < end; ++i) {
          ++running;
          shard.spawn(append(topic, partition, writer, i, running, done));
        }
      }
      --running;
      while (running > 0) co_await done.wait();
    });
  }

  void move_floor() {
    const std::string topic = pick_topic();
    if (topics_[topic].partitions.empty()) return;
    attempt([&] {
      for (PartitionId i = 0; i < kPartitions; ++i) {
        ModelPartition& model = topics_[topic].partitions.at(static_cast<size_t>(i));
        const Bounds bounds = log_.bounds(topic, i);
        const Offset floor{static_cast<int64_t>(random_.below(static_cast<uint64_t>(bounds.end.value) + 1))};
        model.floor = std::max(model.floor, floor);
        log_.run([&] { return log_.log().set_retention_floor(topic, i, floor); });
      }
    });
  }

  void delete_records() {
    if (topics_["events"].partitions.empty()) return;
    const auto partition = static_cast<PartitionId>(random_.below(kPartitions));
    ModelPartition& model = topics_["events"].partitions[static_cast<size_t>(partition)];
    const Offset before{static_cast<int64_t>(random_.below(static_cast<uint64_t>(model.acknowledged_end.value) + 1))};
    try {
      const Offset start = log_.run([&] { return log_.log().delete_before("events", partition, before); });
      EXPECT_GE(start, before);
      model.deleted = std::max(model.deleted, before);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::kIo || error.code() == Code::kOutOfSpace || error.code() == Code::kNotFound ||
                  error.code() == Code::kRefused)
          << error.message();
    }
  }

  void clean() {
    attempt([&] { log_.run([&] { return log_.log().clean(); }); });
  }

  void remake_topic() {
    if (!random_.one_in(4)) return;
    const std::string topic = pick_topic();
    ModelTopic& model = topics_[topic];
    if (exists(topic)) {
      model.may_be_gone = true;
      bool removed = false;
      attempt([&] {
        log_.run([&] { return log_.log().remove(topic); });
        removed = true;
      });
      // Otherwise a restart will tell.
      model.was_back = !removed;
      if (!removed) return;
      model.partitions.clear();
    }
    if (!model.partitions.empty()) return;
    attempt([&] { log_.create(topic, model.config); });
    if (exists(topic)) model.partitions.resize(kPartitions);
  }

  bool exists(const std::string& topic) {
    return log_.run([&] { return log_.log().find(topic); }).has_value();
  }

  void attempt(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::kIo || error.code() == Code::kOutOfSpace || error.code() == Code::kNotFound)
          << error.message();
    }
  }

  void clean_restart() {
    log_.close();
    reopen();
  }

  // The process dies; what the kernel has stays.
  void killed() {
    log_.files().set_faults({.write_fails_one_in = 1});
    log_.close();
    log_.files().set_faults({});
    reopen();
  }

  void power_cut() {
    if (!off()) log_.cut_power();
    log_.close();
    log_.files().restore_power();
    reopen();
  }

  // Power may go again while the log recovers.
  void reopen() {
    for (;;) {
      if (random_.one_in(3)) log_.files().power_cut_after(1 + random_.below(30));
      try {
        log_.open();
        log_.files().restore_power();
        return;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), Code::kIo) << "the log does not open: " << error.message();
        log_.files().restore_power();
        ++lives_;
      }
    }
  }

  void verify_some() {
    if (log_.files().mutations() % 2 == 0) return;
    attempt([&] { verify(false); });
  }

  void verify(bool restarted) {
    for (auto& [name, topic] : topics_) {
      if (!exists(name)) {
        if (!restarted) continue;
        EXPECT_TRUE(topic.may_be_gone || topic.partitions.empty()) << "topic " << name << " is gone";
        topic.partitions.clear();
        continue;
      }
      if (restarted) topic.may_be_gone = false;
      if (topic.partitions.empty()) topic.partitions.resize(kPartitions);
      for (PartitionId i = 0; i < kPartitions; ++i) {
        verify_partition(name, topic, i);
        if (testing::Test::HasFailure()) return;
      }
    }
  }

  void verify_partition(const std::string& name, const ModelTopic& topic, PartitionId partition) {
    const ModelPartition& model = topic.partitions[static_cast<size_t>(partition)];
    const Bounds bounds = log_.bounds(name, partition);
    EXPECT_LE(bounds.start, model.floor) << "retention went beyond the floor";
    EXPECT_GE(bounds.start, model.deleted) << "deleted records are back";
    EXPECT_GE(bounds.end, model.acknowledged_end) << "acknowledged records are lost";
    std::map<Offset, SentRecord> records;
    std::map<std::pair<int64_t, int32_t>, Offset> batches;
    std::map<std::string, Offset> last_of_key;
    std::string scratch;
    log_.for_each_batch(name, partition, [&](const BatchHeader& header, std::string_view batch) {
      if (header.producer_id != kNoProducer) {
        const auto [at, fresh] = batches.emplace(std::pair(header.producer_id, header.base_sequence), header.base);
        EXPECT_TRUE(fresh) << "sequence " << header.base_sequence << " of producer " << header.producer_id
                           << " is there twice, at " << at->second.value << " and " << header.base.value;
      }
      for_each_record(batch, scratch, [&](const Record& record) {
        const std::string key(record.key.value());
        records[record.offset] = {key, record.value ? std::optional<std::string>(*record.value) : std::nullopt};
        last_of_key[key] = record.offset;
        return true;
      });
    });
    // Retention may have gone on meanwhile.
    const Offset start = log_.bounds(name, partition).start;
    EXPECT_LE(start, model.floor) << "retention went beyond the floor";
    for (const auto& [number, writer] : model.writers) {
      for (const Sent& sent : writer.batches) {
        if (!sent.acknowledged) continue;
        Offset base = sent.base;
        if (base == Offset{-1}) continue;  // a duplicate whose place was forgotten
        for (size_t i = 0; i < sent.records.size(); ++i) {
          const Offset offset = base + static_cast<int64_t>(i);
          if (offset < start) continue;
          const auto found = records.find(offset);
          if (found != records.end()) {
            EXPECT_EQ(found->second.key, sent.records[i].key);
            EXPECT_EQ(found->second.value, sent.records[i].value);
            continue;
          }
          ASSERT_TRUE(topic.config.compact)
              << "offset " << offset.value << " of " << name << "-" << partition << " was acknowledged and is missing";
          const auto last = last_of_key.find(sent.records[i].key);
          const bool superseded = last != last_of_key.end() && last->second > offset;
          // A key whose last record was a tombstone may be gone altogether.
          const bool removed = has_later_tombstone(model, sent.records[i].key, offset);
          EXPECT_TRUE(superseded || removed) << "compaction lost the last record of a key";
        }
      }
    }
  }

  static bool has_later_tombstone(const ModelPartition& model, const std::string& key, Offset offset) {
    for (const auto& [number, writer] : model.writers) {
      for (const Sent& sent : writer.batches) {
        for (size_t i = 0; i < sent.records.size(); ++i) {
          const SentRecord& record = sent.records[i];
          // One that was not acknowledged may be there all the same.
          const bool later = !sent.acknowledged || sent.base + static_cast<int64_t>(i) >= offset;
          if (record.key == key && !record.value && later) return true;
        }
      }
    }
    return false;
  }

  Random random_;
  TestingLog log_;
  std::map<std::string, ModelTopic> topics_;
  uint64_t values_ = 0;
  uint64_t lives_ = 0;
};

void simulate(uint64_t cuts, size_t shards) {
  const uint64_t first_seed = test_seed(1);
  uint64_t lives = 0;
  for (uint64_t seed = first_seed; lives < cuts; ++seed) {
    SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(seed));
    Simulation simulation(seed, shards);
    for (int i = 0; i < kCutsPerDisk && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("life " + std::to_string(i));
      ASSERT_NO_THROW(simulation.live());
    }
    lives += simulation.lives();
    if (testing::Test::HasFailure()) {
      std::cerr << "failed with HEADRACE_SEED=" << seed << "\n";
      return;
    }
  }
  std::cerr << lives << " interruptions\n";
}

class PowerCut : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::err); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(PowerCut, LosesNothingThatWasAcknowledged) {
  simulate(test_setting("HEADRACE_POWER_CUTS", 300), 1);
}

TEST_F(PowerCut, NorWithSeveralShards) {
  simulate(test_setting("HEADRACE_POWER_CUTS", 300) / 4, 3);
}

}  // namespace
}  // namespace headrace
