// The load of ./run bench-kafka: one small client on librdkafka, in the manner of its rdkafka_performance, so that both
// servers get the same bytes from the same client and the JVM's client is not the limit. Prints one line of JSON.
//
//   load create   --topic T --partitions P [--set name=value]...    makes a topic and waits for its leaders
//   load delete   --topic T
//   load produce  --topic T --seconds S [--size B] [--producers W] [--keys 1] [--codec C] [--set name=value]...
//   load consume  --topic T --partitions P --seconds S              from the beginning to the end, at most S seconds
//   load latency  --topic T --partitions P --seconds S --rate R     from the time a record is due to its arrival;
//                                                                   rate 0: as fast as it goes, for the tail's rate
//
// All take --server ADDRESS:PORT. Everything has a limit in time: what was not acknowledged by then is an error.
#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Settings = std::map<std::string, std::string>;

constexpr int kWaitMs = 30'000;                   // for a call, the last acknowledgement, the last record
constexpr size_t kRecordsQueuedMax = 100'000;     // of all producers together; librdkafka's own default
constexpr size_t kPoolBytes = size_t{256} << 10;  // of values; in the core's cache, because the client is not measured
constexpr size_t kBatchRecords = 1'000;
constexpr double kWarmUpShare = 0.2;  // of a latency run's records are not counted

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

double since(Clock::time_point start) {
  return Seconds(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Options {
  std::string server, topic, codec = "none";
  int partitions = 1;
  int producers = 1;
  double seconds = 3;
  double rate = 0;     // records per second
  size_t size = 1024;  // bytes of a record's value
  bool keys = false;
  Settings settings;  // of the topic for create, of the client otherwise
};

Options parse(int argc, char** argv) {
  Options options;
  for (int at = 2; at + 1 < argc; at += 2) {
    const std::string name = argv[at], value = argv[at + 1];
    if (name == "--server")
      options.server = value;
    else if (name == "--topic")
      options.topic = value;
    else if (name == "--codec")
      options.codec = value;
    else if (name == "--partitions")
      options.partitions = std::stoi(value);
    else if (name == "--producers")
      options.producers = std::stoi(value);
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--rate")
      options.rate = std::stod(value);
    else if (name == "--size")
      options.size = std::stoul(value);
    else if (name == "--keys")
      options.keys = value == "1";
    else if (name == "--set")
      options.settings[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
    else
      fail("unknown option " + name);
  }
  if (options.server.empty() || options.topic.empty()) fail("--server and --topic are needed");
  if (options.size < sizeof(int64_t) || options.size > kPoolBytes / 2) fail("--size is out of range");
  if (options.producers < 1 || options.producers > 1000) fail("--producers is 1 to 1000");
  return options;
}

rd_kafka_t* connect(rd_kafka_type_t type, const Options& options, Settings settings,
                    void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr, void* owner = nullptr) {
  settings["bootstrap.servers"] = options.server;
  settings["socket.nagle.disable"] = "true";
  settings["log_level"] = "3";  // errors: that retention overtakes a consumer is expected
  rd_kafka_conf_t* configuration = rd_kafka_conf_new();
  char message[512];
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), message, sizeof message) != RD_KAFKA_CONF_OK)
      fail(message);
  if (delivered) rd_kafka_conf_set_dr_msg_cb(configuration, delivered);
  rd_kafka_conf_set_opaque(configuration, owner);
  rd_kafka_t* client = rd_kafka_new(type, configuration, message, sizeof message);
  if (!client) fail(message);
  return client;
}

// ---- topics

// Waits for the answer to one admin call about one topic.
rd_kafka_event_t* answer_of(rd_kafka_queue_t* queue) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kWaitMs);
  if (!event) fail("no answer in time");
  if (rd_kafka_event_error(event)) fail(rd_kafka_event_error_string(event));
  return event;
}

void check(const rd_kafka_topic_result_t* result) {
  if (rd_kafka_topic_result_error(result) == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* text = rd_kafka_topic_result_error_string(result);
  fail(text ? text : rd_kafka_err2str(rd_kafka_topic_result_error(result)));
}

bool has_leaders(rd_kafka_t* client, const Options& options) {
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client, options.topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  int led = 0;
  if (rd_kafka_metadata(client, 0, topic, &metadata, kWaitMs) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    for (int at = 0; at < metadata->topics[0].partition_cnt; ++at)
      led += metadata->topics[0].partitions[at].leader >= 0;
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(topic);
  return led == options.partitions;
}

void create(const Options& options) {
  rd_kafka_t* client = connect(RD_KAFKA_PRODUCER, options, {});
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(options.topic.c_str(), options.partitions, 1, nullptr, 0);
  for (const auto& [name, value] : options.settings) rd_kafka_NewTopic_set_config(topic, name.c_str(), value.c_str());
  rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue);
  rd_kafka_event_t* event = answer_of(queue);
  size_t count = 0;
  check(rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)[0]);
  rd_kafka_event_destroy(event);
  rd_kafka_NewTopic_destroy(topic);
  const auto start = Clock::now();
  while (!has_leaders(client, options))
    if (since(start) * 1000 > kWaitMs) fail("the topic has no leaders");
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(client);
  std::printf("{\"seconds\":%.4f}\n", since(start));
}

