// Produce: the client's batches go to the log as they are, each partition on its own: what one of them is refused for
// does not concern the others. Idempotent producers are recognised by the log (log/producers.h). There are no
// transactions; who asks for them is told so.
#include "kafka/messages/produce.h"
#include "fmt/format.h"
#include "kafka/apis.h"
#include "kafka/batch_refusal.h"
#include "kafka/messages/init_producer_id.h"
#include "runtime/join.h"

namespace headrace::kafka {
namespace {

using Answered = ProduceResponse::Topic::Partition;

constexpr int16_t kFirstWithBatches = 3;  // earlier versions carry the older record formats

ErrorCode error_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalid: return ErrorCode::kInvalidRecord;
    case Code::kNotFound: return ErrorCode::kUnknownTopicOrPartition;
    case Code::kConflict: return ErrorCode::kInvalidProducerEpoch;
    case Code::kRefused: return ErrorCode::kOutOfOrderSequenceNumber;
    case Code::kTooLarge: return ErrorCode::kMessageTooLarge;
    case Code::kOutOfSpace:
    case Code::kIo: return ErrorCode::kKafkaStorageError;
    default: return static_cast<ErrorCode>(info(error.code()).kafka_code);
  }
}

// A batch that is most of its request stays where it is. Others are copied, so that a small one that is kept does not
// keep a large request.
BatchBytes bytes_for_log(const Call& call, std::string_view records) {
  if (records.size() * 2 < call.frame.bytes.size()) return std::string(records);
  const std::span<char> bytes = call.frame.bytes;
  return {call.frame.owner, bytes.subspan(static_cast<size_t>(records.data() - bytes.data()), records.size())};
}

void refuse(Answered& answer, ErrorCode code, std::string message) {
  answer.error_code = static_cast<int16_t>(code);
  answer.error_message = std::move(message);
}

awaitable<Answered> append(Call& call, std::string topic, Answered answer, std::string_view records) {
  try {
    std::vector<PartitionBatch> batches;
    batches.push_back({.partition = answer.index, .bytes = bytes_for_log(call, records), .gapless = true});
    const auto appended = co_await call.broker.log.append(topic, std::move(batches));
    answer.base_offset = appended[0].base.value;
    answer.log_start_offset = 0;
  } catch (const Error& error) {
    refuse(answer, error_of(error), error.message());
  }
  co_return answer;
}

// Each batch is appended by a coroutine of its own, which takes more memory than a small batch does.
void check_partitions(const ProduceRequest& request, size_t partitions_max) {
  size_t partitions = 0;
  for (const auto& topic : request.topics) partitions += topic.partitions.size();
  if (partitions > partitions_max)
    throw Error(Code::kTooLarge,
                fmt::format("a Produce request has batches for {} partitions, of at most {}; send them "
                            "in several requests",
                            partitions, partitions_max));
}

// Without an answer, only the end of its connection tells a client that something is wrong. It then asks for metadata,
// as it does with Kafka, and a topic that is not there any more does not swallow its records.
void check_all_taken(const ProduceResponse& response) {
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == 0) continue;
      throw Error(Code::kRefused,
                  fmt::format("records for partition {} of \"{}\" without acks, refused with error {}: {}",
                              partition.index, topic.name, partition.error_code, partition.error_message.value_or("")));
    }
  }
}

}  // namespace

awaitable<void> answer_produce(Call& call) {
  const auto request = call.read<ProduceRequest>();
  check_partitions(request, call.broker.options.limits.produce_partitions_max);
  call.answered = request.acks != 0;
  ErrorCode all_fail = ErrorCode::kNone;
  if (call.version() < kFirstWithBatches) all_fail = ErrorCode::kUnsupportedForMessageFormat;
  if (request.acks < -1 || request.acks > 1) all_fail = ErrorCode::kInvalidRequiredAcks;
  if (request.transactional_id) all_fail = ErrorCode::kTransactionalIdAuthorizationFailed;

  ProduceResponse response;
  const CatalogStatePtr catalog = call.broker.catalog.state();
  std::vector<awaitable<Answered>> appends;
  std::vector<Answered*> appended;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    answered.partitions.reserve(topic.partitions.size());
    const std::string refusal = refusal_to_write(*catalog, topic.name);
    for (const auto& sent : topic.partitions) {
      Answered& answer = answered.partitions.emplace_back();
      answer.index = sent.index;
      answer.base_offset = -1;
      const std::string_view records = sent.records.value_or("").bytes();
      if (all_fail != ErrorCode::kNone) {
        answer.error_code = static_cast<int16_t>(all_fail);
      } else if (!refusal.empty()) {
        refuse(answer, ErrorCode::kTopicAuthorizationFailed, refusal);
      } else if (auto why = refuse_batch(records, call.version(), call.broker.options.limits.batch_bytes_max)) {
        refuse(answer, why->code, std::move(why->message));
      } else {
        appends.push_back(append(call, answered.name, answer, records));
        appended.push_back(&answer);
      }
    }
  }
  // Not one after the other; and also a single one in this way, so that requests of a connection keep their order.
  std::vector<Answered> results = co_await join_all(call.shard, std::move(appends));
  for (size_t i = 0; i < results.size(); ++i) *appended[i] = std::move(results[i]);
  if (call.answered)
    call.write(response);
  else
    check_all_taken(response);
}

awaitable<void> answer_init_producer_id(Call& call) {
  const auto request = call.read<InitProducerIdRequest>();
  InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (request.transactional_id) {
    response.error_code = static_cast<int16_t>(ErrorCode::kTransactionalIdAuthorizationFailed);
  } else {
    try {
      response.producer_id = co_await call.broker.producer_ids.next();
      response.producer_epoch = 0;
    } catch (const Error& error) {
      response.error_code = static_cast<int16_t>(ErrorCode::kCoordinatorNotAvailable);
    }
  }
  call.write(response);
}

}  // namespace headrace::kafka
