#include "cli/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "fmt/format.h"
#include "xxhash.h"

namespace headrace {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kMagicBytes = 4;

// A frame of data, or one to be skipped, which parallel compressors put in front.
bool is_zstd(const unsigned char* first) {
  const uint32_t magic = first[0] | first[1] << 8 | first[2] << 16 | static_cast<uint32_t>(first[3]) << 24;
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

struct Descriptor {
  int fd = -1;
  bool owned = true;
  ~Descriptor() {
    if (owned && fd >= 0) ::close(fd);
  }
};

}  // namespace

struct InputFile::Implementation {
  std::string path;
  Descriptor file;
  uint64_t total = 0;
  uint64_t read = 0;
  uint64_t fingerprint = 0;

  std::vector<char> raw = std::vector<char>(kReadBytes);
  size_t raw_at = 0;
  size_t raw_end = 0;
  bool raw_ended = false;
  enum class Coding : uint8_t { kPlain, kGzip, kZstd } coding = Coding::kPlain;
  z_stream gzip{};
  bool gzip_open = false;
  ZSTD_DStream* zstd = nullptr;
  bool in_frame = false;
  XXH3_state_t* hash = nullptr;  // of what is read, while the file is checked

  ~Implementation() {
    if (gzip_open) inflateEnd(&gzip);
    ZSTD_freeDStream(zstd);
    XXH3_freeState(hash);
  }

  void open(const Checking& checking) {
    if (path == "-") {
      file = {.fd = STDIN_FILENO, .owned = false};
    } else {
      file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file.fd < 0) throw_errno("cannot read " + path);
      struct stat status{};
      if (::fstat(file.fd, &status) != 0) throw_errno("cannot read " + path);
      if (S_ISDIR(status.st_mode)) throw Error(Code::kInvalid, path + " is a folder");
      // A pipe can be read only once, and the next one of that name is another.
      if (S_ISREG(status.st_mode)) {
        total = static_cast<uint64_t>(status.st_size);
        check(checking);
      }
    }
    begin();
  }

  // Reads the whole file, and goes back to its beginning.
  void check(const Checking& checking) {
    hash = XXH3_createState();
    XXH3_64bits_reset(hash);
    begin();
    for (std::string text; next(text, kReadBytes); text.clear())
      if (checking) checking(read, total);
    fingerprint = XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
    hash = nullptr;
    if (::lseek(file.fd, 0, SEEK_SET) != 0) throw_errno("cannot read " + path);
    read = raw_at = raw_end = 0;
    raw_ended = false;
  }

  // Looks at the first bytes and gets ready for what they say.
  void begin() {
    // Pipes give a few bytes at first.
    while (raw_end < kMagicBytes && !raw_ended) fill_from(raw_end);
    const auto* first = reinterpret_cast<const unsigned char*>(raw.data());
    if (raw_end >= 2 && first[0] == 0x1f && first[1] == 0x8b) {
      coding = Coding::kGzip;
      if (!gzip_open && inflateInit2(&gzip, 16 + MAX_WBITS) != Z_OK)
        throw Error(Code::kInternal, "zlib does not start");
      gzip_open = true;
      inflateReset(&gzip);
    } else if (raw_end >= kMagicBytes && is_zstd(first)) {
      coding = Coding::kZstd;
      if (!zstd) zstd = ZSTD_createDStream();
      ZSTD_initDStream(zstd);
    } else if (path.ends_with(".gz") || path.ends_with(".zst")) {
      corrupt(raw_end == 0 ? "it is empty" : "it does not begin as one does");
    }
    in_frame = false;
  }

  // Appends to what there is of raw bytes.
  void fill_from(size_t at) {
    const ssize_t got = ::read(file.fd, raw.data() + at, raw.size() - at);
    if (got < 0) throw_errno("cannot read " + path);
    if (hash) XXH3_64bits_update(hash, raw.data() + at, static_cast<size_t>(got));
    raw_end = at + static_cast<size_t>(got);
    read += static_cast<uint64_t>(got);
    raw_ended = got == 0;
  }

  void fill() {
    if (raw_at < raw_end || raw_ended) return;
    raw_at = 0;
    fill_from(0);
  }

  bool at_end() const { return raw_ended && raw_at == raw_end; }

  [[noreturn]] void corrupt(const char* why) const {
    throw Error(Code::kCorrupt, fmt::format("{} is not a whole archive: {}", path, why));
  }

  // One step into `to`; returns how much came out.
  size_t step(char* to, size_t size) {
    if (coding == Coding::kPlain) {
      const size_t count = std::min(size, raw_end - raw_at);
      std::copy_n(raw.data() + raw_at, count, to);
      raw_at += count;
      return count;
    }
    if (coding == Coding::kGzip) {
      const size_t before = raw_at;
      gzip.next_in = reinterpret_cast<Bytef*>(raw.data() + raw_at);
      gzip.avail_in = static_cast<uInt>(raw_end - raw_at);
      gzip.next_out = reinterpret_cast<Bytef*>(to);
      gzip.avail_out = static_cast<uInt>(size);
      const int result = inflate(&gzip, Z_NO_FLUSH);
      raw_at = raw_end - gzip.avail_in;
      if (raw_at > before || gzip.avail_out < size) in_frame = result != Z_STREAM_END;
      if (result == Z_STREAM_END) {
        inflateReset(&gzip);  // another member may follow
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        corrupt(gzip.msg ? gzip.msg : "gzip");
      }
      return size - gzip.avail_out;
    }
    ZSTD_inBuffer in{raw.data() + raw_at, raw_end - raw_at, 0};
    ZSTD_outBuffer out{to, size, 0};
    const size_t result = ZSTD_decompressStream(zstd, &out, &in);
    if (ZSTD_isError(result)) corrupt(ZSTD_getErrorName(result));
    if (in.pos > 0 || out.pos > 0) in_frame = result != 0;
    raw_at += in.pos;
    return out.pos;
  }

  // InputFile::read().
  bool next(std::string& out, size_t size) {
    const size_t before = out.size();
    out.resize(before + size);
    size_t got = 0;
    while (got < size) {
      fill();
      if (at_end() && coding == Coding::kPlain) break;
      const size_t count = step(out.data() + before + got, size - got);
      got += count;
      if (raw_ended && count == 0) {
        if (in_frame) corrupt("it ends too early");
        break;
      }
    }
    out.resize(before + got);
    return got > 0;
  }
};

InputFile::InputFile(const std::string& path, const Checking& checking)
    : implementation_(std::make_unique<Implementation>()) {
  implementation_->path = path;
  implementation_->open(checking);
}

InputFile::~InputFile() = default;

bool InputFile::read(std::string& out, size_t size) {
  return implementation_->next(out, size);
}

uint64_t InputFile::bytes_read() const {
  return implementation_->read;
}
uint64_t InputFile::bytes_total() const {
  return implementation_->total;
}
uint64_t InputFile::fingerprint() const {
  return implementation_->fingerprint;
}

}  // namespace headrace
