#include "schema/row_shape.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "fmt/format.h"
#include "schema/json_form.h"
#include "schema/rollback.h"
#include "schema/text_form.h"

namespace headrace {
namespace {

constexpr size_t kComparedBytesMax = 64;

// Levenshtein's distance between two names.
size_t distance(std::string_view left, std::string_view right) {
  std::vector<size_t> line(right.size() + 1);
  std::iota(line.begin(), line.end(), size_t{0});
  for (size_t row = 1; row <= left.size(); ++row) {
    size_t diagonal = std::exchange(line[0], row);
    for (size_t at = 1; at <= right.size(); ++at) {
      const size_t changed = diagonal + (left[row - 1] == right[at - 1] ? 0 : 1);
      diagonal = std::exchange(line[at], std::min({changed, line[at] + 1, line[at - 1] + 1}));
    }
  }
  return line.back();
}

}  // namespace

RowShape::RowShape(RowTypePtr type) : type_(std::move(type)) {
  for (size_t index = 0; index < type_->columns.size(); ++index) {
    const Column& column = type_->columns[index];
    Value value;
    if (!column.default_json.empty()) {
      try {
        value = parse_json(column.default_json, column.type);
      } catch (const Error& error) {
        throw Error(Code::kInvalid, fmt::format("the default of column \"{}\": {}", column.name, error.message()),
                    Where{.column = column.name});
      }
    }
    required_.push_back(is_null(value) && !column.nullable ? 1 : 0);
    defaults_.push_back(std::move(value));
    check(names_.emplace(column.name, index).second, "the columns of a row type have different names");
  }
}

std::optional<size_t> RowShape::find(std::string_view name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

std::string RowShape::unknown(std::string_view name) const {
  const Column* nearest = nullptr;
  size_t least = std::max<size_t>(name.size() / 2, 1) + 1;
  for (const Column& column : type_->columns) {
    if (std::max(name.size(), column.name.size()) > kComparedBytesMax) continue;
    const size_t apart = distance(name, column.name);
    if (apart < least) {
      least = apart;
      nearest = &column;
    }
  }
  if (nearest == nullptr) return fmt::format("there is no column {}", quoted(name));
  return fmt::format("there is no column {}; the nearest is \"{}\"", quoted(name), nearest->name);
}

void RowSink::begin(size_t position) {
  ++row_;
  if (static_cast<uint64_t>(row_) > limits_.rows_max) {
    throw Error(Code::kTooLarge,
                fmt::format("there are more than {} rows; send them in several parts", limits_.rows_max),
                Where{.row = row_, .position = static_cast<int64_t>(position)});
  }
}

bool RowSink::fits(size_t bytes, size_t position) {
  if (bytes <= limits_.row_bytes_max) return true;
  fault_.emplace(Code::kTooLarge,
                 fmt::format("row {} has {} bytes; the limit is {}", row_, bytes, limits_.row_bytes_max),
                 Where{.row = row_, .position = static_cast<int64_t>(position)});
  return false;
}

bool RowSink::fault(std::string_view what, size_t position) {
  fault_.emplace(Code::kInvalid, fmt::format("row {}: {}", row_, what),
                 Where{.row = row_, .position = static_cast<int64_t>(position)});
  return false;
}

bool RowSink::fault(size_t column, std::string_view what, size_t position) {
  const std::string& name = shape_.column(column).name;
  fault_.emplace(Code::kInvalid, fmt::format("column \"{}\" of row {}: {}", name, row_, what),
                 Where{.row = row_, .column = name, .position = static_cast<int64_t>(position)});
  return false;
}

bool RowSink::null_fault(size_t column, size_t position) {
  return fault(column, "the column is NOT NULL, and the row has no value for it", position);
}

bool RowSink::unknown_fault(std::string_view name, size_t position) {
  fault_.emplace(Code::kInvalid, fmt::format("row {}: {}", row_, shape_.unknown(name)),
                 Where{.row = row_, .column = std::string(name), .position = static_cast<int64_t>(position)});
  return false;
}

void RowSink::drop(std::string_view text) {
  check(fault_.has_value(), "a row that is dropped has a fault");
  roll_back(*builder_, shape_.size());
  Error error = *std::exchange(fault_, std::nullopt);
  if (!collect_) throw Error(error);
  collect_({row_, std::move(error), text});
}

}  // namespace headrace
