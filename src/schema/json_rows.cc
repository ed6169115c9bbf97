#include "schema/json_rows.h"

#include <algorithm>
#include <numeric>

#include "fmt/format.h"
#include "schema/cell.h"
#include "schema/json_scan.h"
#include "schema/json_text.h"
#include "schema/text_form.h"
#include "schema/utf8.h"
#include "simdjson.h"

namespace headrace {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t kFirstCapacity = 4096;
// The row is an object around a jsonb value, or around an array of them.
constexpr int kRowDepthMax = kJsonDepthMax + 2;

// The text of a scalar, which simdjson gives with the blanks behind it.
std::string_view without_blanks(std::string_view token) {
  while (!token.empty() && is_json_space(token.back())) token.remove_suffix(1);
  return token;
}

// RFC 8259's grammar, where the conversions that follow would take more: "+1", "012", ".5", "Infinity".
bool is_json_number(std::string_view token) {
  const char* at = token.data();
  const char* end = at + token.size();
  const auto digits = [&] {
    const char* start = at;
    while (at != end && *at >= '0' && *at <= '9') ++at;
    return at != start;
  };
  if (at != end && *at == '-') ++at;
  const bool zero = at != end && *at == '0';
  const char* whole = at;
  if (!digits() || (zero && at - whole > 1)) return false;
  if (at != end && *at == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at != end && (*at | 0x20) == 'e') {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  return at == end;
}

std::string_view kind_of(char first) {
  switch (first) {
    case '{': return "an object";
    case '[': return "an array";
    case '"': return "a string";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
  }
}

}  // namespace

class JsonRows::Parser {
 public:
  explicit Parser(const RowShape& shape) : shape_(shape), order_(shape.size()), seen_(shape.size(), 0) {
    std::iota(order_.begin(), order_.end(), 0);
    for (size_t column = 0; column < shape.size(); ++column) {
      // Only a name without quotes and backslashes ends where the first quote is.
      plain_.push_back(shape.column(column).name.find_first_of("\"\\") == std::string::npos ? 1 : 0);
    }
  }

  // One row, at `start` of the body.
  void row(std::string_view body, size_t capacity, size_t start, size_t end, RowSink& sink) {
    const std::string_view text = body.substr(start, end - start);
    sink_ = &sink;
    offset_ = start;
    sink.begin(start);
    if (sink.fits(text.size(), start) && parse(text, capacity - start)) {
      sink.end();
    } else {
      sink.drop(text);
    }
  }

 private:
  bool parse(std::string_view text, size_t capacity) {
    text_ = text;
    if (capacity - text.size() < simdjson::SIMDJSON_PADDING) {
      padded_.assign(text.size() + simdjson::SIMDJSON_PADDING, '\0');
      std::copy(text.begin(), text.end(), padded_.begin());
      text_ = {padded_.data(), text.size()};
      capacity = padded_.size();
    }
    if (parser_.capacity() < text.size() &&
        parser_.allocate(std::max(kFirstCapacity, 2 * text.size())) != simdjson::SUCCESS) {
      return sink_->fault("the row is too large to be parsed", offset_);
    }
    ondemand::document document;
    if (parser_.iterate(text_.data(), text_.size(), capacity).get(document) != simdjson::SUCCESS) return syntax_fault();
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return syntax_fault();
    return fields(object) && (ended(document) || syntax_fault()) && rest();
  }

