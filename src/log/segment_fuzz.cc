// A partition's folder whose files were tampered with: it must open and be read, or be refused with Error.
//
// The first byte chooses the file; the rest either replaces it, or is a list of patches (two bytes of position, one of
// value) to a good one, which gets past the checksums' first hurdle more often.
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/trace.h"
#include "log/checkpoint.h"
#include "log/commit_part.h"
#include "log/recovery.h"
#include "log/topic_file.h"
#include "runtime/faulty_files.h"

namespace headrace {
namespace {

constexpr TopicId kTopic{1, 2};
constexpr uint64_t kCapacity = 16 * 1024;
const std::string kLog = "log";
const std::string kFolder = "log/t-0";

uint64_t identity(Offset base) {
  return SegmentIdentity{kTopic.high, kTopic.low, 0, base}.hash();
}

// Two segments of a few commits each, the index of the first, a checkpoint in the second, and the topic's file.
void make_good(Files& files) {
  files.make_folders(kFolder);
  TopicFiles topics(files, kLog);
  topics.load();
  topics.write({.name = "t", .id = kTopic, .config = {}});
  Offset offset;
  Checkpoint checkpoint;
  for (int segment = 0; segment < 2; ++segment) {
    const Offset base = offset;
    const std::string path = kFolder + "/" + segment_name(base);
    make_segment_file(files, path, kCapacity);
    const auto file = files.open(path, Files::Mode::kWrite);
    CommitMark mark{.start = {.offset = base}, .end = {.offset = base}};
    SegmentIndex index(base);
    for (int commit = 0; commit < 3; ++commit) {
      RecordBatchBuilder builder(commit == 1 ? Compression::kLz4 : Compression::kNone);
      builder.set_producer(7, 0, commit);
      builder.append(1000, "key", "a value");
      builder.append(1001, "key", "another value");
      std::string bytes = builder.finish();
      store_big_endian(bytes.data(), offset.value);
      mark = {.number = mark.number + 1, .start = mark.end, .end = {.offset = offset + 2}, .max_timestamp_ms = 1001};
      mark.end.position = mark.start.position + bytes.size();
      mark.end.digest = crc32c(bytes, mark.start.digest);
      write_commit(*file, kCapacity, identity(base), {bytes}, mark);
      index.add(offset, bytes.size(), offset + 2, 1001);
      offset = offset + 2;
      if (segment == 1 && commit == 1) {
        checkpoint.partitions[Checkpoint::key(kTopic, 0)] = {
            .segment_base = base, .end = mark.end, .producers = {0, 0, 0, 0}};
      }
    }
    write_index(files, kFolder, base, index, mark.end.digest);
  }
  Checkpoint::store(files, kLog, checkpoint.encode());
}

void tamper(Files& files, const std::string& path, std::string_view input, bool patches) {
  const auto file = files.open(path, Files::Mode::kWrite);
  if (!patches) {
    file->truncate(0);
    file->write_at(0, input);
    return;
  }
  for (; input.size() >= 3; input.remove_prefix(3)) {
    uint64_t position = load_big_endian<uint16_t>(input.data());
    // The upper half of the range addresses the end of the file, where the commit marks are.
    if (position >= 0x8000) position = file->size() - 1 - (position - 0x8000) % file->size();
    if (position < file->size()) file->write_at(position, input.substr(2, 1));
  }
}

void open_and_read(Files& files) {
  TopicFiles(files, kLog).load();
  const Checkpoint checkpoint = Checkpoint::load(files, kLog);
  const RecoveredPartition recovered = recover_partition(files, kFolder, kTopic, 0, checkpoint.find(kTopic, 0), 100);
  for (size_t i = 0; i < recovered.bases.size(); ++i) {
    const Offset base = recovered.bases[i];
    const std::string path = kFolder + "/" + segment_name(base);
    const auto file = files.open(path, Files::Mode::kWrite);
    const bool last = i + 1 == recovered.bases.size();
    const SegmentTail tail =
        last ? recovered.last : read_sealed_tail(*file, path, identity(base), base, recovered.bases[i + 1]);
    bool rebuilt = false;
    const SegmentIndex index = load_index(files, *file, kFolder, base, tail.end, rebuilt);
    for (Offset at = base; at < tail.end.offset;) {
      const ReadBatches read = read_batches(*file, path, index.find(at), tail.end, at, 100);
      check(read.size > 0, "a read below the end gives a batch");
      const BatchHeader header = verify_batch(read.batches());
      check(header.base <= at && header.end() > at, "the batch has the offset asked for");
      at = header.end();
    }
  }
}

}  // namespace
}  // namespace headrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  spdlog::set_level(spdlog::level::off);
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string paths[] = {
      kFolder + "/" + segment_name({0}),
      kFolder + "/" + segment_name({6}),
      kFolder + "/" + index_name({0}),
      kFolder + "/" + index_name({6}),
      kLog + "/checkpoint",
      kLog + "/topics/t.topic",
  };
  FaultyFiles files(1);
  make_good(files);
  tamper(files, paths[(data[0] >> 1) % std::size(paths)], input, (data[0] & 1) != 0);
  try {
    open_and_read(files);
    open_and_read(files);  // what recovery left must open again
  } catch (const Error&) {
  }
  return 0;
}
