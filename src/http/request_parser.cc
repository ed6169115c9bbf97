#include "http/request_parser.h"

#include <algorithm>

#include "boost/beast/http/error.hpp"
#include "fmt/format.h"

namespace headrace {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
    case http::verb::head: return Method::kGet;
    case http::verb::post: return Method::kPost;
    case http::verb::put: return Method::kPut;
    case http::verb::delete_: return Method::kDelete;
    case http::verb::options: return Method::kOptions;
    default: return Method::kOther;
  }
}

}  // namespace

RequestParser::RequestParser(Request& request, const HttpLimits& limits) : request_(request), limits_(limits) {
  header_limit(static_cast<uint32_t>(limits.header_bytes_max + 1));
  body_limit(limits.body_bytes_max);
}

std::optional<ParseFailure> RequestParser::parse_header(std::string_view header) {
  header_ = header;
  error_code failure;
  put(boost::asio::const_buffer(header.data(), header.size()), failure);
  in_header_ = false;
  if (failure) return failure_of(failure);
  if (!is_header_done()) return ParseFailure{problems::kBadRequest, "the header is not complete"};

  request_.keep_alive = request_.http_1_1 && keep_alive();
  request_.chunked = chunked();
  if (const auto length = content_length()) request_.content_length = *length;
  const std::string_view coding = request_.header("Transfer-Encoding");
  if (!coding.empty() && (!request_.http_1_1 || !equals_ignoring_case(coding, "chunked"))) {
    return ParseFailure{problems::kTransferCoding, fmt::format("the transfer coding \"{}\" is not known", coding)};
  }
  return std::nullopt;
}

bool RequestParser::parse_chunks(std::string_view& bytes, std::string& payload, std::optional<ParseFailure>& failure) {
  payload_ = &payload;
  eager(true);
  error_code problem;
  const size_t used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), problem);
  bytes.remove_prefix(used);
  payload_ = nullptr;
  if (problem && problem != http::error::need_more) failure = failure_of(problem);
  return is_done();
}

void RequestParser::on_request_impl(http::verb verb, text method, text target, int version, error_code& failure) {
  request_.method = method_of(verb);
  request_.head = verb == http::verb::head;
  request_.method_text = view(method);
  request_.http_1_1 = version == 11;
  std::string_view rest = view(target);
  // The absolute form, which RFC 9112 section 3.2.2 asks servers to take.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!rest.starts_with(scheme)) continue;
    rest.remove_prefix(std::min(rest.find('/', scheme.size()), rest.size()));
    if (rest.empty()) rest = "/";
  }
  if (!rest.starts_with('/')) failure = make_error_code(http::error::bad_target);
  const size_t question = rest.find('?');
  request_.path = rest.substr(0, question);
  request_.query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
}

void RequestParser::on_field_impl(http::field, text name, text value, error_code& failure) {
  if (!in_header_) return;  // a trailer: nothing here uses them
  if (request_.headers.size() == limits_.header_fields_max) {
    too_many_fields_ = true;
    failure = make_error_code(http::error::header_limit);
    return;
  }
  const bool is_folded =
      !value.empty() && (value.data() < header_.data() || value.data() >= header_.data() + header_.size());
  if (is_folded) {
    failure = make_error_code(http::error::bad_obs_fold);
    return;
  }
  request_.headers.push_back({view(name), view(value)});
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, text body, error_code&) {
  payload_->append(body.data(), body.size());
  return body.size();
}

ParseFailure RequestParser::failure_of(const error_code& failure) const {
  if (failure == http::error::header_limit) {
    return {problems::kHeaderTooLarge, too_many_fields_
                                           ? fmt::format("there are more than {} fields", limits_.header_fields_max)
                                           : fmt::format("it is longer than {} bytes", limits_.header_bytes_max)};
  }
  if (failure == http::error::body_limit) {
    return {{"too-large", info(Code::kTooLarge).title, 413},
            fmt::format("the body is longer than {} bytes; send it in several requests", limits_.body_bytes_max)};
  }
  if (failure == http::error::bad_version) return {problems::kVersion, "the request line does not end in HTTP/1.1"};
  return {problems::kBadRequest, failure.message()};
}

size_t find_header_end(std::string_view bytes, size_t& searched) {
  const size_t from = searched > 3 ? searched - 3 : 0;
  const size_t end = bytes.find("\r\n\r\n", from);
  searched = bytes.size();
  return end == std::string_view::npos ? 0 : end + 4;
}

}  // namespace headrace
