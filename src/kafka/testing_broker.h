// The handlers of the Kafka port without its sockets, on a simulated disk and clock, for tests: a request goes in as an
// object, through its bytes, and the response comes out likewise.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "kafka/apis.h"
#include "kafka/testing_messages.h"
#include "log/testing_log.h"
#include "views/registry.h"

namespace headrace::kafka {

class TestingBroker {
 public:
  explicit TestingBroker(uint64_t seed = 1) : log_(seed) { start(); }
  ~TestingBroker() { stop(); }

  TestingLog& log() { return log_; }
  KafkaOptions& options() { return options_; }
  Quotas& quotas() { return parts_->quotas; }
  Groups& groups() { return parts_->groups; }
  Throttle& throttle() { return throttle_; }
  Metrics& metrics() { return metrics_; }

  // Applies statements of SQL that make streams and tables. There are no views here that read them.
  void sql(const std::string& text) {
    for (Statement& statement : parse_statements(text))
      log_.run([&] { return parts_->catalog.apply(std::move(statement)); });
  }
  // The views need nothing before the offset any more, and it is deleted.
  void delete_before(const std::string& topic, PartitionId partition, Offset offset) {
    log_.run([&]() -> awaitable<void> {
      co_await log_.log().set_retention_floor(topic, partition, offset);
      co_await log_.log().delete_before(topic, partition, offset);
    });
  }
  void restart() {
    stop();
    log_.reopen();
    start();
  }

  // The answer of `handler`, whose records live until the next call; none for a request that expects none.
  template <typename Response, typename Request>
  std::optional<Response> ask_if(awaitable<void> (*handler)(Call&), const Request& request, int16_t version,
                                 std::string client = "client") {
    frame_ = std::make_shared<std::string>(write(request, version));
    client_ = std::move(client);
    log_.run([&]() -> awaitable<void> {
      Broker broker{.log = log_.log(),
                    .catalog = parts_->catalog,
                    .groups = parts_->groups,
                    .producer_ids = parts_->producer_ids,
                    .quotas = parts_->quotas,
                    .timers = log_.time(),
                    .options = options_};
      Call call{.broker = broker,
                .shard = log_.runtime().shard(0),
                .frame = {{frame_, frame_->data()}, *frame_},
                .header = {.api_key = Request::kKey, .api_version = version, .correlation_id = 7, .client_id = client_},
                .body = KafkaReader(*frame_),
                .peer = peer_,
                .fetch_session = *fetch_session_,
                .throttle = throttle_,
                .ended = ended_,
                .answer = {}};
      co_await handler(call);
      answered_ = call.answered;
      answer_ = flat(call.answer);
      owners_ = std::move(call.answer.owners);
    });
    if (!answered_) return std::nullopt;
    KafkaReader in(answer_);
    ResponseHeader header;
    header.read(in, Request::kKey, version);
    Response response;
    response.read(in, version);
    EXPECT_EQ(header.correlation_id, 7);
    EXPECT_EQ(in.remaining(), 0U);
    return response;
  }
  template <typename Response, typename Request>
  Response ask(awaitable<void> (*handler)(Call&), const Request& request, int16_t version = Request::kMaxVersion,
               std::string client = "client") {
    return ask_if<Response>(handler, request, version, std::move(client)).value();
  }

 private:
  struct Parts {
    Parts(TestingLog& log, Metrics& metrics)
        : registry(log.runtime(), log.log()),
          catalog(log.runtime(), log.log(), registry),
          groups(log.runtime(), log.time(), log.log(), metrics, {}, 1),
          producer_ids(log.runtime(), log.log()),
          quotas(log.runtime(), log.time().clock(), log.log()) {}
    Registry registry;
    Catalog catalog;
    Groups groups;
    ProducerIds producer_ids;
    Quotas quotas;
  };

  void start() {
    parts_ = std::make_unique<Parts>(log_, metrics_);
    fetch_session_ = std::make_unique<FetchSession>(fetch_session_room_);
    log_.run([&]() -> awaitable<void> {
      co_await parts_->registry.open();
      co_await parts_->catalog.open();
      co_await parts_->groups.start();
      co_await parts_->producer_ids.start();
      co_await parts_->quotas.start();
    });
  }
  void stop() {
    log_.run([&] { return parts_->groups.stop(); });
  }
  static std::string flat(const Answer& answer) {
    std::string all;
    size_t at = 0;
    for (const SplicedRecords& splice : answer.splices) {
      all.append(answer.bytes, at, splice.position - at);
      at = splice.position;
      check(splice.records.range() == nullptr, "files of a simulated disk have no descriptors");
      all.append(splice.records.bytes());
    }
    return all.append(answer.bytes, at);
  }

  TestingLog log_;
  KafkaOptions options_;
  Metrics metrics_;
  KafkaMetrics counters_ = KafkaMetrics::of_shard(metrics_, 0);
  const Peer peer_{.client_host = "/127.0.0.1", .server_host = "127.0.0.1", .server_port = 9092};
  const bool ended_ = false;
  size_t fetch_session_room_ = 1000;
  Throttle throttle_{log_.time().clock(), counters_};
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<FetchSession> fetch_session_;
  std::shared_ptr<std::string> frame_;  // of the last request
  std::string client_;
  std::string answer_;
  bool answered_ = true;
  std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace headrace::kafka
