// HTTP/1.1's grammar, by Beast's parser, into a Request whose texts are views into the connection's buffer. What could
// be read in two ways is refused, because a proxy in front might read it in the other: folded header lines, two
// lengths, transfer codings other than chunked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "boost/beast/http/basic_parser.hpp"
#include "http/limits.h"
#include "http/problem.h"
#include "http/request.h"

namespace headrace {

struct ParseFailure {
  ProblemKind kind;
  std::string detail;
};

// For one request; not to be moved.
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  using error_code = boost::beast::error_code;
  using text = boost::beast::string_view;

  RequestParser(Request& request, const HttpLimits& limits);

  // `header` ends with the empty line. Fills the request up to its body.
  std::optional<ParseFailure> parse_header(std::string_view header);

  // Takes bytes of a chunked body off the front of `bytes` and appends their payload to `payload`, as far as whole
  // lines allow. True at the end of the body.
  bool parse_chunks(std::string_view& bytes, std::string& payload, std::optional<ParseFailure>& failure);

 private:
  void on_request_impl(boost::beast::http::verb, text method, text target, int version, error_code&) override;
  void on_response_impl(int, text, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, text name, text value, error_code&) override;
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text body, error_code&) override;
  void on_finish_impl(error_code&) override {}

  ParseFailure failure_of(const error_code& failure) const;

  Request& request_;
  const HttpLimits& limits_;
  std::string_view header_;
  std::string* payload_ = nullptr;
  bool too_many_fields_ = false;
  bool in_header_ = true;
};

// The length of the header at the front of `bytes`, or 0 while its end is not there. `searched` remembers how far was
// looked, so that a header that trickles in is not searched again and again.
size_t find_header_end(std::string_view bytes, size_t& searched);

}  // namespace headrace
