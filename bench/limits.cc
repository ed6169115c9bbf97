// What this machine can do at most, measured now: the figures that the benchmarks are held against. Prints JSON.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kSeconds = 0.5;  // for each measurement

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

double memcpy_bytes_per_second() {
  constexpr size_t kBytes = size_t{64} << 20;  // beyond the caches
  std::vector<char> from(kBytes, 'x'), to(kBytes);
  size_t copies = 0;
  const auto start = Clock::now();
  while (since(start) < kSeconds) {
    std::memcpy(to.data(), from.data(), kBytes);
    asm volatile("" : : "r"(to.data()) : "memory");
    ++copies;
  }
  return static_cast<double>(copies * kBytes) / since(start);
}

// A file whose blocks are written already, to which blocks of `size` are written and synced, one after the other.
class SyncedFile {
 public:
  SyncedFile(const std::string& folder, size_t size) : path_(folder + "/limits.tmp"), block_(size, 'x') {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file_ < 0) fail("open");
    for (size_t at = 0; at < kFileBytes; at += size) write(at);
    ::fdatasync(file_);
  }
  SyncedFile(const SyncedFile&) = delete;
  ~SyncedFile() {
    ::close(file_);
    ::unlink(path_.c_str());
  }

  void sync_next() {
    write(written_ % kFileBytes);
    written_ += block_.size();
    if (::fdatasync(file_) != 0) fail("fdatasync");
  }

 private:
  static constexpr size_t kFileBytes = size_t{32} << 20;

  void write(size_t at) {
    if (::pwrite(file_, block_.data(), block_.size(), static_cast<off_t>(at)) < 0) fail("pwrite");
  }

  const std::string path_;
  const std::vector<char> block_;
  int file_;
  size_t written_ = 0;
};

double syncs_per_second(const std::string& folder, size_t size) {
  SyncedFile file(folder, size);
  size_t syncs = 0;
  const auto start = Clock::now();
  for (; since(start) < kSeconds; ++syncs) file.sync_next();
  return static_cast<double>(syncs) / since(start);
}

struct Pair {
  int client;
  int server;
};

Pair connect_loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, length) != 0 || ::listen(listener, 1) != 0) fail("listen");
  ::getsockname(listener, generic, &length);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, generic, length) != 0) fail("connect");
  const int server = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {client, server};
}

double loopback_bytes_per_second() {
  const Pair pair = connect_loopback();
  std::thread sender([&] {
    const std::vector<char> block(256 * 1024, 'x');
    const auto start = Clock::now();
    while (since(start) < kSeconds)
      if (::write(pair.client, block.data(), block.size()) < 0) break;
    ::close(pair.client);
  });
  std::vector<char> block(256 * 1024);
  size_t bytes = 0;
  const auto start = Clock::now();
  for (ssize_t got; (got = ::read(pair.server, block.data(), block.size())) > 0;) bytes += static_cast<size_t>(got);
  const double rate = static_cast<double>(bytes) / since(start);
  sender.join();
  ::close(pair.server);
  return rate;
}

double round_trips_per_second() {
  const Pair pair = connect_loopback();
  std::thread echo([&] {
    for (char byte; ::read(pair.server, &byte, 1) == 1;)
      if (::write(pair.server, &byte, 1) != 1) break;
  });
  size_t trips = 0;
  const auto start = Clock::now();
  for (char byte = 0; since(start) < kSeconds; ++trips)
    if (::write(pair.client, &byte, 1) != 1 || ::read(pair.client, &byte, 1) != 1) break;
  const double rate = static_cast<double>(trips) / since(start);
  ::close(pair.client);
  echo.join();
  ::close(pair.server);
  return rate;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  std::printf(
      "{\"cores\":%u,\"memcpy_bytes_per_s\":%.0f,\"fdatasync_4k_per_s\":%.0f,\"fdatasync_64k_bytes_per_s\":%.0f,"
      "\"loopback_bytes_per_s\":%.0f,\"loopback_round_trips_per_s\":%.0f}\n",
      std::thread::hardware_concurrency(), memcpy_bytes_per_second(), syncs_per_second(folder, 4096),
      syncs_per_second(folder, 65536) * 65536, loopback_bytes_per_second(), round_trips_per_second());
  return 0;
}
