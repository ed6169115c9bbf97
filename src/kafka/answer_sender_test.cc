// What arrives is the answer, however little the socket takes at a time.
#include "kafka/answer_sender.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <list>

#include "base/bytes.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "runtime/files.h"

namespace headrace::kafka {
namespace {

using Outcome = AnswerSender::Outcome;

constexpr size_t kStepBytes = size_t{1} << 20;
constexpr size_t kFileBytes = 9 * kStepBytes / 4;

class AnswerSenderTest : public testing::Test {
 protected:
  AnswerSenderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "headrace-sender-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    content_.resize(kFileBytes);
    for (char& each : content_) each = static_cast<char>(random_.below(256));
    file_ = make_system_files()->open(folder_ + "/file", Files::Mode::kCreateNew);
    file_->write_at(0, content_);
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_) != 0) throw_errno("making sockets");
  }
  ~AnswerSenderTest() override {
    for (const int socket : sockets_) ::close(socket);
    std::filesystem::remove_all(folder_);
  }

  void begin_answer() {
    answers_.emplace_back();
    expected_.emplace_back();
  }
  void add_bytes(size_t size) {
    const std::string bytes(size, static_cast<char>('a' + random_.below(26)));
    expected_.back() += bytes;
    answers_.back().bytes += bytes;
  }
  void add_records(size_t size) {
    const std::string& records = records_.emplace_back(size, static_cast<char>('A' + random_.below(26)));
    expected_.back() += records;
    add_splice(RecordsView(std::string_view(records)));
  }
  void add_range(size_t position, size_t size) {
    expected_.back() += content_.substr(position, size);
    add_splice(RecordsView(ranges_.emplace_back(file_, position, size)));
  }
  void add_splice(RecordsView records) {
    answers_.back().splices.push_back({answers_.back().bytes.size(), std::move(records)});
  }

  std::vector<const Answer*> answers() const {
    std::vector<const Answer*> all;
    for (const Answer& answer : answers_) all.push_back(&answer);
    return all;
  }

  // What a client gets that reads at most `most` bytes each time the socket is full.
  std::string transfer(size_t most) {
    std::string got;
    std::string buffer(most, '\0');
    const auto receive = [&] {
      const ssize_t part = ::recv(sockets_[1], buffer.data(), buffer.size(), 0);
      if (part > 0) got.append(buffer, 0, static_cast<size_t>(part));
      return part > 0;
    };
    AnswerSender sender(answers());
    while ((last_ = sender.send(sockets_[0], kStepBytes)) != Outcome::kSent && last_ != Outcome::kFailed) {
      if (last_ == Outcome::kFull) receive();
    }
    EXPECT_FALSE(sender.may_read_disk(kStepBytes) && last_ == Outcome::kSent);
    while (receive()) {
    }
    return got;
  }
  std::string framed() const {
    std::string all;
    for (const std::string& answer : expected_) {
      all.resize(all.size() + 4);
      store_big_endian(all.data() + all.size() - 4, static_cast<int32_t>(answer.size()));
      all += answer;
    }
    return all;
  }

  Random random_{20261122};
  std::string folder_;
  std::string content_;
  std::shared_ptr<File> file_;
  int sockets_[2] = {-1, -1};
  std::list<std::string> records_;
  std::list<FileRange> ranges_;
  std::list<Answer> answers_;
  std::vector<std::string> expected_;  // of each answer
  Outcome last_ = Outcome::kFailed;
};

TEST_F(AnswerSenderTest, SendsBytesRecordsAndRangesInTheirOrder) {
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    answers_.clear();
    expected_.clear();
    begin_answer();
    for (uint64_t pieces = random_.below(200); pieces > 0; --pieces) {
      switch (random_.below(4)) {
        case 0: add_bytes(random_.below(300)); break;
        case 1: add_records(random_.below(5000)); break;
        case 2: begin_answer(); break;
        default: {
          const size_t position = random_.below(kFileBytes);
          add_range(position, std::min<size_t>(kFileBytes - position, random_.below(20'000)));
        }
      }
    }
    ASSERT_EQ(transfer(1 + random_.below(60'000)), framed());
    EXPECT_EQ(last_, Outcome::kSent);
  }
}

TEST_F(AnswerSenderTest, SendsWhatIsLargerThanAStep) {
  begin_answer();
  add_bytes(10);
  add_range(0, kFileBytes);
  add_range(0, kFileBytes);
  add_bytes(10);
  ASSERT_EQ(transfer(1 << 20), framed());
  EXPECT_EQ(last_, Outcome::kSent);
}

TEST_F(AnswerSenderTest, FailsWhenItsFileIsCutOrItsClientGone) {
  begin_answer();
  add_bytes(10);
  add_range(kFileBytes - 1000, 2000);
  transfer(1 << 20);
  EXPECT_EQ(last_, Outcome::kFailed);

  answers_.clear();
  begin_answer();
  add_bytes(10);
  ::shutdown(sockets_[1], SHUT_RDWR);
  AnswerSender sender(answers());
  EXPECT_EQ(sender.send(sockets_[0], kStepBytes), Outcome::kFailed);
}

TEST_F(AnswerSenderTest, TellsWhetherTheNextStepMayReadTheDisk) {
  begin_answer();
  add_bytes(10);
  EXPECT_FALSE(AnswerSender(answers()).may_read_disk(kStepBytes)) << "no file";
  if (!file_->in_memory(0, kFileBytes)) GTEST_SKIP() << "the kernel cannot tell (it can since Linux 6.5)";
  file_->truncate(kFileBytes + kStepBytes);  // a hole, of which no page is in memory
  add_range(0, kFileBytes);
  add_range(kFileBytes, kStepBytes);
  const AnswerSender sender(answers());
  EXPECT_FALSE(sender.may_read_disk(kStepBytes));
  EXPECT_FALSE(sender.may_read_disk(kFileBytes));
  EXPECT_TRUE(sender.may_read_disk(kFileBytes + 1));
}

}  // namespace
}  // namespace headrace::kafka
