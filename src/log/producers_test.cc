#include "log/producers.h"

#include "gtest/gtest.h"

namespace headrace {
namespace {

using Verdict = Producers::Verdict;

BatchHeader batch(int64_t producer, int32_t sequence, int32_t records, Offset base, int16_t epoch = 0) {
  BatchHeader header;
  header.producer_id = producer;
  header.producer_epoch = epoch;
  header.base_sequence = sequence;
  header.records = records;
  header.last_offset_delta = records - 1;
  header.base = base;
  return header;
}

TEST(Producers, RecogniseWhatComesAgain) {
  Producers producers(10);
  EXPECT_EQ(producers.check(batch(1, 0, 2, {})).verdict, Verdict::kNew);
  producers.appended(batch(1, 0, 2, {100}));
  const Producers::Answer again = producers.check(batch(1, 0, 2, {}));
  EXPECT_EQ(again.verdict, Verdict::kDuplicate);
  EXPECT_EQ(again.base, Offset{100});
  EXPECT_EQ(again.durable_at, Offset{102});
  EXPECT_EQ(producers.check(batch(1, 2, 1, {})).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(1, 50, 1, {})).verdict, Verdict::kNew);  // sequences may be left out
  EXPECT_EQ(producers.check(batch(2, 0, 1, {})).verdict, Verdict::kNew);
  // Older than what is remembered: a duplicate all the same, whose place is not known.
  for (int i = 1; i < 10; ++i) producers.appended(batch(1, i * 2, 2, {100 + i * 2}));
  const Producers::Answer old = producers.check(batch(1, 0, 2, {}));
  EXPECT_EQ(old.verdict, Verdict::kDuplicate);
  EXPECT_EQ(old.base, std::nullopt);
  EXPECT_EQ(old.durable_at, Offset{120});
}

TEST(Producers, ForgetWhatDidNotBecomeDurable) {
  Producers producers(10);
  EXPECT_EQ(producers.last_sequence(1), -1);
  for (int i = 0; i < 3; ++i) {
    producers.appended(batch(1, i, 1, {i}));
    producers.durable(batch(1, i, 1, {i}));
  }
  for (int i = 3; i < 20; ++i) producers.appended(batch(1, i, 1, {i}));
  producers.appended(batch(2, 0, 1, {20}));
  producers.appended(batch(1, 0, 1, {21}, 1));
  EXPECT_EQ(producers.last_sequence(1), 2);
  producers.roll_back();
  EXPECT_EQ(producers.last_sequence(1), 2);
  EXPECT_EQ(producers.check(batch(1, 2, 1, {})).verdict, Verdict::kDuplicate);
  EXPECT_EQ(producers.check(batch(1, 3, 1, {})).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(2, 0, 1, {})).verdict, Verdict::kNew);
  EXPECT_EQ(producers.count(), 1U);
}

TEST(Producers, FenceOlderEpochs) {
  Producers producers(10);
  producers.appended(batch(1, 100, 1, {0}, 3));
  EXPECT_EQ(producers.check(batch(1, 101, 1, {}, 2)).verdict, Verdict::kFenced);
  EXPECT_EQ(producers.check(batch(1, 0, 1, {}, 4)).verdict, Verdict::kNew);
}

TEST(Producers, SequencesGoRoundAtTheEnd) {
  Producers producers(10);
  producers.appended(batch(1, INT32_MAX - 1, 3, {0}));
  EXPECT_EQ(producers.check(batch(1, 1, 1, {})).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(1, INT32_MAX - 1, 3, {})).verdict, Verdict::kDuplicate);
  producers.appended(batch(2, INT32_MAX, 1, {3}));
  EXPECT_EQ(producers.check(batch(2, 0, 1, {})).verdict, Verdict::kNew);
}

TEST(Producers, WithoutGapsTakeOnlyTheNextSequence) {
  Producers producers(10);
  EXPECT_EQ(producers.check(batch(1, 70, 2, {}), true).verdict, Verdict::kNew);  // not known: goes on where it was
  producers.appended(batch(1, 70, 2, {0}));
  EXPECT_EQ(producers.check(batch(1, 72, 1, {}), true).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(1, 73, 1, {}), true).verdict, Verdict::kOutOfOrder);
  EXPECT_EQ(producers.check(batch(1, 70, 2, {}), true).base, Offset{0});
  EXPECT_EQ(producers.check(batch(1, 0, 1, {}, 1), true).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(1, 72, 1, {}, 1), true).verdict, Verdict::kOutOfOrder);
  producers.appended(batch(2, INT32_MAX - 1, 2, {2}));
  EXPECT_EQ(producers.check(batch(2, 0, 1, {}), true).verdict, Verdict::kNew);
  EXPECT_EQ(producers.check(batch(2, 1, 1, {}), true).verdict, Verdict::kOutOfOrder);
}

