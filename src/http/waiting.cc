#include "http/waiting.h"

#include "fmt/format.h"
#include "http/services.h"

namespace headrace {
namespace {

constexpr size_t kTokensMax = 64;

}  // namespace

std::vector<Token> parse_tokens(std::string_view text) {
  std::vector<Token> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.ends_with(',')) one.remove_suffix(1);
    if (one.empty()) continue;
    if (tokens.size() == kTokensMax) {
      throw Error(Code::kTooLarge, fmt::format("Headrace-After has more than {} tokens", kTokensMax));
    }
    tokens.push_back(Token::parse(one));
  }
  return tokens;
}

awaitable<void> wait_for_writes(HttpCall& call, std::string view) {
  const std::string_view after = call.request.header("Headrace-After");
  if (after.empty()) co_return;
  const std::vector<Token> tokens = parse_tokens(after);
  const auto wait = preferred_wait(call.request, call.limits).value_or(call.limits.wait_default);
  call.stream.extend(wait);
  const SteadyTime deadline = call.now() + wait;
  for (const Token& token : tokens) {
    if (co_await call.services->views.wait(token, view, deadline)) continue;
    throw Error(Code::kTimeout, fmt::format("the view \"{}\" has not applied {} within {} ms; it is safe to ask again",
                                            view, token.to_string(), wait.count()));
  }
}

}  // namespace headrace
