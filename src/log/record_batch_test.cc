#include "log/record_batch.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

constexpr Compression kCodecs[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                   Compression::kZstd};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Code code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no Error was thrown";
  return Code::kInternal;
}

std::string one_record(Compression compression, std::string_view value) {
  RecordBatchBuilder builder(compression);
  builder.append(1, "key", value);
  return builder.finish();
}

// Written by kafka-python 2's DefaultRecordBatchBuilder.
constexpr std::string_view kGolden =
    "0000000000000000000000680000000002b87b50660000000000020000018bcfe5687b0000018bcfe58f0f000000000001e240000700000063"
    "000000033a0000000a6b65792d311276616c7565206f6e65040468310278046832011e002d02011276616c75652074776f001000a89a010400"
    "0100";

TEST(RecordBatch, IsByteForByteWhatAnotherClientWrites) {
  RecordBatchBuilder builder;
  builder.set_producer(123456, 7, 99);
  const RecordHeader headers[] = {{"h1", "x"}, {"h2", std::nullopt}};
  builder.append(1700000000123, "key-1", "value one", headers);
  builder.append(1700000000100, std::nullopt, "value two");
  builder.append(1700000009999, "", std::nullopt);
  EXPECT_EQ(builder.finish(), from_hex(kGolden));
}

TEST(RecordBatch, ADigestGrowsByABatchThatGotItsOffset) {
  for (const size_t size : {10, 16'200, 16'384, 300'000}) {
    std::string batch = one_record(Compression::kNone, std::string(size, 'v'));
    const BatchHeader header = verify_batch(batch);
    store_big_endian<int64_t>(batch.data() + batch_layout::kBaseOffsetAt, 1234);
    EXPECT_EQ(crc_with_batch(crc32c("before"), batch, header), crc32c("before" + batch)) << size;
  }
}

TEST(RecordBatch, ReadsWhatAnotherClientWrote) {
  const std::string batch = from_hex(kGolden);
  const BatchHeader header = verify_batch(batch);
  EXPECT_EQ(header.bytes(), batch.size());
  EXPECT_EQ(header.records, 3);
  EXPECT_EQ(header.end(), Offset{3});
  EXPECT_EQ(header.producer_id, 123456);
  EXPECT_EQ(header.producer_epoch, 7);
  EXPECT_EQ(header.base_sequence, 99);
  EXPECT_EQ(header.base_timestamp_ms, 1700000000123);
  EXPECT_EQ(header.max_timestamp_ms, 1700000009999);

  std::string scratch;
  std::vector<Record> records;
  for_each_record(batch, scratch, [&](const Record& record) {
    records.push_back(record);
    return true;
  });
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].key, "key-1");
  EXPECT_EQ(records[0].value, "value one");
  ASSERT_EQ(records[0].headers.size(), 2U);
  EXPECT_EQ(records[0].headers[0].key, "h1");
  EXPECT_EQ(records[0].headers[0].value, "x");
  EXPECT_EQ(records[0].headers[1].value, std::nullopt);
  EXPECT_EQ(records[1].key, std::nullopt);
  EXPECT_EQ(records[1].offset, Offset{1});
  EXPECT_EQ(records[1].timestamp_ms, 1700000000100);
  EXPECT_EQ(records[2].key, "");
  EXPECT_EQ(records[2].value, std::nullopt);
}

TEST(RecordBatch, RoundTripsWithEveryCodec) {
  Random random(7);
  for (const Compression compression : kCodecs) {
    for (const int count : {1, 2, 100, 5000}) {
      RecordBatchBuilder builder(compression);
      std::vector<std::pair<std::string, std::string>> written;
      for (int i = 0; i < count; ++i) {
        written.emplace_back("key-" + std::to_string(random.below(1000)), std::string(random.below(300), 'v'));
        builder.append(1000 + i, written.back().first, written.back().second);
      }
      const std::string batch = builder.finish();
      EXPECT_EQ(verify_batch(batch).compression, compression);
      std::string scratch;
      RecordReader reader(batch, scratch);
      Record record;
      int i = 0;
      for (; reader.next(record); ++i) {
        ASSERT_LT(i, count);
        EXPECT_EQ(record.offset.value, i);
        EXPECT_EQ(record.timestamp_ms, 1000 + i);
        EXPECT_EQ(record.key, written[static_cast<size_t>(i)].first);
        EXPECT_EQ(record.value, written[static_cast<size_t>(i)].second);
      }
      EXPECT_EQ(i, count);
    }
  }
}

TEST(RecordBatch, BuilderCanBeUsedAgain) {
  for (const Compression compression : kCodecs) {
    RecordBatchBuilder builder(compression);
    builder.append(5, "a", "1");
    const std::string first = builder.finish();
    EXPECT_EQ(builder.records(), 0);
    builder.append(5, "a", "1");
    EXPECT_EQ(builder.finish(), first);
  }
}

TEST(RecordBatch, ReadsSnappyWithoutXerialFraming) {
  // What librdkafka writes: one raw block. Built by taking the block out of a framed batch.
  const std::string framed = one_record(Compression::kSnappy, "a value");
  std::string raw = framed.substr(0, kBatchHeaderBytes) + framed.substr(kBatchHeaderBytes + 16 + 4);
  store_big_endian(raw.data() + batch_layout::kLengthAt, static_cast<int32_t>(raw.size() - batch_layout::kLengthEnd));
  std::string scratch;
  RecordReader reader(raw, scratch);
  Record record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.value, "a value");
  EXPECT_FALSE(reader.next(record));
}

