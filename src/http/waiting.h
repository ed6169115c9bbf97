// Read your writes: waiting until views have applied what tokens stand for.
#pragma once

#include <string_view>
#include <vector>

#include "flow/frontier.h"
#include "http/call.h"

namespace headrace {

// Tokens separated by blanks or a blank and a comma, as `Headrace-After` and a page's `frontier` have them. Throws
// Error(kInvalid).
std::vector<Token> parse_tokens(std::string_view text);

// Waits for what `Headrace-After` of the request names, for as long as `Prefer: wait` says. Throws Error(kTimeout) when
// `view` has not applied it by then.
awaitable<void> wait_for_writes(HttpCall& call, std::string view);

}  // namespace headrace
