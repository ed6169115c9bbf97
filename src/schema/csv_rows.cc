#include "schema/csv_rows.h"

#include <algorithm>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "fmt/format.h"
#include "schema/cell.h"
#include "schema/text_form.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

// The first comma, line feed or quote at or after `at`. Fields are short, so sixteen bytes at a time are mostly one
// step.
const char* find_stop(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i comma = _mm_set1_epi8(',');
  const __m128i line = _mm_set1_epi8('\n');
  const __m128i quote = _mm_set1_epi8('"');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, line)),
                                       _mm_cmpeq_epi8(bytes, quote));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stops));
    if (mask != 0) return at + std::countr_zero(mask);
  }
#endif
  while (at != end && *at != ',' && *at != '\n' && *at != '"') ++at;
  return at;
}

enum class FieldEnd : uint8_t { kComma, kLine, kBody };

struct Field {
  std::string_view text;  // without quotes; doubled quotes made single
  const char* start;      // in the body, with its quote
  bool quoted;
  FieldEnd end;
};

// Takes fields off a body one after another. A quote in a wrong place is a fault, and next() is then false.
class FieldReader {
 public:
  FieldReader(std::string_view body, size_t at) : begin_(body.data()), at_(begin_ + at), end_(begin_ + body.size()) {}

  bool empty() const { return at_ == end_; }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  void move_to(size_t position) { at_ = begin_ + position; }
  // The fault after next() was false.
  const char* wrong() const { return wrong_; }
  size_t wrong_position() const { return static_cast<size_t>(wrong_at_ - begin_); }

  bool next(Field& field) {
    if (at_ != end_ && *at_ == '"') return quoted(field);
    const char* stop = find_stop(at_, end_);
    if (stop != end_ && *stop == '"') [[unlikely]]
      return fail("a quote stands inside of a field that is not quoted; quote the whole field and double the quote",
                  stop);
    field.start = at_;
    field.quoted = false;
    field.text = {at_, static_cast<size_t>(stop - at_)};
    return finish(field, stop);
  }

 private:
  bool fail(const char* wrong, const char* at) {
    wrong_ = wrong;
    wrong_at_ = at;
    return false;
  }

  // `stop` is a comma, a line feed or the end.
  bool finish(Field& field, const char* stop) {
    if (stop == end_) {
      at_ = end_;
      field.end = FieldEnd::kBody;
    } else {
      at_ = stop + 1;
      field.end = *stop == ',' ? FieldEnd::kComma : FieldEnd::kLine;
    }
    if (field.end != FieldEnd::kComma && !field.quoted && field.text.ends_with('\r')) field.text.remove_suffix(1);
    return true;
  }

  bool quoted(Field& field) {
    const char* open = at_;
    field.start = open;
    field.quoted = true;
    const char* from = open + 1;
    bool doubled = false;
    while (true) {
      const auto* close = static_cast<const char*>(std::memchr(from, '"', static_cast<size_t>(end_ - from)));
      if (close == nullptr) return fail("the quoted field that starts here does not end", open);
      if (close + 1 != end_ && close[1] == '"') {
        if (!doubled) unescaped_.clear();
        doubled = true;
        unescaped_.append(from, close + 1);
        from = close + 2;
        continue;
      }
      if (doubled) unescaped_.append(from, close);
      field.text =
          doubled ? std::string_view(unescaped_) : std::string_view(open + 1, static_cast<size_t>(close - open - 1));
      const char* stop = close + 1;
      if (stop != end_ && *stop == '\r' && (stop + 1 == end_ || stop[1] == '\n')) ++stop;
      if (stop != end_ && *stop != ',' && *stop != '\n') {
        return fail("a comma or the end of the line is expected after the closing quote", stop);
      }
      return finish(field, stop);
    }
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* wrong_ = nullptr;
  const char* wrong_at_ = nullptr;
  std::string unescaped_;
};

class CsvParser {
 public:
  CsvParser(std::string_view body, size_t at, const std::vector<int>& header, const RowShape& shape, RowSink& sink)
      : body_(body), header_(header), shape_(shape), sink_(sink), fields_(body, at) {
    std::vector<uint8_t> named(shape.size(), 0);
    for (const int column : header) named[static_cast<size_t>(column)] = 1;
    for (size_t column = 0; column < shape.size(); ++column) {
      if (named[column] == 0) missing_.push_back(column);
    }
  }

  void run() {
    while (!fields_.empty()) {
      const size_t start = fields_.position();
      if (skip_blank_line()) continue;
      sink_.begin(start);
      if (row(start)) {
        for (const size_t column : missing_) sink_.fill(column);
        sink_.end();
      } else {
        sink_.drop(without_line_end(body_.substr(start, fields_.position() - start)));
      }
    }
  }