TEST(Producers, WithoutGapsADuplicateIsOneOfTheRecentBatches) {
  Producers producers(10);
  producers.appended(batch(1, 0, 10, {0}));
  for (const auto& [first, records] : {std::pair{5, 10}, {0, 20}, {0, 5}, {5, 5}, {9, 2}})
    EXPECT_EQ(producers.check(batch(1, first, records, {}), true).verdict, Verdict::kOutOfOrder) << first << records;
  for (int32_t i = 1; i <= 5; ++i) producers.appended(batch(1, i * 10, 10, {i * 10}));
  for (int32_t i = 1; i <= 5; ++i) EXPECT_EQ(producers.check(batch(1, i * 10, 10, {}), true).base, Offset{i * 10});
  EXPECT_EQ(producers.check(batch(1, 0, 10, {}), true).verdict, Verdict::kOutOfOrder);
  // Where sequences go round.
  producers.appended(batch(2, INT32_MAX - 4, 10, {60}));
  EXPECT_EQ(producers.check(batch(2, INT32_MAX - 4, 10, {}), true).base, Offset{60});
  EXPECT_EQ(producers.check(batch(2, INT32_MAX - 4, 12, {}), true).verdict, Verdict::kOutOfOrder);
  EXPECT_EQ(producers.check(batch(2, 0, 5, {}), true).verdict, Verdict::kOutOfOrder);
  EXPECT_EQ(producers.check(batch(2, 5, 1, {}), true).verdict, Verdict::kNew);
}

TEST(Producers, AreBounded) {
  Producers producers(3);
  for (int i = 0; i < 10; ++i) producers.appended(batch(i, 1, 1, {i}));
  EXPECT_EQ(producers.count(), 3U);
  EXPECT_EQ(producers.check(batch(9, 1, 1, {})).verdict, Verdict::kDuplicate);
  EXPECT_EQ(producers.check(batch(0, 1, 1, {})).verdict, Verdict::kNew);
  producers.appended(batch(7, 2, 1, {10}));  // used again
  producers.appended(batch(20, 1, 1, {11}));
  EXPECT_EQ(producers.check(batch(7, 2, 1, {})).verdict, Verdict::kDuplicate);
  EXPECT_EQ(producers.check(batch(8, 1, 1, {})).verdict, Verdict::kNew);
}

// The keys of single requests are many; they must not make a producer forgotten that numbers its requests.
TEST(Producers, ThoseUsedOnceDoNotMakeOthersForgotten) {
  Producers producers(100);
  const auto append = [&](const BatchHeader& header) {
    producers.appended(header);
    producers.durable(header);
  };
  int64_t offset = 0;
  for (int sequence = 0; sequence < 3; ++sequence) append(batch(1, sequence, 1, {offset++}));
  append(batch(2, 7, 1, {offset++}));     // of whose requests this partition got one
  append(batch(3, 0, 1, {offset++}, 2));  // in a new epoch
  for (int64_t key = 1000; key < 2000; ++key) append(batch(key, 0, 3, {offset += 3}));
  EXPECT_EQ(producers.count(), 103U);
  const auto expect = [&](const Producers& known) {
    EXPECT_EQ(known.check(batch(1, 2, 1, {})).verdict, Verdict::kDuplicate);
    EXPECT_EQ(known.check(batch(2, 7, 1, {})).verdict, Verdict::kDuplicate);
    EXPECT_EQ(known.check(batch(3, 0, 1, {}, 1)).verdict, Verdict::kFenced);
    EXPECT_EQ(known.check(batch(1999, 0, 3, {})).verdict, Verdict::kDuplicate);
    EXPECT_EQ(known.check(batch(1900, 0, 3, {})).verdict, Verdict::kDuplicate);
    EXPECT_EQ(known.check(batch(1899, 0, 3, {})).verdict, Verdict::kNew);
  };
  expect(producers);
  producers.appended(batch(1999, 1, 1, {offset}));
  EXPECT_EQ(producers.check(batch(1899, 0, 3, {})).verdict, Verdict::kNew);
  producers.roll_back();  // to the one batch that is durable
  EXPECT_EQ(producers.count(), 103U);
  expect(producers);
  std::string bytes;
  Writer writer(bytes);
  producers.encode(writer);
  Producers read(100);
  Reader reader(bytes);
  read.decode(reader);
  expect(read);
  // The others are bounded, too, and do not make keys forgotten.
  for (int64_t id = 5000; id < 6000; ++id) {
    for (int sequence = 0; sequence < 2; ++sequence) read.appended(batch(id, sequence, 1, {offset++}));
  }
  EXPECT_EQ(read.count(), 199U);  // a key made room for the first of them, when it had sent one batch
  EXPECT_EQ(read.check(batch(1, 2, 1, {})).verdict, Verdict::kNew);
  EXPECT_EQ(read.check(batch(5999, 1, 1, {})).verdict, Verdict::kDuplicate);
  EXPECT_EQ(read.check(batch(1901, 0, 3, {})).verdict, Verdict::kDuplicate);
}

TEST(Producers, RoundTrip) {
  Producers producers(10);
  for (int i = 0; i < 30; ++i) {
    producers.appended(batch(i % 4, i, 1, {i}, 5));
    if (i < 20) producers.durable(batch(i % 4, i, 1, {i}, 5));
  }
  std::string bytes;
  Writer writer(bytes);
  producers.encode(writer);
  Producers read(10);
  Reader reader(bytes);
  read.decode(reader);
  EXPECT_TRUE(reader.empty());
  for (int64_t id = 0; id < 4; ++id) EXPECT_EQ(read.last_sequence(id), producers.last_sequence(id));
  EXPECT_EQ(read.check(batch(3, 19, 1, {}, 5)).base, Offset{19});
  EXPECT_EQ(read.check(batch(3, 23, 1, {}, 5)).verdict, Verdict::kNew);  // it was not durable
  for (size_t size = 0; size < bytes.size(); ++size) {
    Producers partial(10);
    Reader short_reader(std::string_view(bytes).substr(0, size));
    EXPECT_THROW(partial.decode(short_reader), Error);
  }
}

}  // namespace
}  // namespace headrace
