// A log server that does nothing with bytes but what the kernel must: what it takes, a server that works through the
// page cache and sockets takes too, before it has looked at a byte. A comparison and no strict limit: it does little at
// once, and one that does more side by side can be faster.
//
//   bare in                          receives frames, writes them to a file, syncs it, acknowledges each with a byte
//   bare out  --files N --range R    writes frames to files; then answers each byte with ranges of some (sendfile)
//   bare sync                        writes a frame each millisecond to a file and syncs it; no client
//
// All take --folder F, --frame B, --seconds S, --cores SERVER,CLIENT. Prints one line of JSON about the server's side.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kSecondsMax = 60;
constexpr size_t kUnacknowledgedMax = 5;             // frames of a connection, as a producer has requests in flight
constexpr size_t kReservedBytes = size_t{64} << 20;  // of the disk, at once, in all files
constexpr size_t kWrittenBytes = size_t{768} << 20;  // that are there to be sent
constexpr size_t kAnswerBytes = size_t{4} << 20;     // at most, of several files; a large range is an answer alone

int require(ssize_t result, const char* what) {
  if (result >= 0) return static_cast<int>(result);
  std::perror(what);
  std::exit(1);
}

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Options {
  std::string folder = ".";
  size_t frame = 1'000'000, files = 1, range = size_t{1} << 20;
  double seconds = 2;
  int server_core = 0, client_core = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int at = 2; at + 1 < argc; at += 2) {
    const std::string_view name = argv[at];
    const char* value = argv[at + 1];
    if (name == "--folder") options.folder = value;
    if (name == "--frame") options.frame = std::strtoul(value, nullptr, 10);
    if (name == "--files") options.files = std::strtoul(value, nullptr, 10);
    if (name == "--range") options.range = std::strtoul(value, nullptr, 10);
    if (name == "--seconds") options.seconds = std::strtod(value, nullptr);
    if (name == "--cores") std::sscanf(value, "%d,%d", &options.server_core, &options.client_core);
  }
  return options;
}

void stay_on(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  require(::sched_setaffinity(0, sizeof cores, &cores), "sched_setaffinity");
}

