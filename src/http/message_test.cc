// Requests' fields, responses on the wire, problem documents, compressed bodies, server-sent events.
#include <zlib.h>
#include <zstd.h>

#include "gtest/gtest.h"
#include "http/content_coding.h"
#include "http/problem.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server_sent_events.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;

Request request_with(std::string_view name, std::string_view value) {
  Request request;
  request.headers.push_back({"Host", "localhost"});
  request.headers.push_back({name, value});
  return request;
}

TEST(RequestTest, FindsHeadersInAnyCase) {
  const Request request = request_with("CONTENT-type", "text/csv");
  EXPECT_EQ(request.header("Content-Type"), "text/csv");
  EXPECT_EQ(request.header("Content-Typ"), "");
}

TEST(RequestTest, ReadsPreferredWait) {
  const HttpLimits limits;
  const auto wait = [&](std::string_view value) { return preferred_wait(request_with("prefer", value), limits); };
  EXPECT_EQ(wait("wait=5"), milliseconds(5000));
  EXPECT_EQ(wait("respond-async, Wait = \"7\"; foo"), milliseconds(7000));
  EXPECT_EQ(wait("wait=100000"), milliseconds(60000));
  EXPECT_EQ(wait("handling=lenient"), std::nullopt);
  EXPECT_EQ(preferred_wait({}, limits), std::nullopt);
  for (const char* bad : {"wait", "wait=", "wait=x", "wait=-1", "wait=1.5"}) EXPECT_THROW(wait(bad), Error) << bad;
}

TEST(RequestTest, ReadsMediaTypes) {
  const auto type = [](std::string_view value) { return body_media_type(request_with("Content-Type", value)); };
  EXPECT_EQ(type("Text/CSV; charset=UTF-8; header=present"), "text/csv");
  EXPECT_EQ(type("application/json"), "application/json");
  EXPECT_EQ(type("text/csv; charset=latin1"), "text/csv; charset=latin1");
  EXPECT_EQ(body_media_type({}), "");
}

TEST(RequestTest, Negotiates) {
  constexpr std::string_view kOffered[] = {"application/json", "application/x-ndjson", "text/csv"};
  const auto best = [&](std::string_view accept) { return negotiate(accept, kOffered); };
  EXPECT_EQ(best(""), "application/json");
  EXPECT_EQ(best("*/*"), "application/json");
  EXPECT_EQ(best("text/csv"), "text/csv");
  EXPECT_EQ(best("text/*"), "text/csv");
  EXPECT_EQ(best("application/json;q=0.5, text/csv;q=0.9"), "text/csv");
  EXPECT_EQ(best("*/*;q=0.1, application/x-ndjson"), "application/x-ndjson");
  EXPECT_EQ(best("text/csv;q=0, */*;q=0.1"), "application/json");
  EXPECT_EQ(best("image/png"), "application/json");
}

TEST(ResponseTest, KeepsHeaderLinesWhole) {
  Response response;
  response.set_header("X", "a\r\nSet-Cookie: b");
  EXPECT_EQ(response.headers, "X: aSet-Cookie: b\r\n");
  response.body = "{}";
  std::string out;
  append_response(out, response, {.head = false, .keep_alive = false, .date = "Date: now\r\n"});
  EXPECT_EQ(
      out,
      "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: application/json\r\nX: aSet-Cookie: b\r\nConnection: close\r\n"
      "Content-Length: 2\r\n\r\n{}");
}

TEST(ProblemTest, TellsTheLineOfAPosition) {
  Response response;
  respond_problem(response, Error(Code::kInvalid, "no \"such\" column", {.position = 9}), "SELECT 1\nx");
  EXPECT_EQ(response.status, 422);
  EXPECT_NE(response.body.find(R"("detail":"no \"such\" column","position":9,"line":2,"line_position":0)"),
            std::string::npos)
      << response.body;
  respond_problem(response, Error(Code::kTimeout, "late"));
  EXPECT_EQ(response.status, 504);
  EXPECT_EQ(response.headers, "Retry-After: 1\r\n");
}

