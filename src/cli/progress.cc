#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "fmt/format.h"

namespace headrace {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kLine{5};
constexpr int kBarCells = 28;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// 1234567 as 1,234,567.
std::string grouped(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string bar(double fraction) {
  static constexpr const char* kParts[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double cells = fraction * kBarCells;
  std::string result;
  for (int i = 0; i < kBarCells; ++i) {
    const double filled = cells - i;
    result += filled >= 1 ? "█" : filled <= 0 ? " " : kParts[static_cast<int>(filled * 8)];
  }
  return result;
}

}  // namespace

Progress::Progress(std::string what, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), terminal_(::isatty(STDERR_FILENO) != 0), shown_(start_) {}

std::string Progress::line(uint64_t rows, double fraction) const {
  const double seconds = std::max(seconds_since(start_), 1e-3);
  std::string text = fmt::format("{} {} {}, {}/s", what_, grouped(rows), unit_,
                                 grouped(static_cast<uint64_t>(static_cast<double>(rows) / seconds)));
  if (fraction > 0.01) {
    const auto left = static_cast<uint64_t>(seconds / fraction * (1 - fraction) + 0.5);
    text += fmt::format(", {:.0f} %, {}:{:02} left", fraction * 100, left / 60, left % 60);
  }
  return text;
}

void Progress::update(uint64_t rows, uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (terminal_ ? now - shown_ < kRedraw : now - shown_ < kLine) return;
  shown_ = now;
  const double fraction = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  if (terminal_) {
    fmt::print(stderr, "\r\033[K▕{}▏ {}", bar(fraction), line(rows, fraction));
  } else {
    fmt::print(stderr, "{}\n", line(rows, fraction));
  }
  std::fflush(stderr);
}

void Progress::finish(uint64_t rows) {
  const double seconds = std::max(seconds_since(start_), 1e-3);
  fmt::print(stderr, "{}{} {} {} in {:.1f} s, {}/s\n", terminal_ ? "\r\033[K" : "", what_, grouped(rows), unit_,
             seconds, grouped(static_cast<uint64_t>(static_cast<double>(rows) / seconds)));
}

}  // namespace headrace
