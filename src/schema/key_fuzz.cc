// Any bytes as a key and as a stored value of any type: reading ends with a value or with Error(kCorrupt), and what was
// read as a key and is written again is read as an equal value.
#include <cstdlib>

#include "base/error.h"
#include "schema/key.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  if (size < 2) return 0;
  constexpr int kKinds = static_cast<int>(Kind::kArray) + 1;
  const Type type{.kind = static_cast<Kind>(data[0] % kKinds), .element = static_cast<Kind>(data[1] % (kKinds - 1))};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    std::string_view left = bytes;
    const Value value = take_key(left, type);
    std::string key;
    append_key(key, value, type);
    std::string_view again = key;
    if (compare(take_key(again, type), value, type) != 0) std::abort();
  } catch (const Error& error) {
    if (error.code() != Code::kCorrupt) std::abort();
  }
  try {
    std::string_view left = bytes;
    const Value value = take_value(left, type);
    std::string stored;
    append_value(stored, value, type);
  } catch (const Error& error) {
    if (error.code() != Code::kCorrupt) std::abort();
  }
  return 0;
}
