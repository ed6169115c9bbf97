// headrace load. The file is cut into numbered requests: request i belongs to lane i mod kLanes, and each lane is a
// named producer whose requests are sent in order, by one connection, which may have several lanes. The server
// remembers the last number of each lane, so a load that is started again, with however many connections, skips what
// is there, and nothing counts twice. What can't be recognised again, like standard input, has producers of this one
// run: a request whose answer got lost is still repeated without harm.
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "base/error.h"
#include "boost/json.hpp"
#include "cli/http_client.h"
#include "cli/progress.h"
#include "cli/row_chunks.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kLanes = kConnectionsMax;  // so that each connection has one
// A chunk has this many numbers of its lane: a part of it is numbered by the last it could have, the whole chunk by the
// last of all. So the numbers grow in whichever parts it is sent.
constexpr int64_t kPartsMax = 1024;
constexpr size_t kQueuedPerConnection = 2;
constexpr int kAttemptsMax = 30;
constexpr std::chrono::milliseconds kRetryPauseMin{100};
constexpr std::chrono::milliseconds kRetryPauseMax{2'000};

bool is_csv(const LoadOptions& options) {
  if (!options.format.empty()) return options.format == "csv";
  std::string_view name = options.file;
  for (const std::string_view ending : {".gz", ".zst"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  if (name.ends_with(".csv")) return true;
  if (name.ends_with(".ndjson") || name.ends_with(".jsonl")) return false;
  throw Error(
      Code::kInvalid,
      fmt::format("the name of {} does not say what it holds; add --format csv or --format ndjson", options.file));
}

uint64_t random_number() {
  std::random_device random;
  return static_cast<uint64_t>(random()) << 32 | random();
}

// What `f` returns; again and again while the server is busy or can't be reached.
template <typename F>
auto patiently(const F& f) {
  auto pause = kRetryPauseMin;
  for (int attempt = 1;; ++attempt) {
    try {
      return f();
    } catch (const Error& error) {
      const Code code = error.code();
      const bool passes = code == Code::kBusy || code == Code::kUnavailable || code == Code::kIo;
      if (!passes || attempt == kAttemptsMax) throw;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kRetryPauseMax);
  }
}

// Showing how far it is checked.
InputFile open_input(const std::string& path, const Clock& clock) {
  Progress progress("checked", "bytes", clock);
  return InputFile(path, [&](uint64_t bytes, uint64_t total) { progress.update(bytes, bytes, total); });
}

class Loader {
 public:
  explicit Loader(const LoadOptions& options)
      : options_(options),
        csv_(is_csv(options)),
        file_(open_input(options.file, clock_)),
        chunks_(file_, csv_),
        resumable_(file_.fingerprint() != 0),
        name_(fmt::format("load-{:016x}", resumable_ ? file_.fingerprint() : random_number())),
        connections_(options.connections),
        progress_("loaded", "rows", clock_) {}

  int run() {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < connections_.size(); ++i) threads.emplace_back([this, i] { work(i); });
    try {
      while (auto chunk = chunks_.next()) {
        if (!hand_out(std::move(*chunk))) break;
        show();
      }
    } catch (...) {
      fail(std::current_exception());
    }
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads) thread.join();
    if (failure_) rethrow();
    progress_.finish(rows_);
    if (skipped_ > 0) fmt::print(stderr, "{} of {} requests were there already, from a load before\n", skipped_, next_);
    if (dead_ > 0) fmt::print(stderr, "{} bad rows are in {}.dead\n", dead_, options_.stream);
    if (options_.wait) wait_for_views();
    return 0;
  }

 private:
  struct Connection {
    std::deque<RowChunk> chunks;
  };

  bool hand_out(RowChunk chunk) {
    std::unique_lock lock(mutex_);
    Connection& connection = connections_[lane_of(chunk) % connections_.size()];
    changed_.wait(lock, [&] { return connection.chunks.size() < kQueuedPerConnection || failure_; });
    if (failure_) return false;
    next_ = chunk.number + 1;
    connection.chunks.push_back(std::move(chunk));
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  void show() {
    const std::lock_guard lock(mutex_);
    progress_.update(rows_, file_.bytes_read(), file_.bytes_total());
  }

  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    changed_.notify_all();
  }

  // What went wrong, and that it is not as if nothing had happened.
  [[noreturn]] void rethrow() const {
    if (rows_ == 0) std::rethrow_exception(failure_);
    try {
      std::rethrow_exception(failure_);
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}\n{} rows have been added; {}", error.message(), grouped(rows_),
                              resumable_ ? "the same command goes on from there, but a changed file is loaded whole"
                                         : "loading the same again adds them a second time"),
                  error.where());
    }
  }

  static size_t lane_of(const RowChunk& chunk) { return chunk.number % kLanes; }

  void work(size_t index) {
    try {
      HttpClient client(options_.url);
      // What the server had of each lane when it was first needed. At once for one, so that it is not long until a
      // wrong address or name is seen.
      std::array<std::optional<int64_t>, kLanes> last_of;
      last_of[index] = last_sequence(client, index);
      for (;;) {
        RowChunk chunk;
        {
          std::unique_lock lock(mutex_);
          std::deque<RowChunk>& chunks = connections_[index].chunks;
          changed_.wait(lock, [&] { return !chunks.empty() || ended_ || failure_; });
          if (failure_ || chunks.empty()) return;
          chunk = std::move(chunks.front());
          chunks.pop_front();
        }
        changed_.notify_all();
        const size_t lane = lane_of(chunk);
        if (!last_of[lane]) last_of[lane] = patiently([&] { return last_sequence(client, lane); });
        const Numbers numbers{static_cast<int64_t>(chunk.number / kLanes) * kPartsMax, kPartsMax};
        if (send_parts(client, lane, *last_of[lane], numbers, chunk)) continue;
        const std::lock_guard lock(mutex_);
        ++skipped_;
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  std::string target() const { return "/v1/streams/" + percent_encode(options_.stream); }
  std::string producer(size_t lane) const { return fmt::format("{}-{}", name_, lane); }

  int64_t last_sequence(HttpClient& client, size_t lane) const {
    const HttpReply reply = client.request("GET", target() + "/producers/" + producer(lane));
    throw_problem(reply);
    return boost::json::parse(reply.body).at("sequence").to_number<int64_t>();
  }

  struct Numbers {
    int64_t first;
    int64_t count;
    int64_t last() const { return first + count - 1; }
  };

  // Sends what is not there, whole or, when the rows are too many for the server, in parts. `before` is the last number
  // that the lane had; what has it may be there in part, and is sent again. Returns whether any was not there.
  bool send_parts(HttpClient& client, size_t lane, int64_t before, Numbers numbers, const RowChunk& chunk) {
    if (numbers.last() < before) return false;
    const bool was_cut = numbers.first <= before && before < numbers.last();
    auto halves = was_cut ? RowChunks::halves(chunk, csv_) : std::nullopt;
    if (!halves) {
      try {
        return send(client, {producer(lane), numbers.last(), numbers.last() > before}, chunk);
      } catch (const Error& error) {
        const bool too_many = error.code() == Code::kTooLarge && error.where().row < 1;
        if (too_many && numbers.count > 1) halves = RowChunks::halves(chunk, csv_);
        if (!halves) throw;
      }
    }
    const int64_t half = numbers.count / 2;
    const bool first = send_parts(client, lane, before, {numbers.first, half}, halves->first);
    return send_parts(client, lane, before, {numbers.first + half, half}, halves->second) || first;
  }

  struct Numbered {
    std::string producer;
    int64_t sequence;
    bool is_new;  // no load before has sent it
  };

  // Returns whether any of the rows was not there.
  bool send(HttpClient& client, const Numbered& request, const RowChunk& chunk) {
    const HttpHeaders headers{{"Content-Type", csv_ ? "text/csv" : "application/x-ndjson"},
                              {"Headrace-Producer", request.producer},
                              {"Headrace-Sequence", std::to_string(request.sequence)}};
    const std::string path = target() + (options_.skip_bad_rows ? "?on_error=dead" : "");
    bool repeated = false;
    const HttpReply reply = patiently([&] {
      HttpReply answer;
      try {
        answer = client.request("POST", path, headers, chunk.body);
        throw_problem(answer);
      } catch (const Error& error) {
        repeated = repeated || error.code() != Code::kBusy;
        throw located(error, chunk);
      }
      repeated = repeated || answer.repeated;
      return answer;
    });
    const auto json = boost::json::parse(reply.body);
    const auto& object = json.as_object();
    const auto* duplicate = object.if_contains("duplicate");
    const bool was_there = duplicate && duplicate->as_bool() && !(request.is_new && repeated);
    const std::lock_guard lock(mutex_);
    if (!was_there) rows_ += object.at("rows").to_number<uint64_t>();
    if (const auto* dead = object.if_contains("dead_rows")) dead_ += dead->to_number<uint64_t>();
    return !was_there;
  }

  // The same error with the line of the file in place of the row of the request.
  Error located(const Error& error, const RowChunk& chunk) const {
    if (error.where().row < 1) return error;
    const uint64_t line = RowChunks::line_of_row(chunk, csv_, error.where().row);
    return {error.code(), fmt::format("{}, line {}: {}", options_.file, line, error.message()), error.where()};
  }

  void wait_for_views() {
    HttpClient client(options_.url);
    for (;;) {
      const HttpReply reply = client.request("GET", "/v1/status");
      throw_problem(reply);
      const auto json = boost::json::parse(reply.body);
      int64_t lag = 0;
      for (const auto& view : json.at("views").as_array()) lag += view.at("lag_rows").to_number<int64_t>();
      for (const auto& stream : json.at("streams").as_array()) lag += stream.at("lag_rows").to_number<int64_t>();
      if (lag == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  const SystemClock clock_;
  const LoadOptions& options_;
  const bool csv_;
  InputFile file_;
  RowChunks chunks_;
  const bool resumable_;
  const std::string name_;  // of the producers, less their numbers
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Connection> connections_;
  bool ended_ = false;
  std::exception_ptr failure_;
  uint64_t rows_ = 0;
  uint64_t dead_ = 0;
  uint64_t skipped_ = 0;
  uint64_t next_ = 0;
  Progress progress_;
};

}  // namespace

int load(const LoadOptions& options) {
  return Loader(options).run();
}

}  // namespace headrace