 private:
  // With one column, an empty line is a row: NULL.
  bool skip_blank_line() {
    const size_t at = fields_.position();
    const std::string_view rest = body_.substr(at, 2);
    if (header_.size() == 1 || (!rest.starts_with('\n') && rest != "\r\n" && rest != "\r")) return false;
    fields_.move_to(at + (rest.starts_with('\n') ? 1 : rest.size()));
    return true;
  }

  static std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  size_t position_of(const Field& field) const { return static_cast<size_t>(field.start - body_.data()); }

  // Reads one line. When it is bad, leaves the reader at the start of the next one.
  bool row(size_t start) {
    Field field;
    size_t index = 0;
    do {
      if (!fields_.next(field)) [[unlikely]]
        return broken_line();
      if (index < header_.size() && !cell(static_cast<size_t>(header_[index]), field)) [[unlikely]]
        return skip_line(field);
      ++index;
    } while (field.end == FieldEnd::kComma);
    const size_t bytes = fields_.position() - start;
    if (!sink_.fits(bytes, start)) return false;
    if (index == header_.size()) [[likely]]
      return true;
    return sink_.fault(
        fmt::format("the row has {} field{}, but the header has {}", index, index == 1 ? "" : "s", header_.size()),
        start);
  }

  bool cell(size_t index, const Field& field) {
    ColumnData& column = sink_.column(index);
    if (field.text.empty() && !field.quoted) {
      if (!shape_.column(index).nullable) {
        return sink_.fault(index, "the field is empty, which is NULL, and the column is NOT NULL", position_of(field));
      }
      column.append_null();
      return true;
    }
    if (append_cell(field.text, CellForm::kCsv, column, sink_.arena())) [[likely]]
      return true;
    return sink_.fault(index, cell_fault(field.text, quoted(field.text), shape_.column(index).type),
                       position_of(field));
  }

  // After a cell that is no value: the rest of the line is still a line.
  bool skip_line(Field& field) {
    while (field.end == FieldEnd::kComma) {
      if (!fields_.next(field)) {
        move_behind_line(fields_.wrong_position());
        break;
      }
    }
    return false;
  }

  // After a quote in a wrong place nobody knows where the row ends; it is taken to end with that line.
  bool broken_line() {
    const size_t wrong = fields_.wrong_position();
    sink_.fault(fields_.wrong(), wrong);
    move_behind_line(wrong);
    return false;
  }

  void move_behind_line(size_t from) {
    const size_t line_end = body_.find('\n', from);
    fields_.move_to(line_end == std::string_view::npos ? body_.size() : line_end + 1);
  }

  std::string_view body_;
  const std::vector<int>& header_;
  const RowShape& shape_;
  RowSink& sink_;
  FieldReader fields_;
  std::vector<size_t> missing_;
};

}  // namespace

size_t csv_line_end(std::string_view body, size_t at) {
  FieldReader fields(body, at == 0 ? byte_order_mark(body) : at);
  Field field;
  do {
    if (!fields.next(field)) {
      throw Error(Code::kInvalid, fmt::format("the header: {}", fields.wrong()),
                  Where{.row = 0, .position = static_cast<int64_t>(fields.wrong_position())});
    }
  } while (field.end == FieldEnd::kComma);
  return fields.position();
}

std::vector<int> read_csv_header(std::string_view line, const RowShape& shape) {
  const auto fail = [](const std::string& wrong, std::string_view column, size_t position) {
    throw Error(Code::kInvalid, fmt::format("the header: {}", wrong),
                Where{.row = 0, .column = std::string(column), .position = static_cast<int64_t>(position)});
  };
  csv_line_end(line, 0);
  std::vector<int> header;
  std::vector<uint8_t> named(shape.size(), 0);
  FieldReader fields(line, byte_order_mark(line));
  Field field;
  do {
    if (!fields.next(field)) fail(fields.wrong(), "", fields.wrong_position());
    const auto position = static_cast<size_t>(field.start - line.data());
    const std::optional<size_t> column = shape.find(field.text);
    if (!column) {
      fail(shape.unknown(field.text) + "; the first line of a CSV file names the columns", field.text, position);
    }
    if (named[*column]++ != 0) fail(fmt::format("column \"{}\" is named twice", field.text), field.text, position);
    header.push_back(static_cast<int>(*column));
  } while (field.end == FieldEnd::kComma);
  for (size_t column = 0; column < shape.size(); ++column) {
    if (named[column] == 0 && shape.required(column)) {
      const std::string& name = shape.column(column).name;
      fail(fmt::format("column \"{}\" is NOT NULL and has no default, but the file does not have it", name), name, 0);
    }
  }
  return header;
}

void parse_csv_rows(std::string_view body, size_t at, const std::vector<int>& header, const RowShape& shape,
                    RowSink& sink) {
  CsvParser(body, at, header, shape, sink).run();
}

}  // namespace headrace
