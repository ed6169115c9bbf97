#include "cli/progress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

class StoppedClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime{}; }
  SteadyTime steady() const override { return now; }
  SteadyTime now{};
};

// What was written to a file, or to a terminal.
class Screen {
 public:
  explicit Screen(bool terminal) {
    if (!terminal) {
      file = std::tmpfile();
      return;
    }
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    check(master_ >= 0 && ::grantpt(master_) == 0 && ::unlockpt(master_) == 0, "there are terminals");
    file = std::fopen(::ptsname(master_), "w");
    check(file != nullptr, "a terminal can be opened");
  }
  ~Screen() {
    std::fclose(file);
    if (master_ >= 0) ::close(master_);
  }

  std::string take() {
    char buffer[4096];
    if (master_ >= 0) {
      const ssize_t got = ::read(master_, buffer, sizeof buffer);
      return {buffer, static_cast<size_t>(std::max<ssize_t>(got, 0))};
    }
    std::fflush(file);
    std::rewind(file);
    std::string text(buffer, std::fread(buffer, 1, sizeof buffer, file));
    check(::ftruncate(::fileno(file), 0) == 0, "a file can be emptied");
    std::rewind(file);
    return text;
  }

  std::FILE* file = nullptr;

 private:
  int master_ = -1;
};

TEST(Progress, PlainLinesComeEveryFiveSeconds) {
  StoppedClock clock;
  Screen screen(false);
  Progress progress("loaded", "rows", clock, screen.file);
  clock.now += std::chrono::milliseconds(4'999);
  progress.update(100, 10, 100);
  EXPECT_EQ(screen.take(), "");
  clock.now += std::chrono::milliseconds(1);
  progress.update(1'234'565, 25, 100);
  EXPECT_EQ(screen.take(), "loaded 1,234,565 rows, 246,913/s, 25 %, 0:15 left\n");
  progress.update(1'234'565, 25, 100);
  EXPECT_EQ(screen.take(), "");
  clock.now += std::chrono::seconds(5);
  progress.update(2'000'000, 0, 0);
  EXPECT_EQ(screen.take(), "loaded 2,000,000 rows, 200,000/s\n") << "without a size there is no end to foresee";
  clock.now += std::chrono::seconds(10);
  progress.finish(3'000'000);
  EXPECT_EQ(screen.take(), "loaded 3,000,000 rows in 20.0 s, 150,000/s\n");
}

TEST(Progress, NothingAtAllIsFine) {
  StoppedClock clock;
  Screen screen(false);
  Progress progress("loaded", "rows", clock, screen.file);
  progress.finish(0);
  EXPECT_EQ(screen.take(), "loaded 0 rows in 0.0 s, 0/s\n");
}

TEST(Progress, ATerminalHasABarThatIsDrawnAgain) {
  StoppedClock clock;
  Screen screen(true);
  Progress progress("loaded", "rows", clock, screen.file);
  clock.now += std::chrono::seconds(1);
  progress.update(999, 50, 100);
  const std::string bar = screen.take();
  EXPECT_TRUE(bar.starts_with("\r\033[K▕██████████████              ▏ loaded 999 rows")) << bar;
  EXPECT_TRUE(bar.ends_with("999/s, 50 %, 0:01 left")) << bar;
  clock.now += std::chrono::milliseconds(99);
  progress.update(1000, 60, 100);
  clock.now += std::chrono::milliseconds(1);
  progress.update(1100, 200, 100);
  const std::string full = screen.take();
  EXPECT_EQ(full.find("60 %"), std::string::npos) << "too soon";
  EXPECT_NE(full.find("100 %, 0:00 left"), std::string::npos) << "never beyond the end: " << full;
  progress.finish(1100);
  EXPECT_TRUE(screen.take().starts_with("\r\033[Kloaded 1,100 rows in 1.1 s, "));
}

TEST(Progress, ABarIsTakenAwayWhenTheWorkFails) {
  StoppedClock clock;
  Screen screen(true);
  {
    Progress progress("checked", "bytes", clock, screen.file);
    clock.now += std::chrono::seconds(1);
    progress.update(1, 1, 2);
    EXPECT_NE(screen.take(), "");
  }
  EXPECT_EQ(screen.take(), "\r\033[K");
  {
    Progress progress("checked", "bytes", clock, screen.file);
    clock.now += std::chrono::seconds(1);
    progress.update(1, 1, 2);
    progress.finish(2);
    screen.take();
  }
  std::fputs("next\n", screen.file);
  std::fflush(screen.file);
  EXPECT_EQ(screen.take(), "next\r\n");
}

}  // namespace
}  // namespace headrace
