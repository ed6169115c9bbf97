// The texts of a URL: percent-decoding, query parameters, and the query of a view as a ScanRequest.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/limits.h"
#include "views/views.h"

namespace headrace {

// RFC 3986 percent-decoding; in a query `plus_is_space` as HTML forms have it. Throws Error(kInvalid) for % without two
// hexadecimal digits.
std::string percent_decode(std::string_view text, bool plus_is_space);

struct QueryParameter {
  std::string name;
  std::string value;  // empty too when there was no '='
};

// All parameters in order, decoded. Throws Error(kInvalid) for a bad escape, Error(kTooLarge) beyond the limit.
std::vector<QueryParameter> parse_query(std::string_view query, const HttpLimits& limits);

// The value of `name`, or nullopt. Error(kInvalid) when it is there twice.
std::optional<std::string> find_parameter(const std::vector<QueryParameter>& parameters, std::string_view name);

// A decimal integer within [min, max], or Error(kInvalid) that names the parameter and the bounds.
int64_t integer_parameter(std::string_view name, std::string_view text, int64_t min, int64_t max);

// `limit`, `cursor`, and conditions on key columns: k=, k.eq=, k.gt=, k.gte=, k.lt=, k.lte=. Whether the columns are
// key columns is for the view to say.
ScanRequest parse_scan(std::string_view query, const HttpLimits& limits);

}  // namespace headrace
