#include "base/error.h"
#include "cli/commands.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

TEST(CommandLine, AServersAddressIsAHostAndAPort) {
  const auto parsed = [](std::string_view text) {
    const ServerUrl url = parse_url(text);
    return url.host + " " + url.port + " " + url.authority();
  };
  EXPECT_EQ(parsed("http://127.0.0.1:18080"), "127.0.0.1 18080 127.0.0.1:18080");
  EXPECT_EQ(parsed("localhost:1/"), "localhost 1 localhost:1");
  EXPECT_EQ(parsed("http://host"), "host 8080 host:8080");
  EXPECT_EQ(parsed("http://[::1]:18081"), "::1 18081 [::1]:18081") << "resolved without the brackets";
  EXPECT_EQ(parsed("[fe80::1%eth0]/"), "fe80::1%eth0 8080 [fe80::1%eth0]:8080");
  for (const char* wrong : {"", "http://", "http://:80", "http://host:", "http://host:http", "http://host/path",
                            "http://a b", "https://host", "http://::1:80", "http://[::1", "http://[]:80",
                            "http://[::1]80", "http://::1]:80", "http://host:80?x"})
    EXPECT_THROW(parse_url(wrong), Error) << wrong;
}

}  // namespace
}  // namespace headrace
