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

std::string grouped(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

Progress::Progress(std::string what, std::string unit, const Clock& clock, std::FILE* to)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      clock_(clock),
      to_(to),
      terminal_(::isatty(::fileno(to)) != 0),
      start_(clock.steady()),
      shown_(start_) {}

Progress::~Progress() {
  if (drawn_) fmt::print(to_, "\r\033[K");
  std::fflush(to_);
}

double Progress::seconds() const {
  return std::max(std::chrono::duration<double>(clock_.steady() - start_).count(), 1e-3);
}

std::string Progress::line(uint64_t rows, double fraction) const {
  std::string text = fmt::format("{} {} {}, {}/s", what_, grouped(rows), unit_,
                                 grouped(static_cast<uint64_t>(static_cast<double>(rows) / seconds())));
  if (fraction > 0.01) {
    const auto left = static_cast<uint64_t>(seconds() / fraction * (1 - fraction) + 0.5);
    text += fmt::format(", {:.0f} %, {}:{:02} left", fraction * 100, left / 60, left % 60);
  }
  return text;
}

void Progress::update(uint64_t rows, uint64_t done, uint64_t total) {
  const SteadyTime now = clock_.steady();
  if (terminal_ ? now - shown_ < kRedraw : now - shown_ < kLine) return;
  shown_ = now;
  const double fraction = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  if (terminal_) {
    fmt::print(to_, "\r\033[K▕{}▏ {}", bar(fraction), line(rows, fraction));
    drawn_ = true;
  } else {
    fmt::print(to_, "{}\n", line(rows, fraction));
  }
  std::fflush(to_);
}

void Progress::finish(uint64_t rows) {
  fmt::print(to_, "{}{} {} {} in {:.1f} s, {}/s\n", terminal_ ? "\r\033[K" : "", what_, grouped(rows), unit_, seconds(),
             grouped(static_cast<uint64_t>(static_cast<double>(rows) / seconds())));
  drawn_ = false;
  std::fflush(to_);
}

}  // namespace headrace
