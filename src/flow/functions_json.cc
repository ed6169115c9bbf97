// A look into JSON documents. The part is a view into the whole: parts of canonical JSON are canonical.
#include "flow/functions_document.h"
#include "flow/functions_kernel.h"

namespace headrace {

using enum Kind;

namespace {

template <typename Key>
std::optional<std::string_view> part(std::string_view document, const Key& key) {
  if constexpr (std::is_same_v<Key, int64_t>)
    return document_element(document, key);
  else
    return document_member(document, key);
}

template <typename Key>
void part_as_document(const Call& call, ColumnData& result) {
  const Argument<std::string_view> documents(call, 0);
  const Argument<Key> keys(call, 1);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    if (const auto found = part(documents[row], keys[row])) {
      result.bytes[row] = *found;
    } else {
      result.set_null(row);
    }
  }
  keep_buffers(call, result);
}

template <typename Key>
void part_as_text(const Call& call, ColumnData& result) {
  const Argument<std::string_view> documents(call, 0);
  const Argument<Key> keys(call, 1);
  Arena arena;
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.skipped(row)) continue;
    const auto found = part(documents[row], keys[row]);
    if (!found || *found == "null") {
      result.set_null(row);
      continue;
    }
    text.clear();
    if (found->starts_with('"')) {
      append_unescaped(text, *found);
    } else {
      append_document_text(text, *found);
    }
    if (text.size() > kValueBytesMax) {
      fail(call, result, row, kTooLong);
    } else {
      result.bytes[row] = arena.add(text);
    }
  }
  result.buffers.push_back(arena.buffer());
}

}  // namespace

void add_json_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, Kind key, Kind result, auto evaluate, std::string_view description) {
    table.push_back({.name = name,
                     .parameters = {kJsonb, key},
                     .result = result,
                     .evaluate = evaluate,
                     .description = description});
  };
  add("->", kText, kJsonb, part_as_document<std::string_view>, "the value of a field; NULL if there is none");
  add("->", kInteger, kJsonb, part_as_document<int64_t>, "an element, from 0, or from the end; NULL if there is none");
  add("->>", kText, kText, part_as_text<std::string_view>, "the value of a field as text");
  add("->>", kInteger, kText, part_as_text<int64_t>, "an element, from 0, or from the end, as text");
}

}  // namespace headrace
