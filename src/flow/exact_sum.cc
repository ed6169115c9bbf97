#include "flow/exact_sum.h"

#include <cmath>
#include <utility>

#include "flow/state_bytes.h"

namespace headrace {
namespace {

constexpr double kHuge = 0x1p900;
constexpr double kScale = 0x1p200;
// Doubles span about 2,100 bits of 53 each; a longer list is not one that grow() makes.
constexpr int64_t kPartsMax = 64;

void grow(std::vector<double>& parts, double value) {
  size_t kept = 0;
  for (double part : parts) {
    if (std::fabs(value) < std::fabs(part)) std::swap(value, part);
    const double sum = value + part;
    const double error = part - (sum - value);
    if (error != 0) parts[kept++] = error;
    value = sum;
  }
  parts.resize(kept);
  if (value != 0) parts.push_back(value);
}

// The exact sum of the parts, rounded once, half to even.
double rounded(const std::vector<double>& parts) {
  if (parts.empty()) return 0;
  size_t left = parts.size();
  double sum = parts[--left];
  double error = 0;
  while (left > 0) {
    const double before = sum;
    const double part = parts[--left];
    sum = before + part;
    error = part - (sum - before);
    if (error != 0) break;
  }
  // Halfway cases are decided by the sign of the next part.
  if (left > 0 && ((error < 0 && parts[left - 1] < 0) || (error > 0 && parts[left - 1] > 0))) {
    const double doubled = error * 2;
    const double next = sum + doubled;
    if (doubled == next - sum) sum = next;
  }
  return sum;
}

void append_parts(std::string& out, const std::vector<double>& parts) {
  append_varint(out, static_cast<int64_t>(parts.size()));
  Writer writer(out);
  for (const double part : parts) writer.big_endian(std::bit_cast<uint64_t>(part));
}

void merge_parts(std::vector<double>& parts, std::string_view& bytes) {
  const int64_t count = take_varint(bytes);
  if (count < 0 || count > kPartsMax) throw Error(Code::kCorrupt, "a stored sum has too many parts");
  for (int64_t i = 0; i < count; ++i) {
    const auto part = std::bit_cast<double>(load_big_endian<uint64_t>(take_bytes(bytes, sizeof(double)).data()));
    if (!std::isfinite(part)) throw Error(Code::kCorrupt, "a stored sum has a part that is not finite");
    grow(parts, part);
  }
}

}  // namespace

ExactSum::Rare& ExactSum::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void ExactSum::add(double value, int64_t times) {
  if (!std::isfinite(value)) [[unlikely]] {
    (std::isnan(value) ? rare().not_a_number : value > 0 ? rare().infinite : rare().negative_infinite) += times;
    return;
  }
  if (times < 0) {
    value = -value;
    times = -times;
  }
  const bool is_huge = std::fabs(value) >= kHuge;
  std::vector<double>& parts = is_huge ? rare().huge : parts_;
  if (is_huge) value /= kScale;
  // value * times is the sum of value * 2^i over the bits of `times`, each of them exact.
  for (auto rest = static_cast<uint64_t>(times); rest != 0; rest >>= 1) {
    if (rest & 1) grow(parts, value);
    if (rest > 1) value *= 2;
  }
}

void ExactSum::merge(std::string_view& bytes) {
  const char has_rare = take_bytes(bytes, 1)[0];
  merge_parts(parts_, bytes);
  if (!has_rare) return;
  merge_parts(rare().huge, bytes);
  rare_->not_a_number += take_varint(bytes);
  rare_->infinite += take_varint(bytes);
  rare_->negative_infinite += take_varint(bytes);
}

void ExactSum::encode(std::string& out) const {
  const bool has_rare =
      rare_ && (!rare_->huge.empty() || rare_->not_a_number || rare_->infinite || rare_->negative_infinite);
  out.push_back(has_rare ? 1 : 0);
  append_parts(out, parts_);
  if (!has_rare) return;
  append_parts(out, rare_->huge);
  append_varint(out, rare_->not_a_number);
  append_varint(out, rare_->infinite);
  append_varint(out, rare_->negative_infinite);
}

double ExactSum::value(bool& overflow) const {
  overflow = false;
  if (!rare_) return rounded(parts_);
  if (rare_->not_a_number || (rare_->infinite && rare_->negative_infinite)) return NAN;
  if (rare_->infinite) return INFINITY;
  if (rare_->negative_infinite) return -INFINITY;
  if (rare_->huge.empty()) return rounded(parts_);
  // What is lost by scaling the small parts down lies 900 bits below the least bit of a huge part.
  std::vector<double> all = rare_->huge;
  for (const double part : parts_) grow(all, part / kScale);
  const double result = rounded(all) * kScale;
  overflow = std::isinf(result);
  return result;
}

}  // namespace headrace
