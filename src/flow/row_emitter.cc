#include "flow/row_emitter.h"

#include <algorithm>
#include <bit>

namespace headrace {
namespace {

bool is_identical(const Value& left, const Value& right) {
  if (left.index() != right.index()) return false;
  if (const auto* decimal = std::get_if<Decimal>(&left)) {
    const auto& other = std::get<Decimal>(right);
    return decimal->coefficient == other.coefficient && decimal->scale == other.scale;
  }
  if (const auto* number = std::get_if<double>(&left))
    return std::bit_cast<uint64_t>(*number) == std::bit_cast<uint64_t>(std::get<double>(right));
  return left == right;
}

}  // namespace

bool is_identical(std::span<const Value> left, std::span<const Value> right) {
  return std::ranges::equal(left, right, [](const Value& a, const Value& b) { return is_identical(a, b); });
}

}  // namespace headrace
