// What a power cut may leave of the newest commit, and what it may not.
#include "log/segment_file.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "gtest/gtest.h"
#include "log/testing_log.h"

namespace headrace {
namespace {

constexpr uint64_t kCapacity = 64 * 1024;
constexpr uint64_t kIdentity = 4711;
const std::string kPath = "segment.log";

std::string batch_at(Offset base, const std::string& value, Offset& end) {
  std::string batch = batch_of({value, value});
  store_big_endian(batch.data(), base.value);
  end = base + 2;
  return batch;
}

// A segment of three commits.
class SegmentFileTest : public testing::Test {
 protected:
  void SetUp() override {
    make_segment_file(files_, kPath, kCapacity);
    files_.sync_directory(".");
    file_ = files_.open(kPath, Files::Mode::kWrite);
    for (int i = 0; i < 3; ++i) {
      commits_.push_back(next_commit(std::string(1000, static_cast<char>('a' + i))));
      write_commit(*file_, kCapacity, kIdentity, {bytes_}, commits_.back());
      file_->sync();
    }
  }

  CommitMark next_commit(const std::string& value) {
    CommitMark mark;
    mark.number = commits_.size() + 1;
    if (!commits_.empty()) mark.start = commits_.back().end;
    bytes_ = batch_at(mark.start.offset, value, mark.end.offset);
    mark.end.position = mark.start.position + bytes_.size();
    mark.end.digest = crc32c(bytes_, mark.start.digest);
    return mark;
  }
  void write_mark(const CommitMark& mark) {
    file_->write_at(mark_position(kCapacity, mark.number), encode_mark(mark, kIdentity));
  }
  void flip(uint64_t position) {
    char byte = 0;
    file_->read_at(position, &byte, 1);
    byte ^= 0x10;
    file_->write_at(position, std::string_view(&byte, 1));
  }
  SegmentTail recover(const SegmentPoint& known = {}) {
    visited_.clear();
    return recover_last_segment(
        *file_, kPath, kIdentity, {0}, known,
        [&](const BatchHeader& header, uint64_t, std::string_view) { visited_.push_back(header.base); });
  }
  std::string refused(const SegmentPoint& known = {}) {
    try {
      recover(known);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt);
      return error.message();
    }
    ADD_FAILURE() << "it was opened";
    return "";
  }

