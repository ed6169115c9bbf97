#include "schema/key_json.h"

#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "schema/json_cursor.h"
#include "schema/json_form.h"
#include "schema/json_text.h"
#include "schema/key.h"
#include "schema/key_bytes.h"
#include "schema/key_number.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

// What a jsonb value is, in PostgreSQL's order. A document that is a scalar counts as an array of one element that is
// below the real array of that element; hence an empty array is below every scalar, as it is in PostgreSQL.
constexpr char kNull = 1;
constexpr char kString = 2;
constexpr char kNumber = 3;
constexpr char kFalse = 4;
constexpr char kTrue = 5;
constexpr char kArray = 6;
constexpr char kObject = 7;

constexpr char kElementFollows = 1;
constexpr char kNoMoreElements = 0;

class JsonbKeyWriter {
 public:
  JsonbKeyWriter(std::string& out, std::string_view json) : out_(out), cursor_(json) {}

  void document() {
    const char first = cursor_.peek();
    if (first != '[' && first != '{') begin_array(1, true);
    value(0);
    if (!cursor_.at_end() || cursor_.fault().reason != nullptr) {
      throw Error(Code::kInvalid,
                  "a jsonb value is not JSON; it must be read with parse_text or append_canonical_json");
    }
  }

 private:
  void count(uint32_t elements) {
    char buffer[sizeof elements];
    store_big_endian(buffer, elements);
    out_.append(buffer, sizeof buffer);
  }

  void begin_array(uint32_t elements, bool scalar) {
    out_.push_back(kArray);
    count(elements);
    out_.push_back(scalar ? 0 : 1);
  }

  void value(int depth) {
    switch (cursor_.peek()) {
      case '{': return container(true, depth);
      case '[': return container(false, depth);
      case '"': out_.push_back(kString); return string();
      case 't': return word("true", kTrue);
      case 'f': return word("false", kFalse);
      case 'n': return word("null", kNull);
      default: break;
    }
    std::string_view token;
    cursor_.number(token);
    out_.push_back(kNumber);
    append_number_key(out_, token);
  }

  void word(std::string_view text, char tag) {
    cursor_.word(text);
    out_.push_back(tag);
  }

  void string() {
    text_.clear();
    cursor_.string(text_);
    append_bytes_key(out_, text_);
  }

  // The number of elements is known at the end only; it is written over the four bytes left for it.
  void container(bool object, int depth) {
    if (depth >= kJsonDepthMax) {
      cursor_.fail("the document is nested too deeply");
      return;
    }
    const size_t start = out_.size();
    uint32_t elements = 0;
    if (object) {
      out_.push_back(kObject);
      count(0);
    } else {
      begin_array(0, false);
    }
    cursor_.take(object ? '{' : '[');
    if (!cursor_.take(object ? '}' : ']')) {
      do {
        if (object) {
          string();
          cursor_.take(':');
        }
        value(depth + 1);
        ++elements;
      } while (cursor_.take(','));
      cursor_.take(object ? '}' : ']');
    }
    store_big_endian(out_.data() + start + 1, elements);
  }

  std::string& out_;
  JsonCursor cursor_;
  std::string text_;
};

class JsonbKeyReader {
 public:
  JsonbKeyReader(std::string_view& bytes, std::string& json) : bytes_(bytes), json_(json) {}

  void value(int depth) {
    const char tag = byte();
    switch (tag) {
      case kNull: json_.append("null"); return;
      case kFalse: json_.append("false"); return;
      case kTrue: json_.append("true"); return;
      case kString: return string();
      case kNumber: return take_number_key(bytes_, json_);
      case kArray:
      case kObject: return container(tag == kObject, depth);
      default: fail("a jsonb value in a key has no such type");
    }
  }

 private:
  [[noreturn]] void fail(const char* what) const { Reader(bytes_).fail(what); }

  char byte() {
    if (bytes_.empty()) fail("the input ends too early");
    const char result = bytes_.front();
    bytes_.remove_prefix(1);
    return result;
  }

  void string() {
    std::string text;
    take_bytes_key(bytes_, text);
    if (!valid_text(text)) fail("a string of a jsonb value in a key is not UTF-8");
    append_json_string(json_, text);
  }

  void container(bool object, int depth) {
    if (depth >= kJsonDepthMax) fail("a jsonb value in a key is nested too deeply");
    if (bytes_.size() < sizeof(uint32_t)) fail("the input ends too early");
    const auto elements = load_big_endian<uint32_t>(bytes_.data());
    bytes_.remove_prefix(sizeof elements);
    const bool scalar = !object && byte() == 0;
    if (scalar) {
      if (depth != 0 || elements != 1 || bytes_.empty() || bytes_.front() >= kArray) {
        fail("a scalar in a key is not alone");
      }
      return value(depth + 1);
    }
    json_.push_back(object ? '{' : '[');
    for (uint32_t i = 0; i < elements; ++i) {
      if (i != 0) json_.push_back(',');
      if (object) {
        string();
        json_.push_back(':');
      }
      value(depth + 1);
    }
    json_.push_back(object ? '}' : ']');
  }

  std::string_view& bytes_;
  std::string& json_;
};

}  // namespace

void append_jsonb_key(std::string& out, std::string_view json) {
  JsonbKeyWriter(out, json).document();
}

void take_jsonb_key(std::string_view& bytes, std::string& json) {
  JsonbKeyReader(bytes, json).value(0);
}

void append_array_key(std::string& out, std::string_view json, Kind element) {
  const Type type{.kind = element};
  for (const Value& value : array_elements(json, element)) {
    out.push_back(kElementFollows);
    append_key(out, value, type);
  }
  out.push_back(kNoMoreElements);
}

void take_array_key(std::string_view& bytes, Kind element, std::string& json) {
  const Type type{.kind = element};
  std::vector<Value> elements;
  while (true) {
    if (bytes.empty()) Reader(bytes).fail("an array in a key has no end");
    const char mark = bytes.front();
    bytes.remove_prefix(1);
    if (mark == kNoMoreElements) break;
    if (mark != kElementFollows) Reader(bytes).fail("an array in a key has a wrong mark");
    elements.push_back(take_key(bytes, type));
  }
  const size_t start = json.size();
  json.append(array_json(elements, element));
  // Damaged bytes can make elements that no array may hold, such as a date beyond the calendar.
  try {
    array_elements(std::string_view(json).substr(start), element);
  } catch (const Error& error) {
    throw Error(Code::kCorrupt, "an array in a key has a wrong element: " + error.message());
  }
}

}  // namespace headrace
