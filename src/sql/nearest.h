// "Did you mean": the name that was probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace headrace {

// The candidate that the fewest edits (insert, delete, replace, swap neighbours) lead to, ignoring case, or empty if
// none is within a third of the name's length (at least one).
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

// `; did you mean "x"?` or empty.
std::string suggestion(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace headrace