  FaultyFiles files_{1};
  std::unique_ptr<File> file_;
  std::vector<CommitMark> commits_;
  std::string bytes_;
  std::vector<Offset> visited_;
};

TEST_F(SegmentFileTest, FindsItsEnd) {
  const SegmentTail tail = recover();
  EXPECT_EQ(tail.end, commits_[2].end);
  EXPECT_EQ(tail.commits, 3U);
  EXPECT_EQ(visited_, (std::vector<Offset>{{0}, {2}, {4}}));
  recover(commits_[0].end);
  EXPECT_EQ(visited_, (std::vector<Offset>{{2}, {4}}));
}

TEST_F(SegmentFileTest, CutsACommitWhoseMarkIsMissing) {
  next_commit("d");
  file_->write_at(commits_[2].end.position, bytes_);
  EXPECT_EQ(recover().end, commits_[2].end);
}

TEST_F(SegmentFileTest, CutsACommitWhoseBytesAreMissing) {
  const CommitMark mark = next_commit(std::string(2000, 'd'));
  write_mark(mark);
  // Any of its sectors may be missing, and a later one may be there.
  file_->write_at(mark.start.position + 1500, std::string_view(bytes_).substr(1500));
  EXPECT_EQ(recover().end, commits_[2].end);
  // What was cut stays cut, whatever turns up later.
  file_->write_at(mark.start.position, bytes_);
  EXPECT_EQ(recover().end, commits_[2].end);
}

TEST_F(SegmentFileTest, KeepsAWholeCommitThatWasNotAcknowledged) {
  const CommitMark mark = next_commit("d");
  file_->write_at(mark.start.position, bytes_);
  write_mark(mark);
  EXPECT_EQ(recover().end, mark.end);
  files_.power_cut();  // keeping it made it durable
  file_ = files_.open(kPath, Files::Mode::kWrite);
  EXPECT_EQ(recover().end, mark.end);
}

TEST_F(SegmentFileTest, MakesDurableWhatAFailedSyncLeftInTheCache) {
  CommitMark mark = next_commit("d");
  files_.set_faults({.sync_fails_one_in = 1});
  write_commit(*file_, kCapacity, kIdentity, {bytes_}, mark);
  EXPECT_THROW(file_->sync(), Error);
  files_.set_faults({});
  // The process ends here, and the next one reads the page cache.
  EXPECT_EQ(recover().end, mark.end);
  files_.power_cut();
  file_ = files_.open(kPath, Files::Mode::kWrite);
  EXPECT_EQ(recover().end, mark.end);
}

TEST_F(SegmentFileTest, RefusesDamageBeforeTheNewestCommit) {
  flip(commits_[1].start.position + 100);
  const std::string message = refused();
  EXPECT_NE(message.find(kPath), std::string::npos);
  EXPECT_NE(message.find("byte " + std::to_string(commits_[1].start.position)), std::string::npos);
  EXPECT_NE(message.find("offset 2"), std::string::npos);
  EXPECT_NE(message.find("backup"), std::string::npos);
}

TEST_F(SegmentFileTest, DamageInTheNewestCommitIsATornWriteUnlessTheCheckpointKnowsBetter) {
  flip(commits_[2].start.position + 100);
  EXPECT_EQ(recover(commits_[1].end).end, commits_[1].end);
}

TEST_F(SegmentFileTest, RefusesToLoseWhatTheCheckpointKnows) {
  write_mark({.number = 4, .start = commits_[1].end, .end = commits_[1].end});
  refused(commits_[2].end);
  file_->write_at(kCapacity, std::string(kMarkAreaBytes, '\0'));
  EXPECT_NE(refused(commits_[2].end).find("marks are gone"), std::string::npos);
}

TEST_F(SegmentFileTest, NeverTakesABatchOfAnEarlierLife) {
  // The file was a segment with the same offsets and sizes at the same positions, whose marks were wiped.
  file_->write_at(kCapacity, std::string(kMarkAreaBytes, '\0'));
  EXPECT_EQ(recover().end.position, 0U);
  // In its new life a commit's mark reaches the disk, and its bytes do not.
  std::string bytes = batch_of({std::string(1000, 'n'), std::string(1000, 'n')});
  const CommitMark mark{.number = 1, .end = {.position = bytes.size(), .offset = {2}, .digest = crc32c(bytes)}};
  write_mark(mark);
  EXPECT_EQ(recover().end.position, 0U);
  // Nor are the batches behind the end taken.
  write_mark({.number = 3});
  EXPECT_EQ(recover().end.position, 0U);
  EXPECT_TRUE(visited_.empty());
}

TEST_F(SegmentFileTest, AMarkBelongsToItsSegment) {
  EXPECT_TRUE(read_marks(*file_, kCapacity, kIdentity + 1).empty());
  EXPECT_EQ(read_marks(*file_, kCapacity, kIdentity).size(), 2U);
  const SegmentIdentity identity{.topic_high = 1, .topic_low = 2, .partition = 3, .base = {4}};
  for (const SegmentIdentity& other :
       {SegmentIdentity{2, 2, 3, {4}}, SegmentIdentity{1, 3, 3, {4}}, SegmentIdentity{1, 2, 4, {4}},
        SegmentIdentity{1, 2, 3, {5}}, SegmentIdentity{2, 1, 3, {4}}}) {
    EXPECT_NE(identity.hash(), other.hash());
  }
}

TEST_F(SegmentFileTest, OneFlippedBitHidesNoMark) {
  for (uint64_t at = 0; at < kMarkAreaBytes; ++at) {
    flip(kCapacity + at);
    EXPECT_EQ(read_marks(*file_, kCapacity, kIdentity).at(0).number, 3U) << at;
    flip(kCapacity + at);
  }
}

TEST_F(SegmentFileTest, ASealedSegmentEndsWhereTheNextOneBegins) {
  EXPECT_EQ(read_sealed_tail(*file_, kPath, kIdentity, {0}, {6}).end, commits_[2].end);
  // Its last commit failed, and the partition went on in a new segment.
  EXPECT_EQ(read_sealed_tail(*file_, kPath, kIdentity, {0}, {4}).end, commits_[1].end);
  EXPECT_THROW(read_sealed_tail(*file_, kPath, kIdentity, {0}, {7}), Error);
  EXPECT_THROW(read_sealed_tail(*file_, kPath, kIdentity, {0}, {1}), Error);
}

TEST_F(SegmentFileTest, ReadsAroundTheIndexAndChecksWhatItReads) {
  SegmentIndex index({0});
  extend_index(index, *file_, kPath, commits_[2].end);
  for (int64_t from = 0; from < 6; ++from) {
    for (const size_t bytes_max : {1UL, 2000UL, 100'000UL}) {
      const ReadBatches read = read_batches(*file_, kPath, index.find({from}), commits_[2].end, {from}, bytes_max);
      const BatchHeader header = verify_batch(read.batches());
      EXPECT_LE(header.base, Offset{from});
      EXPECT_GT(header.end(), Offset{from});
    }
    const BatchPlace place = find_batch(*file_, kPath, index.find({from}), commits_[2].end, {from});
    const ReadBatches one = read_batches(*file_, kPath, index.find({from}), commits_[2].end, {from}, 1);
    std::string found(place.size, '\0');
    EXPECT_EQ(file_->read_at(place.position, found.data(), found.size()), found.size());
    EXPECT_EQ(found, one.batches());
    // Here nothing is known to be in memory.
    EXPECT_FALSE(try_find_batch(*file_, kPath, index.find({from}), commits_[2].end, {from}));
  }
  flip(commits_[1].start.position + 3);  // a base offset, which the CRC does not cover
  EXPECT_THROW(read_batches(*file_, kPath, index.find({2}), commits_[2].end, {2}, 1), Error);
}

TEST(SegmentName, IsTwentyDigits) {
  EXPECT_EQ(segment_name({42}), "00000000000000000042.log");
  EXPECT_EQ(parse_segment_name("00000000000000000042.log"), Offset{42});
  EXPECT_EQ(parse_segment_name(segment_name(kOffsetMax)), kOffsetMax);
  for (const std::string_view bad : {"42.log", "0000000000000000004x.log", "99999999999999999999.log",
                                     "00000000000000000042.index", "00000000000000000042.log.new"}) {
    EXPECT_EQ(parse_segment_name(bad), std::nullopt) << bad;
  }
}

TEST(SegmentIndexFile, IsRefusedUnlessItFits) {
  SegmentIndex index({100});
  SegmentPoint end{.offset = {100}};
  for (int i = 0; i < 1000; ++i) {
    index.add(end.offset, 3000, end.offset + 7, 1000 + i % 10 * 100);
    end.position += 3000;
    end.offset = end.offset + 7;
  }
  end.digest = 99;
  EXPECT_LT(index.entries(), 400U);
  std::string bytes = index.encode(end.digest);
  const auto read = SegmentIndex::decode(bytes, {100}, end);
  ASSERT_TRUE(read.has_value());
  for (int64_t offset = 100; offset < 7100; ++offset) {
    EXPECT_EQ(read->find({offset}).position, index.find({offset}).position);
    EXPECT_LE(read->find({offset}).offset, Offset{offset});
  }
  EXPECT_EQ(read->find_time(0).offset, Offset{100});
  EXPECT_EQ(SegmentIndex::decode(bytes, {101}, end), std::nullopt);
  SegmentPoint other = end;
  other.digest ^= 1;
  EXPECT_EQ(SegmentIndex::decode(bytes, {100}, other), std::nullopt);
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 3) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(SegmentIndex::decode(bytes, {100}, end).has_value());
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  for (size_t size = 0; size < 100; ++size) {
    EXPECT_FALSE(SegmentIndex::decode(std::string_view(bytes).substr(0, size), {100}, end).has_value());
  }
}

}  // namespace
}  // namespace headrace
