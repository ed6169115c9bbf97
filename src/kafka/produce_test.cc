// What producers are told, from the request to the answer and the log.
#include "kafka/messages/produce.h"

#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

using Partition = ProduceResponse::Topic::Partition;

using namespace batch_layout;

// With another value in the header's field at `position`, and the CRC that belongs to it.
template <typename T>
std::string with(std::string batch, size_t position, T value) {
  store_big_endian(batch.data() + position, value);
  store_big_endian(batch.data() + kCrcAt, crc32c(std::string_view(batch).substr(kAttributesAt)));
  return batch;
}

class Produce : public testing::Test {
 protected:
  Produce() {
    broker.log().create("t", {.partitions = 3});
    broker.log().create("compacted", {.compact = true});
  }

  static ProduceRequest request(const std::vector<std::string>& batches, const std::string& topic = "t") {
    static std::vector<std::string> kept;  // requests have views
    static std::string name;
    kept = batches;
    name = topic;
    ProduceRequest request;
    request.acks = -1;
    auto& asked = request.topics.emplace_back();
    asked.name = name;
    for (size_t i = 0; i < kept.size(); ++i) {
      auto& partition = asked.partitions.emplace_back();
      partition.index = static_cast<PartitionId>(i);
      partition.records = std::string_view(kept[i]);
    }
    return request;
  }
  std::vector<Partition> produce(const ProduceRequest& asked, int16_t version = 9) {
    return broker.ask<ProduceResponse>(answer_produce, asked, version).topics.at(0).partitions;
  }
  ErrorCode error_of(const std::string& batch, int16_t version = 9, const std::string& topic = "t") {
    return ErrorCode{produce(request({batch}, topic), version).at(0).error_code};
  }
  static std::string from(int64_t producer, int16_t epoch, int32_t sequence) {
    RecordBatchBuilder builder;
    builder.set_producer(producer, epoch, sequence);
    builder.append(1000, "key", "value");
    return builder.finish();
  }

  TestingBroker broker;
};

TEST_F(Produce, BatchesAreAppendedAndTheirOffsetsTold) {
  const auto first = produce(request({batch_of({"a", "b"}), batch_of({"c"})}));
  EXPECT_EQ(first.at(0).base_offset, 0);
  EXPECT_EQ(first.at(1).base_offset, 0);
  EXPECT_EQ(produce(request({batch_of({"d"})})).at(0).base_offset, 2);
  EXPECT_EQ(broker.log().values("t", 0), (std::vector<std::string>{"a", "b", "d"}));
  EXPECT_EQ(broker.log().values("t", 1), std::vector<std::string>{"c"});
}

TEST_F(Produce, WithoutAcksThereIsNoAnswerAndTheRecordsAreThere) {
  ProduceRequest asked = request({batch_of({"a"})});
  asked.acks = 0;
  EXPECT_FALSE(broker.ask_if<ProduceResponse>(answer_produce, asked, 9));
  EXPECT_EQ(broker.log().values("t", 0), std::vector<std::string>{"a"});
}

TEST_F(Produce, WithoutAcksAnyRefusalEndsTheConnection) {
  ProduceRequest asked = request({batch_of({"a"}), ""});
  asked.acks = 0;
  EXPECT_THROW(broker.ask_if<ProduceResponse>(answer_produce, asked, 9), Error);
  EXPECT_EQ(broker.log().values("t", 0), std::vector<std::string>{"a"}) << "the other partition is not concerned";
  asked = request({batch_of({"a"})}, "nothing");
  asked.acks = 0;
  EXPECT_THROW(broker.ask_if<ProduceResponse>(answer_produce, asked, 9), Error);
}

