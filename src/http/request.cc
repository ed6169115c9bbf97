#include "http/request.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
}

// Calls `f` for each element of a list separated by `separator`, without blanks around it.
template <typename F>
void for_each_element(std::string_view list, char separator, F f) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    if (const std::string_view element = trim_blanks(list.substr(0, end)); !element.empty()) f(element);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

std::string_view unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// Splits "name=value" at its first '='.
std::pair<std::string_view, std::string_view> split_assignment(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, {}};
  return {trim_blanks(text.substr(0, equals)), unquote(trim_blanks(text.substr(equals + 1)))};
}

// A quality of RFC 9110 section 12.4.2 in thousandths; 0 for what is not one.
int parse_quality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int quality = (text[0] - '0') * 1000;
  int place = 100;
  for (size_t at = 2; at < text.size(); ++at, place /= 10) {
    if (text[at] < '0' || text[at] > '9') return 0;
    quality += (text[at] - '0') * place;
  }
  return std::min(quality, 1000);
}

// How exactly a media range matches a type: 0 not at all, 1 for */*, 2 for type/*, 3 for the type itself.
int match_media_range(std::string_view range, std::string_view type) {
  if (range == "*/*") return 1;
  if (range.ends_with("/*")) {
    return equals_ignoring_case(range.substr(0, range.size() - 1), type.substr(0, type.find('/') + 1)) ? 2 : 0;
  }
  return equals_ignoring_case(range, type) ? 3 : 0;
}

int quality_of(std::string_view accept, std::string_view type) {
  int quality = 0;
  int best_match = 0;
  for_each_element(accept, ',', [&](std::string_view element) {
    const std::string_view range = trim_blanks(element.substr(0, element.find(';')));
    const int match = match_media_range(range, type);
    if (match <= best_match) return;
    best_match = match;
    quality = 1000;
    for_each_element(element.substr(std::min(range.size(), element.size())), ';', [&](std::string_view parameter) {
      const auto [name, value] = split_assignment(parameter);
      if (equals_ignoring_case(name, "q")) quality = parse_quality(value);
    });
  });
  return quality;
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet: return "GET";
    case Method::kPost: return "POST";
    case Method::kPut: return "PUT";
    case Method::kDelete: return "DELETE";
    case Method::kOptions: return "OPTIONS";
    case Method::kOther: break;
  }
  return "another method";
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view Request::header(std::string_view name) const {
  for (const HeaderField& field : headers) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

bool Request::has_header(std::string_view name) const {
  return std::ranges::any_of(headers, [&](const HeaderField& field) { return equals_ignoring_case(field.name, name); });
}

std::optional<std::chrono::milliseconds> preferred_wait(const Request& request, const HttpLimits& limits) {
  std::optional<std::chrono::milliseconds> wait;
  for (const HeaderField& field : request.headers) {
    if (!equals_ignoring_case(field.name, "Prefer")) continue;
    for_each_element(field.value, ',', [&](std::string_view element) {
      const auto [name, value] = split_assignment(trim_blanks(element.substr(0, element.find(';'))));
      if (!equals_ignoring_case(name, "wait") || wait) return;
      int64_t seconds = 0;
      const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (failure != std::errc() || end != value.data() + value.size() || seconds < 0) {
        throw Error(Code::kInvalid, fmt::format("Prefer: \"{}\" should be wait=SECONDS, such as wait=5", element));
      }
      const auto most = std::chrono::duration_cast<std::chrono::seconds>(limits.wait_max).count();
      wait = std::chrono::seconds(std::min<int64_t>(seconds, most));
    });
  }
  return wait;
}

std::string body_media_type(const Request& request) {
  const std::string_view field = request.header("Content-Type");
  const size_t end = std::min(field.find(';'), field.size());
  std::string type(trim_blanks(field.substr(0, end)));
  std::ranges::transform(type, type.begin(), lower);
  for_each_element(field.substr(end), ';', [&](std::string_view parameter) {
    const auto [name, value] = split_assignment(parameter);
    if (!equals_ignoring_case(name, "charset")) return;
    if (!equals_ignoring_case(value, "utf-8") && !equals_ignoring_case(value, "us-ascii")) type = field;
  });
  return type;
}

std::string_view negotiate(std::string_view accept, std::span<const std::string_view> offered) {
  if (trim_blanks(accept).empty()) return offered.front();
  std::string_view best = offered.front();
  int best_quality = 0;
  for (const std::string_view type : offered) {
    const int quality = quality_of(accept, type);
    if (quality > best_quality) {
      best_quality = quality;
      best = type;
    }
  }
  return best;
}

}  // namespace headrace