TEST(ProblemTest, ShowsBytesThatAreNotText) {
  std::string out;
  append_json_text(out, "a\xff\xc3\xa9\xc3");
  EXPECT_EQ(out, "\"a\uFFFDé\uFFFD\"");
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string decode(std::string_view coding, std::string_view bytes, size_t piece, size_t room) {
  const auto decoder = make_content_decoder(coding);
  std::string out;
  while (!bytes.empty()) {
    std::string_view one = bytes.substr(0, piece);
    bytes.remove_prefix(one.size());
    size_t made;
    do {
      const size_t before = out.size();
      decoder->decode(one, out, room);
      made = out.size() - before;
      EXPECT_LE(made, room);
    } while (!one.empty() || made == room);
  }
  decoder->finish();
  return out;
}

TEST(ContentCodingTest, DecodesInPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  for (const size_t piece : {1u, 1000u, 1'000'000u}) {
    for (const size_t room : {1000u, 1'000'000u}) {
      EXPECT_EQ(decode("gzip", gzip(text), piece, room), text);
      EXPECT_EQ(decode("zstd", zstd(text), piece, room), text);
      EXPECT_EQ(decode("gzip", gzip("one ") + gzip("two"), piece, room), "one two");
      EXPECT_EQ(decode("zstd", zstd("one ") + zstd("two"), piece, room), "one two");
    }
  }
}

TEST(ContentCodingTest, RefusesDamage) {
  const std::string text(10'000, 'x');
  for (const std::string_view coding : {"gzip", "zstd"}) {
    const std::string packed = coding == "gzip" ? gzip(text) : zstd(text);
    EXPECT_THROW(decode(coding, packed.substr(0, packed.size() - 1), 1000, 100'000), Error);
    EXPECT_THROW(decode(coding, "rubbish, not compressed", 1000, 100'000), Error);
    EXPECT_THROW(decode(coding, packed + "rubbish behind it", 1000, 100'000), Error);
  }
  EXPECT_EQ(make_content_decoder("identity"), nullptr);
  EXPECT_THROW(make_content_decoder("br"), Error);
}

TEST(ServerSentEventsTest, WritesEvents) {
  std::string out;
  append_server_sent_event(out, "change", "s@0:1", "{}");
  append_server_sent_event(out, "reset", "", "{}");
  EXPECT_EQ(out, "event: change\nid: s@0:1\ndata: {}\n\nevent: reset\ndata: {}\n\n");
}

TEST(ServerSentEventsTest, SplitsLargeEpochs) {
  auto type = std::make_shared<RowType>();
  type->columns.push_back({"n", {.kind = Kind::kBigint}, true, ""});
  BatchBuilder rows(type);
  auto changes = std::make_shared<Changes>();
  for (int64_t n = 0; n < 1500; ++n) {
    rows.append_row(std::vector<Value>{n});
    changes->weights.push_back(n == 0 ? -1 : 1);
  }
  changes->rows = rows.finish();
  const ViewEvent event{ViewEvent::Kind::kChange, "s@0:9", changes};
  std::string out;
  size_t row = 0;
  int calls = 0;
  while (!append_view_event(out, event, row, 1)) ++calls;
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(row, 1500u);
  EXPECT_TRUE(out.starts_with("event: change\ndata: {\"insert\":[{\"n\":1},{\"n\":2}")) << out.substr(0, 100);
  EXPECT_NE(out.find(R"(],"delete":[{"n":0}],"more":true})"), std::string::npos);
  const size_t second = out.find("event: change", 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(out.substr(second, 40), "event: change\nid: s@0:9\ndata: {\"insert\":");
  EXPECT_TRUE(out.ends_with("{\"n\":1499}]}\n\n"));
}

}  // namespace
}  // namespace headrace