TEST_F(Produce, WhatOnePartitionIsRefusedForDoesNotConcernTheOthers) {
  const auto answers = produce(request({"", batch_of({"b"}), batch_of({"c"}), batch_of({"d"})}));
  EXPECT_EQ(ErrorCode{answers.at(0).error_code}, ErrorCode::kInvalidRecord);
  EXPECT_EQ(ErrorCode{answers.at(1).error_code}, ErrorCode::kNone);
  EXPECT_EQ(ErrorCode{answers.at(3).error_code}, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(answers.at(3).base_offset, -1);
  EXPECT_EQ(broker.log().values("t", 1), std::vector<std::string>{"b"});
}

TEST_F(Produce, ARequestIsForAsManyPartitionsAsTheLimitsSay) {
  broker.options().limits.produce_partitions_max = 2;
  EXPECT_EQ(produce(request({batch_of({"a"}), batch_of({"b"})})).size(), 2U);
  EXPECT_THROW(produce(request({batch_of({"a"}), batch_of({"b"}), ""})), Error);
  EXPECT_EQ(broker.log().values("t", 0), std::vector<std::string>{"a"});
}

TEST_F(Produce, WhatConcernsTheWholeRequestIsToldForEachPartition) {
  ProduceRequest asked = request({batch_of({"a"}), batch_of({"b"})});
  asked.acks = 2;
  for (const auto& each : produce(asked)) EXPECT_EQ(ErrorCode{each.error_code}, ErrorCode::kInvalidRequiredAcks);
  asked = request({batch_of({"a"})});
  asked.transactional_id = "t";
  EXPECT_EQ(ErrorCode{produce(asked).at(0).error_code}, ErrorCode::kTransactionalIdAuthorizationFailed);
  EXPECT_EQ(error_of(batch_of({"a"}), 2), ErrorCode::kUnsupportedForMessageFormat);
  EXPECT_EQ(broker.log().values("t", 0), std::vector<std::string>{});
}

TEST_F(Produce, WhatIsHeadracesOwnIsNotWritten) {
  EXPECT_EQ(error_of(batch_of({"a"}), 9, "_groups"), ErrorCode::kTopicAuthorizationFailed);
  broker.sql("CREATE STREAM s (a text) FORMAT JSON; CREATE STREAM d AS SELECT a FROM s;");
  EXPECT_EQ(error_of(batch_of({"{}"}), 9, "s"), ErrorCode::kNone);
  EXPECT_EQ(error_of(batch_of({"{}"}), 9, "d"), ErrorCode::kTopicAuthorizationFailed);
  EXPECT_EQ(error_of(batch_of({"a"}), 9, "nothing"), ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(Produce, ABitThatFlippedOnTheWayIsACorruptMessage) {
  const std::string good = batch_of({"value"});
  for (size_t bit = 8 * kCrcAt; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    const ErrorCode error = error_of(bad);
    // One bit makes a batch of a transaction of it, and Kafka looks at that first.
    const bool transaction = bit == 8 * (kAttributesAt + 1) + 4;
    EXPECT_EQ(error, transaction ? ErrorCode::kTransactionalIdAuthorizationFailed : ErrorCode::kCorruptMessage) << bit;
  }
  EXPECT_EQ(broker.log().values("t", 0), std::vector<std::string>{});
}

TEST_F(Produce, MalformedBatchesGetTheErrorsThatKafkaGives) {
  const std::string good = batch_of({"a", "b"});
  const std::string zstd = batch_of({"a"}, 1000, Compression::kZstd);
  EXPECT_EQ(error_of(good.substr(0, good.size() - 1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(good.substr(0, 16)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(good + good), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int32_t>(good, kLengthAt, 13)), ErrorCode::kCorruptMessage);
  EXPECT_EQ(error_of(with<int32_t>(good, kLengthAt, -1)), ErrorCode::kCorruptMessage);
  EXPECT_EQ(error_of(with<int8_t>(good.substr(0, 30), kMagicAt, 2)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int8_t>(good, kMagicAt, 1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int8_t>(good, kMagicAt, 3)), ErrorCode::kCorruptMessage);
  EXPECT_EQ(error_of(with<int64_t>(good, kBaseOffsetAt, 1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int32_t>(good, kRecordsAt, 0)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int32_t>(good, kRecordsAt, 1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int32_t>(good, kLastOffsetDeltaAt, -1)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int64_t>(good, kProducerIdAt, 5)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(with<int16_t>(good, kAttributesAt, 0x10)), ErrorCode::kTransactionalIdAuthorizationFailed);
  EXPECT_EQ(error_of(with<int16_t>(good, kAttributesAt, 0x20)), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(zstd, 6), ErrorCode::kUnsupportedCompressionType);
  EXPECT_EQ(error_of(zstd, 7), ErrorCode::kNone);
  EXPECT_EQ(error_of(good), ErrorCode::kNone);
  broker.options().limits.batch_bytes_max = good.size() - 1;
  EXPECT_EQ(error_of(good), ErrorCode::kMessageTooLarge);
}

TEST_F(Produce, ACompactedTopicTakesNoRecordWithoutAKey) {
  RecordBatchBuilder keyless;
  keyless.append(1, std::nullopt, "v");
  EXPECT_EQ(error_of(keyless.finish(), 9, "compacted"), ErrorCode::kInvalidRecord);
  EXPECT_EQ(error_of(batch_of({"v"}), 9, "compacted"), ErrorCode::kNone);
}

TEST_F(Produce, AnIdempotentProducersBatchCountsOnceAndInOrder) {
  EXPECT_EQ(produce(request({from(7, 1, 0)})).at(0).base_offset, 0);
  EXPECT_EQ(produce(request({from(7, 1, 1)})).at(0).base_offset, 1);
  const Partition again = produce(request({from(7, 1, 1)})).at(0);
  EXPECT_EQ(ErrorCode{again.error_code}, ErrorCode::kNone);
  EXPECT_EQ(again.base_offset, 1);
  EXPECT_EQ(error_of(from(7, 1, 5)), ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(error_of(from(7, 0, 2)), ErrorCode::kInvalidProducerEpoch);
  EXPECT_EQ(broker.log().bounds("t", 0).end, Offset{2});
}

TEST_F(Produce, ProducerIdsAreGivenOutOnceAcrossARestart) {
  std::set<int64_t> ids;
  for (int i = 0; i < 6; ++i) {
    if (i == 3) broker.restart();
    const auto response = broker.ask<InitProducerIdResponse>(answer_init_producer_id, InitProducerIdRequest{});
    EXPECT_EQ(response.producer_epoch, 0);
    EXPECT_TRUE(ids.insert(response.producer_id).second) << response.producer_id;
  }
  InitProducerIdRequest transactional;
  transactional.transactional_id = "t";
  const auto refused = broker.ask<InitProducerIdResponse>(answer_init_producer_id, transactional);
  EXPECT_EQ(ErrorCode{refused.error_code}, ErrorCode::kTransactionalIdAuthorizationFailed);
  EXPECT_EQ(refused.producer_id, -1);
}

}  // namespace
}  // namespace headrace::kafka
