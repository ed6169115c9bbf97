#include "http/query.h"

#include <charconv>

#include "fmt/format.h"

namespace headrace {
namespace {

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

struct Suffix {
  std::string_view text;
  ScanFilter::Compare compare;
};

constexpr Suffix kSuffixes[] = {
    {".eq", ScanFilter::Compare::kEqual},           {".gt", ScanFilter::Compare::kGreater},
    {".gte", ScanFilter::Compare::kGreaterOrEqual}, {".lt", ScanFilter::Compare::kLess},
    {".lte", ScanFilter::Compare::kLessOrEqual},
};

ScanFilter to_filter(QueryParameter parameter) {
  for (const Suffix& suffix : kSuffixes) {
    if (parameter.name.size() > suffix.text.size() && parameter.name.ends_with(suffix.text)) {
      parameter.name.resize(parameter.name.size() - suffix.text.size());
      return {std::move(parameter.name), suffix.compare, std::move(parameter.value)};
    }
  }
  if (parameter.name.empty()) throw Error(Code::kInvalid, "a query parameter has no name; write column=value");
  return {std::move(parameter.name), ScanFilter::Compare::kEqual, std::move(parameter.value)};
}

}  // namespace

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    if (byte == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (byte != '%') {
      out.push_back(byte);
    } else {
      const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
      if (high < 0 || low < 0) {
        throw Error(Code::kInvalid,
                    fmt::format("\"{}\" has a % that two hexadecimal digits do not follow; write %25 for a % sign",
                                text.substr(0, 200)));
      }
      out.push_back(static_cast<char>(high * 16 + low));
      at += 2;
    }
  }
  return out;
}

std::vector<QueryParameter> parse_query(std::string_view query, const HttpLimits& limits) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    if (parameters.size() == limits.query_parameters_max) {
      throw Error(Code::kTooLarge, fmt::format("the URL has more than {} parameters", limits.query_parameters_max));
    }
    const size_t equals = one.find('=');
    parameters.push_back({percent_decode(one.substr(0, equals), true),
                          equals == std::string_view::npos ? "" : percent_decode(one.substr(equals + 1), true)});
  }
  return parameters;
}

std::optional<std::string> find_parameter(const std::vector<QueryParameter>& parameters, std::string_view name) {
  std::optional<std::string> found;
  for (const QueryParameter& parameter : parameters) {
    if (parameter.name != name) continue;
    if (found) throw Error(Code::kInvalid, fmt::format("the parameter \"{}\" is there twice", name));
    found = parameter.value;
  }
  return found;
}

int64_t integer_parameter(std::string_view name, std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    throw Error(Code::kInvalid, max == INT64_MAX
                                    ? fmt::format("{}: \"{}\" is not an integer from {} up", name, text, min)
                                    : fmt::format("{}: \"{}\" is not an integer from {} to {}", name, text, min, max));
  }
  return value;
}

ScanRequest parse_scan(std::string_view query, const HttpLimits& limits) {
  ScanRequest request;
  request.limit = limits.rows_default;
  std::vector<QueryParameter> parameters = parse_query(query, limits);
  if (const auto limit = find_parameter(parameters, "limit")) {
    request.limit = static_cast<size_t>(integer_parameter("limit", *limit, 1, static_cast<int64_t>(limits.rows_max)));
  }
  if (const auto cursor = find_parameter(parameters, "cursor")) request.cursor = *cursor;
  for (QueryParameter& parameter : parameters) {
    if (parameter.name == "limit" || parameter.name == "cursor") continue;
    request.filters.push_back(to_filter(std::move(parameter)));
  }
  return request;
}

}  // namespace headrace
