// How many rows a view says it has. What it reads is tested with flows (flow_test.cc).
#include "flow/view_reader.h"

#include "flow/testing_plans.h"
#include "gtest/gtest.h"
#include "runtime/faulty_files.h"

namespace headrace {
namespace {

using namespace headrace::testing;

constexpr FlowTables kTables{TableId{64}};
constexpr uint64_t kEpochRows = 20'000;
constexpr uint64_t kNames = 100'000;
constexpr double kErrorMax = 0.08;

const RowTypePtr& event_type() {
  static const RowTypePtr type = row_type({column("name", Kind::kInteger), column("amount", Kind::kInteger)});
  return type;
}

class ViewRows : public ::testing::Test {
 protected:
  void open(const QueryPlanPtr& plan) {
    flow_.reset();
    store_.reset();
    store_ = open_rocksdb_store(files_, {.folder = "/store", .memory_bytes = size_t{16} << 20});
    flow_ = std::make_unique<Flow>(plan, *store_, kTables, false);
  }

  // Events of the first `names` names in turn, in no order.
  void advance(uint64_t events, uint64_t names) {
    for (uint64_t done = 0; done < events; done += kEpochRows) {
      BatchBuilder builder(event_type());
      for (uint64_t i = 0; i < std::min(kEpochRows, events - done); ++i, ++next_)
        builder.append_row(Row{static_cast<int64_t>(next_ * 7919 % names), int64_t{1}});
      auto batch = std::make_shared<SourceBatch>();
      batch->rows = builder.finish();
      batch->from = offset_;
      batch->next = offset_ = offset_ + static_cast<int64_t>(batch->rows.rows);
      const FlowInput input{0, batch};
      flow_->advance(std::span(&input, 1), Frontier{{{offset_}}}, false);
    }
  }

  void expect_rows(uint64_t rows) {
    EXPECT_NEAR(static_cast<double>(flow_->approximate_rows()), static_cast<double>(rows),
                kErrorMax * static_cast<double>(rows));
  }

  const PlanPtr events_ = stream("events", event_type());
  const PlanPtr groups_ = aggregate(events_, {"name"}, {{"n", "count", {}}});
  FaultyFiles files_{1};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Flow> flow_;
  uint64_t next_ = 0;
  Offset offset_{};
};

TEST_F(ViewRows, AreExactlyKnownWhenThereAreFew) {
  open(query(groups_, {"name"}));
  EXPECT_EQ(flow_->approximate_rows(), 0U);
  advance(30'000, 3'000);
  EXPECT_EQ(flow_->approximate_rows(), 3'000U);
}

TEST_F(ViewRows, AreAboutKnownWhenLoadedUpdatedAndOpenedAgain) {
  const QueryPlanPtr plan = query(groups_, {"name"});
  open(plan);
  advance(kNames, kNames);
  expect_rows(kNames);
  for (int round = 0; round < 10; ++round) advance(kNames / 2, kNames / 10);
  expect_rows(kNames);
  open(plan);
  expect_rows(kNames);
}

TEST_F(ViewRows, AreThoseThatPassAFilterAboveGroups) {
  const PlanPtr above = filter(groups_, call(">", {ref(groups_, "n"), literal(Kind::kBigint, int64_t{1})}));
  open(query(above, {"name"}));
  advance(1'000, 1'000);
  EXPECT_EQ(flow_->approximate_rows(), 0U);
  advance(1'000, 1'000);
  EXPECT_EQ(flow_->approximate_rows(), 1'000U);
  advance(kNames, kNames);
  advance(kNames, kNames);
  expect_rows(kNames);
}

TEST_F(ViewRows, AreCountedAsOftenAsTheyAreThere) {
  open(query(events_, {}, false));
  advance(3 * kNames, kNames);
  expect_rows(3 * kNames);
}

TEST_F(ViewRows, AreExactlyCountedWhenThereAreFew) {
  open(query(events_, {}, false));
  advance(9'000, 3'000);
  EXPECT_EQ(flow_->approximate_rows(), 9'000U);
}

}  // namespace
}  // namespace headrace