void remove(const Options& options) {
  rd_kafka_t* client = connect(RD_KAFKA_PRODUCER, options, {});
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(options.topic.c_str());
  rd_kafka_DeleteTopics(client, &topic, 1, nullptr, queue);
  rd_kafka_event_t* event = answer_of(queue);
  size_t count = 0;
  check(rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count)[0]);
  rd_kafka_event_destroy(event);
  rd_kafka_DeleteTopic_destroy(topic);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(client);
  std::printf("{}\n");
}

// ---- producing

// Letters and digits, of which records are slices: they compress about as text does.
const std::string& pool() {
  static const std::string bytes = [] {
    std::mt19937_64 random(1);
    std::string made(kPoolBytes, 'a');
    for (char& byte : made) byte = "etaoinshrdlu 0123456789abcdefghi"[random() % 32];
    return made;
  }();
  return bytes;
}

// One client with a thread of its own. The counts are written by that thread, which alone polls.
struct Producer {
  rd_kafka_t* client = nullptr;
  rd_kafka_topic_t* topic = nullptr;
  uint64_t acknowledged = 0;
  uint64_t errors = 0;
  std::map<std::string, uint64_t> reasons;  // of the errors
  Clock::time_point last;                   // acknowledgement
};

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* owner) {
  auto& producer = *static_cast<Producer*>(owner);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++producer.errors;
    ++producer.reasons[rd_kafka_err2name(message->err)];
    return;
  }
  ++producer.acknowledged;
}

void poll(Producer& producer, int wait_ms) {
  if (rd_kafka_poll(producer.client, wait_ms) > 0) producer.last = Clock::now();
}

// Until all that was sent is acknowledged.
void finish(Producer& producer) {
  const auto start = Clock::now();
  while (rd_kafka_outq_len(producer.client) > 0 && since(start) * 1000 < kWaitMs) poll(producer, 100);
}