TEST(RecordBatch, StopsWhenTheCallerSaysSo) {
  RecordBatchBuilder builder;
  for (int i = 0; i < 10; ++i) builder.append(i, "k", "v");
  std::string scratch;
  int seen = 0;
  for_each_record(builder.finish(), scratch, [&](const Record&) { return ++seen < 3; });
  EXPECT_EQ(seen, 3);
}

TEST(RecordBatch, DetectsEverySingleFlippedBitThatTheCrcCovers) {
  std::string batch = one_record(Compression::kNone, "some value");
  for (size_t bit = 17 * 8; bit < batch.size() * 8; ++bit) {
    batch[bit / 8] = static_cast<char>(batch[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(code_of([&] { verify_batch(batch); }), Code::kCorrupt) << "bit " << bit;
    batch[bit / 8] = static_cast<char>(batch[bit / 8] ^ (1 << (bit % 8)));
  }
}

TEST(RecordBatch, RefusesEveryPrefix) {
  for (const Compression compression : kCodecs) {
    const std::string batch = one_record(compression, "some value");
    for (size_t size = 0; size < batch.size(); ++size) {
      EXPECT_EQ(code_of([&] { verify_batch(std::string_view(batch).substr(0, size)); }), Code::kCorrupt);
    }
  }
}

TEST(RecordBatch, RefusesDamagedRecordsWithoutCrashing) {
  // As if a producer had computed the CRC over nonsense: the reader must not trust what is inside.
  Random random(11);
  for (const Compression compression : kCodecs) {
    RecordBatchBuilder builder(compression);
    const RecordHeader headers[] = {{"h", "x"}};
    for (int i = 0; i < 20; ++i) builder.append(i, "key", "value", headers);
    const std::string good = builder.finish();
    for (int i = 0; i < 2000; ++i) {
      std::string bad = good;
      for (uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
        bad[kBatchHeaderBytes + random.below(bad.size() - kBatchHeaderBytes)] ^=
            static_cast<char>(1 + random.below(255));
      }
      std::string scratch;
      try {
        for_each_record(bad, scratch, [](const Record&) { return true; });
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kCorrupt);
      }
    }
  }
}

TEST(RecordBatch, RefusesLengthsThatLie) {
  std::string batch = one_record(Compression::kNone, "v");
  batch[kBatchHeaderBytes] = 0x7f;  // the record's length
  std::string scratch;
  Record record;
  EXPECT_EQ(code_of([&] { RecordReader(batch, scratch).next(record); }), Code::kCorrupt);

  std::string negative = one_record(Compression::kNone, "v");
  store_big_endian<int32_t>(negative.data() + batch_layout::kLengthAt, -1);
  EXPECT_EQ(code_of([&] { read_batch_header(negative); }), Code::kCorrupt);

  std::string records = one_record(Compression::kNone, "v");
  store_big_endian<int32_t>(records.data() + batch_layout::kRecordsAt, 1000);
  EXPECT_EQ(code_of([&] { read_batch_header(records); }), Code::kCorrupt);
}

TEST(RecordBatch, BoundsDecompression) {
  for (const Compression compression : kCodecs) {
    if (compression == Compression::kNone) continue;
    std::string packed;
    compress(compression, std::string(kBatchBytesMax + 1, '\0'), packed);
    std::string out;
    EXPECT_EQ(code_of([&] { decompress(compression, packed, kBatchBytesMax, out); }), Code::kTooLarge);
    EXPECT_LE(out.capacity(), 2 * kBatchBytesMax);
    packed.clear();
    const std::string largest(kBatchBytesMax, 'x');
    compress(compression, largest, packed);
    decompress(compression, packed, kBatchBytesMax, out);
    EXPECT_EQ(out, largest);
  }
}

TEST(RecordBatch, BuilderRefusesWhatNoReaderWouldTake) {
  RecordBatchBuilder builder(Compression::kZstd);
  builder.append(1, "k", std::string(kBatchBytesMax, 'x'));
  EXPECT_EQ(code_of([&] { builder.finish(); }), Code::kTooLarge);
  EXPECT_EQ(builder.records(), 0);
}

TEST(RecordBatch, TimestampsOfTheLog) {
  std::string batch = one_record(Compression::kNone, "v");
  // Every record has the maximum.
  store_big_endian(batch.data() + batch_layout::kAttributesAt, batch_layout::kLogAppendTimeBit);
  store_big_endian<int64_t>(batch.data() + batch_layout::kMaxTimestampAt, 777);
  std::string scratch;
  RecordReader reader(batch, scratch);
  Record record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.timestamp_ms, 777);
}

TEST(Partitioner, IsKafkas) {
  // From Kafka's UtilsTest.testMurmur2.
  const std::pair<std::string_view, int32_t> known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : known) {
    for (const PartitionId partitions : {1, 2, 3, 8, 100, 10'000, INT32_MAX}) {
      EXPECT_EQ(partition_of(key, partitions), (hash & 0x7fffffff) % partitions) << key;
    }
  }
}

}  // namespace
}  // namespace headrace
