// Any bytes as the text and as the JSON of any type: what is accepted must print to a text that is read as an equal
// value, and the key of a value must come back as an equal value.
#include <cstdlib>

#include "base/error.h"
#include "schema/json_form.h"
#include "schema/key.h"
#include "schema/value.h"

namespace headrace {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_value(const Value& value, const Type& type) {
  if (is_null(value)) return;
  must(compare(parse_text(to_text(value, type), type), value, type) == 0);
  std::string json;
  append_json(json, value, type);
  const Value again = parse_json(json, type);
  // JSON has one null: a jsonb `null` comes back as SQL's NULL.
  must(is_null(again) ? json == "null" && type.kind == Kind::kJsonb : compare(again, value, type) == 0);
  std::string key;
  append_key(key, value, type);
  std::string_view key_left = key;
  must(compare(take_key(key_left, type), value, type) == 0 && key_left.empty());
  std::string stored;
  append_value(stored, value, type);
  std::string_view stored_left = stored;
  must(compare(take_value(stored_left, type), value, type) == 0 && stored_left.empty());
}

}  // namespace
}  // namespace headrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  if (size < 2) return 0;
  constexpr int kKinds = static_cast<int>(Kind::kArray) + 1;
  Type type{.kind = static_cast<Kind>(data[0] % kKinds), .element = static_cast<Kind>(data[1] % (kKinds - 1))};
  if (type.kind == Kind::kNumeric && data[1] != 0) {
    type.precision = static_cast<uint8_t>(data[1] % Decimal::kDigitsMax + 1);
    type.scale = static_cast<uint8_t>(data[1] / Decimal::kDigitsMax % (type.precision + 1));
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  // An Error is an answer; whatever else escapes is a bug.
  std::optional<Value> value;
  try {
    value = parse_text(text, type);
  } catch (const Error&) {
  }
  if (value) check_value(*value, type);
  value.reset();
  try {
    value = parse_json(text, type);
  } catch (const Error&) {
  }
  if (value) check_value(*value, type);
  return 0;
}