void open_producer(Producer& producer, const Options& options, Settings settings) {
  settings.insert({{"acks", "all"}, {"compression.codec", options.codec}});
  settings["queue.buffering.max.messages"] =
      std::to_string(std::max(kRecordsQueuedMax / static_cast<size_t>(options.producers), size_t{1'000}));
  producer.client = connect(RD_KAFKA_PRODUCER, options, settings, delivered, &producer);
  producer.topic = rd_kafka_topic_new(producer.client, options.topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;  // connects before the time runs
  if (rd_kafka_metadata(producer.client, 0, producer.topic, &metadata, kWaitMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("no metadata");
  rd_kafka_metadata_destroy(metadata);
}

void close_producer(Producer& producer) {
  rd_kafka_purge(producer.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(producer.client, kWaitMs);  // reports what was purged
  for (const auto& [reason, count] : producer.reasons)
    std::fprintf(stderr, "load: %lu records failed: %s\n", count, reason.c_str());
  rd_kafka_topic_destroy(producer.topic);
  rd_kafka_destroy(producer.client);
}

// Queues one record, waiting for room.
void send(Producer& producer, int flags, const char* value, size_t size, const void* key, size_t key_size) {
  while (rd_kafka_produce(producer.topic, RD_KAFKA_PARTITION_UA, flags, const_cast<char*>(value), size, key, key_size,
                          nullptr) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(rd_kafka_last_error()));
    poll(producer, 100);
  }
}

void produce_for(Producer& producer, const Options& options, unsigned seed) {
  std::mt19937_64 random(seed);
  const auto start = Clock::now();
  for (uint64_t sent = 0; sent % 64 != 0 || since(start) < options.seconds; ++sent) {
    const uint64_t key = random() % 1'000'000;
    const char* value = pool().data() + random() % (kPoolBytes - options.size);
    send(producer, 0, value, options.size, &key, options.keys ? sizeof key : 0);
    if (sent % 64 == 0) poll(producer, 0);
  }
  finish(producer);
}

void produce(const Options& options) {
  pool();
  std::vector<Producer> producers(static_cast<size_t>(options.producers));
  for (Producer& producer : producers) open_producer(producer, options, options.settings);
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  std::vector<std::thread> threads;
  for (size_t at = 0; at < producers.size(); ++at)
    threads.emplace_back([&, at] { produce_for(producers[at], options, static_cast<unsigned>(at)); });
  for (std::thread& thread : threads) thread.join();
  uint64_t records = 0, errors = 0;
  Clock::time_point last = start;
  const double used = cpu_seconds() - cpu;
  for (Producer& producer : producers) {
    last = std::max(last, producer.last);
    close_producer(producer);
    records += producer.acknowledged;
    errors += producer.errors;
  }
  std::printf("{\"records\":%lu,\"bytes\":%lu,\"seconds\":%.4f,\"errors\":%lu,\"client_cpu_seconds\":%.3f}\n", records,
              records * options.size, Seconds(last - start).count(), errors, used);
}

// ---- consuming

struct Consumer {
  rd_kafka_t* client = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  std::vector<rd_kafka_message_t*> batch = std::vector<rd_kafka_message_t*>(kBatchRecords);
};

void open_consumer(Consumer& consumer, const Options& options, bool tell_ends) {
  Settings settings = options.settings;
  settings.insert({{"group.id", "bench"},
                   {"enable.auto.commit", "false"},
                   {"enable.partition.eof", tell_ends ? "true" : "false"},
                   {"auto.offset.reset", "earliest"}});
  consumer.client = connect(RD_KAFKA_CONSUMER, options, settings);
  rd_kafka_poll_set_consumer(consumer.client);
  consumer.queue = rd_kafka_queue_get_consumer(consumer.client);
}

// All partitions, from the beginning, without a group.
void assign_all(const Consumer& consumer, const Options& options) {
  rd_kafka_topic_partition_list_t* partitions = rd_kafka_topic_partition_list_new(options.partitions);
  for (int at = 0; at < options.partitions; ++at)
    rd_kafka_topic_partition_list_add(partitions, options.topic.c_str(), at)->offset = RD_KAFKA_OFFSET_BEGINNING;
  if (rd_kafka_assign(consumer.client, partitions) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("cannot assign partitions");
  rd_kafka_topic_partition_list_destroy(partitions);
}

void close_consumer(Consumer& consumer) {
  rd_kafka_queue_destroy(consumer.queue);
  rd_kafka_destroy_flags(consumer.client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

// Hands what arrives within `wait_ms` to `record` and ends of partitions to `ended`.
template <typename Record, typename Ended>
void read(Consumer& consumer, int wait_ms, Record record, Ended ended) {
  // A call for a batch waits until the batch is full, which would be counted as the server's: so wait for one only.
  consumer.batch[0] = rd_kafka_consume_queue(consumer.queue, wait_ms);
  if (!consumer.batch[0]) return;
  const ssize_t more = rd_kafka_consume_batch_queue(consumer.queue, 0, consumer.batch.data() + 1, kBatchRecords - 1);
  const ssize_t got = 1 + std::max<ssize_t>(more, 0);
  for (ssize_t at = 0; at < got; ++at) {
    rd_kafka_message_t* message = consumer.batch[static_cast<size_t>(at)];
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      record(*message);
    else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      ended();
    rd_kafka_message_destroy(message);
  }
}

// The end of each partition that holds records, at this time.
std::map<int, int64_t> ends_of_partitions(const Consumer& consumer, const Options& options) {
  std::map<int, int64_t> ends;
  for (int at = 0; at < options.partitions; ++at) {
    int64_t low = 0, high = 0;
    if (rd_kafka_query_watermark_offsets(consumer.client, options.topic.c_str(), at, &low, &high, kWaitMs) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
      fail("no bounds of a partition");
    if (high > low) ends[at] = high;
  }
  return ends;
}

void consume(const Options& options) {
  Consumer consumer;
  open_consumer(consumer, options, false);
  std::map<int, int64_t> ends = ends_of_partitions(consumer, options);
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  assign_all(consumer, options);
  uint64_t records = 0, bytes = 0;
  while (!ends.empty() && since(start) < options.seconds) {
    read(
        consumer, 100,
        [&](const rd_kafka_message_t& message) {
          ++records;
          bytes += message.len;
          const auto end = ends.find(message.partition);
          if (end != ends.end() && message.offset + 1 >= end->second) ends.erase(end);
        },
        [] {});
  }
  const double seconds = since(start), used = cpu_seconds() - cpu;
  close_consumer(consumer);
  std::printf(
      "{\"records\":%lu,\"bytes\":%lu,\"seconds\":%.4f,\"unread_partitions\":%zu,"
      "\"client_cpu_seconds\":%.3f}\n",
      records, bytes, seconds, ends.size(), used);
}

// ---- latency, and the rate at the tail

int64_t nanoseconds(Clock::time_point time) {
  return time.time_since_epoch().count();
}

// Every record carries the time at which it was due, not that at which it could be sent: a server that makes the
// client wait does not hide the waiting.
void produce_paced(Producer& producer, const Options& options, Clock::time_point start) {
  std::mt19937_64 random(1);
  std::vector<char> value(options.size);
  const auto records = static_cast<uint64_t>(options.rate * options.seconds);
  for (uint64_t sent = 0; options.rate > 0 ? sent < records : since(start) < options.seconds; ++sent) {
    Clock::time_point due = Clock::now();
    if (options.rate > 0) {
      // A millisecond's records are due together: a sleep for each of them would be most of the load.
      due = start + std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(sent) * 1000 / options.rate));
      std::this_thread::sleep_until(due);
    }
    const int64_t stamp = nanoseconds(due);
    std::memcpy(value.data(), pool().data() + random() % (kPoolBytes - options.size), options.size);
    std::memcpy(value.data(), &stamp, sizeof stamp);
    send(producer, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0);
    if (sent % 64 == 0) poll(producer, 0);
  }
  finish(producer);
}

double percentile_ms(const std::vector<int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  return static_cast<double>(sorted[static_cast<size_t>(static_cast<double>(sorted.size() - 1) * share)]) / 1e6;
}

void latency(const Options& options) {
  pool();
  Settings settings = options.settings;
  if (options.rate > 0) settings.insert({"linger.ms", "1"});
  Producer producer;
  open_producer(producer, options, settings);
  Consumer consumer;
  open_consumer(consumer, options, true);
  assign_all(consumer, options);
  // The end of each empty partition says that the consumer waits at the tail.
  const auto opened = Clock::now();
  for (int ends = 0; ends < options.partitions;) {
    if (since(opened) * 1000 > kWaitMs) fail("the consumer does not reach the tail");
    read(consumer, 100, [](const rd_kafka_message_t&) {}, [&] { ++ends; });
  }
  std::vector<int64_t> took;
  took.reserve(static_cast<size_t>(std::max(options.rate, 1e6) * options.seconds));
  std::atomic<bool> sent_all = false;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  std::thread sender([&] {
    produce_paced(producer, options, start);
    sent_all = true;
  });
  Clock::time_point last = start;
  while (!sent_all || (took.size() < producer.acknowledged && since(last) * 1000 < kWaitMs)) {
    read(
        consumer, 100,
        [&](const rd_kafka_message_t& message) {
          int64_t stamp;
          if (message.len < sizeof stamp) fail("a record of somebody else");
          std::memcpy(&stamp, message.payload, sizeof stamp);
          last = Clock::now();
          took.push_back(nanoseconds(last) - stamp);
        },
        [] {});
  }
  sender.join();
  const double seconds = Seconds(last - start).count();
  const size_t received = took.size();
  const uint64_t lost = producer.acknowledged - std::min<uint64_t>(received, producer.acknowledged);
  took.erase(took.begin(), took.begin() + static_cast<ssize_t>(static_cast<double>(received) * kWarmUpShare));
  std::sort(took.begin(), took.end());
  const double used = cpu_seconds() - cpu;
  close_consumer(consumer);
  close_producer(producer);
  std::printf(
      "{\"records\":%zu,\"bytes\":%zu,\"seconds\":%.4f,\"errors\":%lu,\"lost\":%lu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
      "\"p999_ms\":%.3f,\"max_ms\":%.3f,\"client_cpu_seconds\":%.3f}\n",
      received, received * options.size, seconds, producer.errors, lost, percentile_ms(took, 0.5),
      percentile_ms(took, 0.99), percentile_ms(took, 0.999), percentile_ms(took, 1), used);
}

}  // namespace

int main(int argc, char** argv) {
  // Or each request of a megabyte gets pages of its own from the kernel, and gives them back.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  const std::string command = argc > 1 ? argv[1] : "";
  if (argc % 2 != 0) fail("options come in pairs: --name value");
  const Options options = parse(argc, argv);
  if (command == "create")
    create(options);
  else if (command == "delete")
    remove(options);
  else if (command == "produce")
    produce(options);
  else if (command == "consume")
    consume(options);
  else if (command == "latency")
    latency(options);
  else
    fail("create, delete, produce, consume or latency?");
  return 0;
}
