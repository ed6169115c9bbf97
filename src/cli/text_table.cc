#include "cli/text_table.h"

#include <algorithm>
#include <vector>

#include "boost/json.hpp"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr size_t kCellWidthMax = 60;

// Characters, not bytes; wide ones count as one.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string cell(const boost::json::value* value) {
  if (!value || value->is_null()) return "";
  std::string text = value->is_string() ? std::string(value->as_string()) : boost::json::serialize(*value);
  std::ranges::replace(text, '\n', ' ');
  if (width(text) <= kCellWidthMax) return text;
  size_t bytes = 0;
  for (size_t seen = 0; bytes < text.size(); ++bytes)
    if ((text[bytes] & 0xc0) != 0x80 && ++seen == kCellWidthMax) break;
  return text.substr(0, bytes) + "…";
}

bool is_number(std::string_view type) {
  return type == "smallint" || type == "integer" || type == "bigint" || type == "real" || type == "double precision" ||
         type.starts_with("numeric");
}

}  // namespace

std::string text_table(const boost::json::object& result) {
  const auto& columns = result.at("columns").as_array();
  const auto& rows = result.at("rows").as_array();
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& column : columns) lines[0].emplace_back(column.at("name").as_string());
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& name : lines[0]) line.push_back(cell(row.as_object().if_contains(name)));
  }
  std::vector<size_t> widths(columns.size(), 0);
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));

  std::string out;
  for (size_t number = 0; number < lines.size(); ++number) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string padding(widths[i] - width(lines[number][i]), ' ');
      const bool right = is_number(columns[i].at("type").as_string());
      const bool last = i + 1 == columns.size();
      out += right ? padding + lines[number][i] : lines[number][i] + (last ? "" : padding);
      if (!last) out += "  ";
    }
    out += '\n';
    if (number > 0) continue;
    for (size_t i = 0; i < columns.size(); ++i) {
      for (size_t dash = 0; dash < widths[i]; ++dash) out += "─";
      if (i + 1 < columns.size()) out += "  ";
    }
    out += '\n';
  }
  out += fmt::format("({} {})\n", rows.size(), rows.size() == 1 ? "row" : "rows");
  return out;
}

}  // namespace headrace