  static bool ended(ondemand::document& document) {
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

  size_t position_of(const char* at) const { return offset_ + static_cast<size_t>(at - text_.data()); }

  bool fields(ondemand::object& object) {
    ++stamp_;
    fields_ = 0;
    for (auto result : object) {
      ondemand::field field;
      if (std::move(result).get(field) != simdjson::SUCCESS) return syntax_fault();
      const char* name = field.key().raw();
      size_t column;
      if (!find_column(name, field, column)) return false;
      if (seen_[column] == stamp_) {
        return sink_->fault(column, "the row names the column twice", position_of(name) - 1);
      }
      seen_[column] = stamp_;
      if (!cell(column, field.value())) return false;
      ++fields_;
    }
    return true;
  }

  // Rows of one client nearly always have their fields in the same order: the expected name is tried first.
  bool find_column(const char* name, ondemand::field& field, size_t& column) {
    if (fields_ < order_.size()) {
      column = order_[fields_];
      const std::string& expected = shape_.column(column).name;
      const auto left = static_cast<size_t>(text_.data() + text_.size() - name);
      if (plain_[column] != 0 && expected.size() < left && std::memcmp(name, expected.data(), expected.size()) == 0 &&
          name[expected.size()] == '"') {
        return true;
      }
    }
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return syntax_fault();
    const std::optional<size_t> found = shape_.find(key);
    if (!found) return sink_->unknown_fault(key, position_of(name) - 1);
    column = *found;
    if (fields_ < order_.size()) order_[fields_] = column;
    return true;
  }

  bool cell(size_t index, ondemand::value& value) {
    const std::string_view token = without_blanks(value.raw_json_token());
    if (token.empty()) return syntax_fault();
    ColumnData& column = sink_->column(index);
    switch (token.front()) {
      case '"': return string_cell(index, column, value, token);
      case '{':
      case '[': return document_cell(index, column, token.data());
      case 'n':
        if (token != "null") return syntax_fault();
        if (!shape_.column(index).nullable) return sink_->fault(index, "null, and the column is NOT NULL", at(token));
        column.append_null();
        return true;
      case 't':
      case 'f':
        if (token != "true" && token != "false") return syntax_fault();
        return boolean_cell(index, column, token);
      default:
        if (!is_json_number(token)) return syntax_fault();
        return append_json_number(token, column, sink_->arena()) || value_fault(index, token, std::string(token));
    }
  }

  size_t at(std::string_view token) const { return position_of(token.data()); }

  bool value_fault(size_t index, std::string_view text, const std::string& shown, const char* start = nullptr) {
    const Type& type = shape_.column(index).type;
    const bool unquoted = start == nullptr;
    std::string wrong = cell_fault(text, shown, type);
    if (unquoted && (type.kind == Kind::kText || type.kind == Kind::kUuid)) {
      wrong = fmt::format("{} is not {}; put it into quotes", shown, type.name());
    }
    return sink_->fault(index, wrong, position_of(unquoted ? text.data() : start));
  }

  bool string_cell(size_t index, ColumnData& column, ondemand::value& value, std::string_view token) {
    if (token.size() < 2 || token.back() != '"') return syntax_fault();
    if (column.type.kind == Kind::kJsonb) return document_cell(index, column, token.data());
    std::string_view text = token.substr(1, token.size() - 2);
    if (std::memchr(text.data(), '\\', text.size()) != nullptr) {
      if (value.get_string().get(text) != simdjson::SUCCESS) return syntax_fault();
    }
    if (append_cell(text, CellForm::kJsonString, column, sink_->arena())) [[likely]]
      return true;
    return value_fault(index, text, quoted(text), token.data());
  }

  bool boolean_cell(size_t index, ColumnData& column, std::string_view token) {
    if (column.type.kind == Kind::kJsonb) return document_cell(index, column, token.data());
    if (column.type.kind != Kind::kBoolean) return value_fault(index, token, std::string(token));
    column.ints.push_back(token == "true" ? 1 : 0);
    if (!column.nulls.empty()) column.nulls.push_back(0);
    return true;
  }

  bool document_cell(size_t index, ColumnData& column, const char* start) {
    const auto from = static_cast<size_t>(start - text_.data());
    const size_t end = skip_json_value(text_, from);
    if (end == std::string_view::npos) return syntax_fault();
    const std::string_view json = text_.substr(from, end - from);
    if (json_depth(json) > kJsonDepthMax + (column.type.kind == Kind::kArray ? 1 : 0)) {
      return sink_->fault(index, fmt::format("the value is nested deeper than {}", kJsonDepthMax), position_of(start));
    }
    if (append_json_document(json, column, sink_->arena())) return true;
    // The row may not be JSON at all, which is the better message.
    std::string ignored;
    if (append_canonical_json(ignored, text_, kRowDepthMax)) return syntax_fault();
    const Type& type = column.type;
    if (type.kind == Kind::kArray && json.front() == '[') {
      return sink_->fault(index, fmt::format("{} is not {}", quoted(json), type.name()), position_of(start));
    }
    return sink_->fault(index, fmt::format("{} is not {}", kind_of(json.front()), type.name()), position_of(start));
  }

  // Columns that the row does not name.
  bool rest() {
    if (fields_ == shape_.size()) return true;
    for (size_t column = 0; column < shape_.size(); ++column) {
      if (seen_[column] == stamp_) continue;
      if (shape_.required(column)) return sink_->null_fault(column, offset_);
      sink_->fill(column);
    }
    return true;
  }

  // simdjson says that something is wrong, the slow reader says where.
  bool syntax_fault() {
    std::string ignored;
    if (const auto fault = append_canonical_json(ignored, text_, kRowDepthMax)) {
      return sink_->fault(fault->reason, offset_ + fault->position);
    }
    if (!text_.starts_with('{')) {
      return sink_->fault(fmt::format("a row is a JSON object, not {}", kind_of(text_.empty() ? '0' : text_.front())),
                          offset_);
    }
    return sink_->fault("the row is not valid JSON", offset_);
  }

  const RowShape& shape_;
  ondemand::parser parser_;
  std::string padded_;          // the last rows of a body, which has no room behind it
  std::vector<size_t> order_;   // the column of the last row's n-th field
  std::vector<uint8_t> plain_;  // whether a column's name stands in JSON as it is
  std::vector<uint64_t> seen_;  // the stamp of the last row that named the column
  uint64_t stamp_ = 0;
  size_t fields_ = 0;
  std::string_view text_;
  size_t offset_ = 0;  // of the row in the body
  RowSink* sink_ = nullptr;
};

JsonRows::JsonRows(const RowShape& shape) : parser_(std::make_unique<Parser>(shape)) {}
JsonRows::~JsonRows() = default;

void JsonRows::parse_document(std::string_view body, size_t capacity, RowSink& sink) {
  const auto fail = [&](std::string_view wrong, size_t position) {
    throw Error(Code::kInvalid, fmt::format("the body is not valid JSON: {}", wrong),
                Where{.position = static_cast<int64_t>(position)});
  };
  size_t at = skip_json_space(body, byte_order_mark(body));
  if (at == body.size()) fail("it is empty; send an object or an array of objects", 0);
  if (body[at] != '[') {
    size_t end = body.size();
    while (is_json_space(body[end - 1])) --end;
    return parser_->row(body, capacity, at, end, sink);
  }
  at = skip_json_space(body, at + 1);
  bool closed = at < body.size() && body[at] == ']';
  while (!closed) {
    if (at == body.size()) fail("the array does not end", at);
    size_t end = skip_json_value(body, at);
    if (end == std::string_view::npos) {
      // The last element does not end: everything that is left is one bad row.
      end = body.size();
      parser_->row(body, capacity, at, end, sink);
      fail("the array does not end", end);
    }
    if (end == at) fail("a value is expected", at);
    parser_->row(body, capacity, at, end, sink);
    at = skip_json_space(body, end);
    if (at == body.size()) fail("the array does not end", at);
    closed = body[at] == ']';
    if (!closed && body[at] != ',') fail("a comma or a closing bracket is expected", at);
    if (!closed) at = skip_json_space(body, at + 1);
  }
  at = skip_json_space(body, at + 1);
  if (at != body.size()) fail("nothing may follow the array", at);
}

void JsonRows::parse_object(std::string_view object, RowSink& sink) {
  const size_t start = skip_json_space(object, 0);
  size_t end = object.size();
  while (end > start && is_json_space(object[end - 1])) --end;
  parser_->row(object, object.size(), start, end, sink);
}

void JsonRows::parse_lines(std::string_view body, size_t capacity, RowSink& sink) {
  for (size_t at = byte_order_mark(body); at < body.size();) {
    const size_t found = body.find('\n', at);
    const size_t line_end = found == std::string_view::npos ? body.size() : found;
    size_t start = at;
    size_t end = line_end;
    while (start < end && is_json_space(body[start])) ++start;
    while (start < end && is_json_space(body[end - 1])) --end;
    if (start != end) parser_->row(body, capacity, start, end, sink);
    at = line_end + 1;
  }
}

}  // namespace headrace
