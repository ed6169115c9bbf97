#include "http/router.h"

#include <fstream>
#include <set>
#include <sstream>

#include "boost/json.hpp"
#include "gtest/gtest.h"
#include "http/description.h"
#include "http/routes.h"

namespace headrace {
namespace {

class RouterTest : public testing::Test {
 protected:
  // "PATTERN|parameters", "405 ALLOW" or "404".
  std::string match(Method method, std::string_view path) {
    Match match;
    router_.match(method, path, match);
    if (match.route == nullptr) return match.path_known ? "405 " + match.allow : "404";
    std::string out(match.route->pattern);
    for (size_t i = 0; i < match.parameter_count; ++i) out.append("|").append(match.parameters[i]);
    return out;
  }

  Router router_{api_routes()};
};

TEST_F(RouterTest, FindsCalls) {
  EXPECT_EQ(match(Method::kGet, "/"), "/");
  EXPECT_EQ(match(Method::kGet, "/v1/streams"), "/v1/streams");
  EXPECT_EQ(match(Method::kPost, "/v1/streams/scans"), "/v1/streams/{stream}|scans");
  EXPECT_EQ(match(Method::kGet, "/v1/streams/scans/records"), "/v1/streams/{stream}/records|scans");
  EXPECT_EQ(match(Method::kGet, "/v1/streams/scans/producers/p%201"),
            "/v1/streams/{stream}/producers/{producer}|scans|p%201");
  EXPECT_EQ(match(Method::kGet, "/v1/views/board/ORD"), "/v1/views/{view}/{key...}|board|ORD");
  EXPECT_EQ(match(Method::kGet, "/v1/views/board/ORD/2001/"), "/v1/views/{view}/{key...}|board|ORD|2001|");
}

TEST_F(RouterTest, PrefersLiteralsAndLetsThemBeEscaped) {
  EXPECT_EQ(match(Method::kGet, "/v1/views/board/changes"), "/v1/views/{view}/changes|board");
  EXPECT_EQ(match(Method::kGet, "/v1/views/board/%63hanges"), "/v1/views/{view}/{key...}|board|%63hanges");
}

TEST_F(RouterTest, TellsMissingFromOtherMethods) {
  EXPECT_EQ(match(Method::kGet, "/v1"), "404");
  EXPECT_EQ(match(Method::kGet, "/v1/streams/"), "404");
  EXPECT_EQ(match(Method::kGet, "v1/streams"), "404");
  EXPECT_EQ(match(Method::kGet, "/v1/streams/a/b/c/d/e"), "404");
  EXPECT_EQ(match(Method::kGet, std::string(1000, '/')), "404");
  EXPECT_EQ(match(Method::kDelete, "/v1/streams/scans"), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(match(Method::kOther, "/v1/sql"), "405 POST, OPTIONS");
}

TEST(DescriptionTest, OpenapiNamesEveryCall) {
  const boost::json::value description = boost::json::parse(describe_as_openapi(api_routes()));
  EXPECT_EQ(description.at("openapi").as_string(), "3.1.0");
  size_t operations = 0;
  std::set<std::string> path_parameters;
  for (const auto& [path, methods] : description.at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      ++operations;
      EXPECT_FALSE(operation.at("summary").as_string().empty()) << path;
      const auto* parameters = operation.as_object().if_contains("parameters");
      if (parameters == nullptr) continue;
      for (const auto& parameter : parameters->as_array()) {
        if (parameter.at("in").as_string() != "path") continue;
        const std::string name = "{" + std::string(parameter.at("name").as_string()) + "}";
        EXPECT_NE(std::string_view(path).find(name), std::string_view::npos) << path << " has no " << name;
      }
    }
  }
  EXPECT_EQ(operations, api_routes().size());
}

TEST(DescriptionTest, TheDocumentationHasTheSameTable) {
  std::ifstream file("docs/http.md");
  ASSERT_TRUE(file.is_open()) << "run the tests from the top of the repository";
  std::stringstream text;
  text << file.rdbuf();
  const std::string table = describe_as_markdown(api_routes());
  EXPECT_NE(text.str().find(table), std::string::npos) << "docs/http.md should have this table:\n" << table;
}

}  // namespace
}  // namespace headrace
