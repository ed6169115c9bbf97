#include "cli/text_table.h"

#include <simdjson.h>

#include <algorithm>
#include <ranges>
#include <vector>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

namespace json = simdjson::ondemand;

constexpr size_t kCellWidthMax = 60;

// Characters, not bytes; wide ones count as one. Of the longest line.
size_t width(std::string_view text) {
  size_t widest = 0, here = 0;
  for (const char c : text) {
    here = c == '\n' ? 0 : here + ((c & 0xc0) != 0x80 ? 1 : 0);
    widest = std::max(widest, here);
  }
  return widest;
}

// Without what a terminal would take as a command.
std::string harmless(std::string text, bool keep_lines) {
  std::ranges::replace_if(
      text, [&](char c) { return (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) && !(keep_lines && c == '\n'); },
      ' ');
  return text;
}

std::string shortened(std::string text) {
  if (width(text) <= kCellWidthMax) return text;
  size_t bytes = 0;
  for (size_t seen = 0; bytes < text.size(); ++bytes)
    if ((text[bytes] & 0xc0) != 0x80 && ++seen == kCellWidthMax) break;
  return text.substr(0, bytes) + "…";
}

// Numbers as they were sent: a double would not hold all of them.
std::string cell(json::value value) {
  switch (value.type()) {
    case json::json_type::null: return "";
    case json::json_type::string: return std::string(std::string_view(value.get_string()));
    case json::json_type::array: return std::string(std::string_view(value.get_array().value().raw_json()));
    case json::json_type::object: return std::string(std::string_view(value.get_object().value().raw_json()));
    default: {
      std::string_view token = value.raw_json_token();
      while (token.ends_with(' ') || token.ends_with('\n')) token.remove_suffix(1);
      return std::string(token);
    }
  }
}

bool is_number(std::string_view type) {
  return type == "smallint" || type == "integer" || type == "bigint" || type == "real" || type == "double precision" ||
         type.starts_with("numeric");
}

struct Table {
  std::vector<std::vector<std::string>> lines;  // the names, then the rows
  std::vector<bool> to_the_right;

  std::string print() const {
    std::vector<size_t> widths(to_the_right.size(), 0);
    for (const auto& line : lines)
      for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
    std::string out;
    for (size_t number = 0; number < lines.size(); ++number) {
      for (size_t i = 0; i < widths.size(); ++i) {
        const std::string padding(widths[i] - width(lines[number][i]), ' ');
        const bool last = i + 1 == widths.size();
        out += to_the_right[i] ? padding + lines[number][i] : lines[number][i] + (last ? "" : padding);
        out += last ? "\n" : "  ";
      }
      if (number > 0) continue;
      for (size_t i = 0; i < widths.size(); ++i) {
        for (size_t dash = 0; dash < widths[i]; ++dash) out += "─";
        out += i + 1 == widths.size() ? "\n" : "  ";
      }
    }
    const size_t rows = lines.size() - 1;
    return out + fmt::format("({} {})\n", rows, rows == 1 ? "row" : "rows");
  }
};

std::string selected(json::object result, Cells cells) {
  Table table;
  table.lines.emplace_back();
  for (json::object column : result["columns"].get_array()) {
    table.lines[0].emplace_back(std::string_view(column["name"]));
    table.to_the_right.push_back(is_number(column["type"]));
  }
  for (json::object row : result["rows"].get_array()) {
    auto& line = table.lines.emplace_back();
    for (json::field field : row) line.push_back(cell(field.value()));
    line.resize(table.to_the_right.size());
  }
  const bool alone = table.lines.size() == 2 && table.to_the_right.size() == 1;
  for (auto& line : table.lines | std::views::drop(1)) {
    for (std::string& text : line) {
      text = harmless(std::move(text), alone);
      if (cells == Cells::kShortened && !alone) text = shortened(std::move(text));
    }
  }
  return table.print();
}

std::string text_result(json::object result, Cells cells) {
  if (result.find_field_unordered("columns").error() == simdjson::SUCCESS) {
    result.reset();
    return selected(result, cells);
  }
  result.reset();
  std::string_view applied;
  if (result.find_field_unordered("applied").get(applied) == simdjson::SUCCESS) {
    std::string text =
        fmt::format("{} {} {}", applied, std::string_view(result["kind"]), std::string_view(result["name"]));
    std::string_view note;
    if (result.find_field_unordered("note").get(note) == simdjson::SUCCESS) text += fmt::format(": {}", note);
    return text + "\n";
  }
  result.reset();
  const int64_t rows = result["rows"];
  return fmt::format("{} {}\n", rows, rows == 1 ? "row" : "rows");
}

}  // namespace

std::string text_results(std::string_view text, Cells cells) {
  try {
    json::parser parser;
    const simdjson::padded_string padded(text);
    json::document document = parser.iterate(padded);
    if (document.type() == json::json_type::object) return text_result(document.get_object(), cells);
    std::string out;
    for (json::object result : document.get_array()) out += text_result(result, cells);
    return out;
  } catch (const simdjson::simdjson_error& error) {
    throw Error(Code::kCorrupt, fmt::format("the server's answer is not understood: {}", error.what()));
  }
}

}  // namespace headrace