// Files without names, which are gone with the program.
class Files {
 public:
  explicit Files(const Options& options) : ends_(options.files), reserved_(options.files) {
    for (size_t i = 0; i < options.files; ++i) {
      files_.push_back(require(::open(options.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open"));
    }
  }

  size_t size() const { return files_.size(); }
  int operator[](size_t file) const { return files_[file]; }
  off_t end(size_t file) const { return ends_[file]; }

  void append(size_t file, const std::string& bytes) {
    const auto size = static_cast<off_t>(bytes.size());
    if (ends_[file] + size > reserved_[file]) {
      const auto more = std::max(static_cast<off_t>(kReservedBytes / files_.size()), size);
      require(::fallocate(files_[file], 0, reserved_[file], more), "fallocate");
      reserved_[file] += more;
    }
    require(::pwrite(files_[file], bytes.data(), bytes.size(), ends_[file]), "pwrite");
    ends_[file] += size;
  }

 private:
  std::vector<int> files_;
  std::vector<off_t> ends_, reserved_;
};

int listen_on_loopback(sockaddr_in& address) {
  const int listener = require(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  require(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), "bind");
  require(::listen(listener, 128), "listen");
  require(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  return listener;
}

int connect_to(const sockaddr_in& address) {
  const int socket = require(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  require(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

void print(size_t bytes, double seconds, double cpu) {
  std::printf("{\"bytes\":%zu,\"bytes_per_s\":%.0f,\"server_cpu_s_per_gb\":%.4f}\n", bytes,
              static_cast<double>(bytes) / seconds, cpu / static_cast<double>(bytes) * 1e9);
}

// ---- in

void send_frames(const sockaddr_in& address, const Options& options) {
  const int socket = connect_to(address);
  const std::string frame(options.frame, 'x');
  std::string acknowledged(kUnacknowledgedMax, '\0');
  size_t waiting = 0;
  const auto wait_for_some = [&] {
    waiting -= static_cast<size_t>(require(::read(socket, acknowledged.data(), acknowledged.size()), "read"));
  };
  for (const auto start = Clock::now(); since(start) < options.seconds; ++waiting) {
    if (waiting == kUnacknowledgedMax) wait_for_some();
    size_t sent = 0;
    while (sent < frame.size()) {
      sent += static_cast<size_t>(require(::write(socket, frame.data() + sent, frame.size() - sent), "write"));
    }
  }
  while (waiting > 0) wait_for_some();
  ::close(socket);
}

// Syncs what was written while the last sync was under way, and acknowledges it.
class Syncer {
 public:
  Syncer(int file, int socket)
      : file_(file), socket_(socket), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  // A frame was written.
  void add() {
    const std::lock_guard lock(mutex_);
    ++written_;
    more_.notify_one();
  }

 private:
  void run(const std::stop_token& stop) {
    for (;;) {
      std::string acknowledgements;
      {
        std::unique_lock lock(mutex_);
        if (!more_.wait(lock, stop, [this] { return written_ > 0; })) return;
        acknowledgements.resize(std::exchange(written_, 0));
      }
      require(::fdatasync(file_), "fdatasync");
      require(::send(socket_, acknowledgements.data(), acknowledgements.size(), MSG_NOSIGNAL), "send");
    }
  }

  const int file_, socket_;
  std::mutex mutex_;
  std::condition_variable_any more_;
  size_t written_ = 0;
  std::jthread thread_;
};

// The client sends until it has had enough, and closes when all is acknowledged.
void take_frames(int listener, const Options& options) {
  Files files(options);
  const int socket = require(::accept(listener, nullptr, nullptr), "accept");
  const int on = 1;
  require(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
  std::string frame(options.frame, '\0');
  size_t bytes = 0;
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  for (Syncer syncer(files[0], socket);;) {
    for (size_t received = 0; received < frame.size();) {
      const ssize_t got = ::recv(socket, frame.data() + received, frame.size() - received, 0);
      if (got <= 0) return print(bytes, since(start), cpu_seconds() - cpu);
      received += static_cast<size_t>(got);
    }
    bytes += frame.size();
    files.append(0, frame);
    syncer.add();
  }
}

// ---- out

size_t ranges_of_answer(const Options& options) {
  return std::clamp<size_t>(kAnswerBytes / options.range, 1, options.files);
}

void ask(const sockaddr_in& address, const Options& options) {
  const int socket = connect_to(address);
  std::string answer(ranges_of_answer(options) * options.range, '\0');
  while (::send(socket, "x", 1, MSG_NOSIGNAL) == 1) {
    for (size_t received = 0; received < answer.size();) {
      const ssize_t got = ::read(socket, answer.data() + received, answer.size() - received);
      if (got <= 0) return;
      received += static_cast<size_t>(got);
    }
  }
}

void answer_with_ranges(int listener, const Options& options) {
  Files files(options);
  const std::string frame(options.frame, 'x');
  for (size_t written = 0; written < kWrittenBytes; written += frame.size()) {
    files.append(written / frame.size() % files.size(), frame);
  }
  for (size_t file = 0; file < files.size(); ++file) require(::fdatasync(files[file]), "fdatasync");
  const int socket = require(::accept(listener, nullptr, nullptr), "accept");
  size_t bytes = 0, file = 0;
  off_t position = 0;
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  char asked;
  while (since(start) < options.seconds && ::read(socket, &asked, 1) == 1) {
    for (size_t range = 0; range < ranges_of_answer(options); ++range) {
      const off_t end = position + static_cast<off_t>(options.range);
      for (off_t at = position; at < end;) {
        require(::sendfile(socket, files[file], &at, static_cast<size_t>(end - at)), "sendfile");
      }
      bytes += options.range;
      file = (file + 1) % files.size();
      if (file > 0) continue;
      position = end;
      if (position + static_cast<off_t>(options.range) > files.end(files.size() - 1)) position = 0;
    }
  }
  print(bytes, since(start), cpu_seconds() - cpu);
}

// ---- sync

void sync_frames(const Options& options) {
  Files files(options);
  const std::string frame(options.frame, 'x');
  constexpr std::chrono::milliseconds kEvery{1};
  std::vector<double> took;
  for (auto due = Clock::now(),
            end = due + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
       due < end; due += kEvery) {
    std::this_thread::sleep_until(due);
    files.append(0, frame);
    require(::fdatasync(files[0]), "fdatasync");
    took.push_back(since(due) * 1e3);
  }
  const auto quantile = [&](double share) {
    const auto at = took.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(took.size() - 1));
    std::nth_element(took.begin(), at, took.end());
    return *at;
  };
  std::printf("{\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f}\n", quantile(0.5), quantile(0.99), quantile(0.999));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const Options options = parse(argc, argv);
  ::alarm(kSecondsMax);
  if (command == "sync") {
    stay_on(options.server_core);
    sync_frames(options);
    return 0;
  }
  if (command != "in" && command != "out") {
    std::fprintf(stderr, "bare: in, out or sync, with the options that its source lists\n");
    return 2;
  }
  sockaddr_in address;
  const int listener = listen_on_loopback(address);
  const pid_t client = require(::fork(), "fork");
  if (client == 0) {  // which ends when its connection does, or the server
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    stay_on(options.client_core);
    command == "in" ? send_frames(address, options) : ask(address, options);
    return 0;
  }
  stay_on(options.server_core);
  command == "in" ? take_frames(listener, options) : answer_with_ranges(listener, options);
  return 0;
}
