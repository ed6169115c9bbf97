// Functions of text. They count characters, not bytes.
#include "flow/functions_table.h"

namespace headrace {

using enum Kind;

void add_text_functions(FunctionTable& table) {
  const auto add = [&](std::string_view name, std::vector<Kind> parameters, Kind result, std::string_view description) {
    table.push_back({.name = name, .parameters = std::move(parameters), .result = result, .description = description});
  };
  add("||", {kText, kText}, kText, "both texts, one after the other; what is not text is cast to it");
  add("||", {kBytea, kBytea}, kBytea, "both byte strings, one after the other");
  add("length", {kText}, kInteger, "number of characters");
  add("length", {kBytea}, kInteger, "number of bytes");
  add("char_length", {kText}, kInteger, "number of characters");
  add("character_length", {kText}, kInteger, "number of characters");
  add("octet_length", {kText}, kInteger, "number of bytes");
  add("octet_length", {kBytea}, kInteger, "number of bytes");
  add("lower", {kText}, kText, "in lower case");
  add("upper", {kText}, kText, "in upper case");
  add("btrim", {kText}, kText, "without spaces at both ends; also trim(both from text)");
  add("btrim", {kText, kText}, kText, "without the given characters at both ends");
  add("ltrim", {kText}, kText, "without spaces at the beginning");
  add("ltrim", {kText, kText}, kText, "without the given characters at the beginning");
  add("rtrim", {kText}, kText, "without spaces at the end");
  add("rtrim", {kText, kText}, kText, "without the given characters at the end");
  for (const std::string_view name : {"substring", "substr"}) {
    add(name, {kText, kInteger}, kText, "from a character, counted from 1, to the end");
    add(name, {kText, kInteger, kInteger}, kText, "from a character, counted from 1, so many characters");
  }
  add("left", {kText, kInteger}, kText, "the first characters; negative: all but so many at the end");
  add("right", {kText, kInteger}, kText, "the last characters; negative: all but so many at the beginning");
  add("replace", {kText, kText, kText}, kText, "with every occurrence of the second argument replaced by the third");
  add("split_part", {kText, kText, kInteger}, kText,
      "the n-th field between delimiters, from 1; negative: from the end");
  add("position", {kText, kText}, kInteger, "where the second text begins in the first, from 1; 0: it does not");
  add("strpos", {kText, kText}, kInteger, "where the second text begins in the first, from 1; 0: it does not");
  add("starts_with", {kText, kText}, kBoolean, "whether the first text begins with the second");
  add("reverse", {kText}, kText, "the characters in reverse order");
  add("repeat", {kText, kInteger}, kText, "so many times, one after the other");
  add("lpad", {kText, kInteger}, kText, "filled with spaces at the beginning, or cut, to so many characters");
  add("lpad", {kText, kInteger, kText}, kText, "filled with a text at the beginning, or cut, to so many characters");
  add("rpad", {kText, kInteger}, kText, "filled with spaces at the end, or cut, to so many characters");
  add("rpad", {kText, kInteger, kText}, kText, "filled with a text at the end, or cut, to so many characters");
  table.push_back({.name = "concat",
                   .parameters = {kText},
                   .result = kText,
                   .strict = false,
                   .description = "the texts of all arguments, one after the other; NULLs are left out",
                   .variadic = true,
                   .polymorphic = Function::Polymorphic::kAny});
  table.push_back(
      {.name = "concat_ws",
       .parameters = {kText, kText},
       .result = kText,
       .strict = false,
       .description = "the texts of all arguments but the first, with the first between them; NULLs are left out",
       .variadic = true,
       .polymorphic = Function::Polymorphic::kAny});
}

}  // namespace headrace
