#include "kafka/refusal.h"

#include "gtest/gtest.h"
#include "kafka/broker.h"
#include "views/testing_catalog.h"

namespace headrace::kafka {
namespace {

TEST(Refusal, ErrorsOfTheLogAreThoseOfTheProtocol) {
  const std::pair<Code, ErrorCode> cases[] = {{Code::kNotFound, ErrorCode::kUnknownTopicOrPartition},
                                              {Code::kConflict, ErrorCode::kTopicAlreadyExists},
                                              {Code::kInvalid, ErrorCode::kInvalidConfig},
                                              {Code::kRefused, ErrorCode::kPolicyViolation},
                                              {Code::kTimeout, ErrorCode::kRequestTimedOut}};
  for (const auto& [code, expected] : cases) {
    const Refusal refusal = refusal_of(Error(code, "why"));
    EXPECT_EQ(refusal.code, expected);
    EXPECT_EQ(refusal.message, "why");
  }
}

TEST(Refusal, HeadracesOwnTopicsAndThoseOfSqlAreGuarded) {
  const TestCatalog catalog(
      "CREATE STREAM s (a text) WITH (topic = 'elsewhere') FORMAT JSON;"
      "CREATE STREAM d AS SELECT a FROM s;");
  EXPECT_EQ(guard(catalog.state(), "_groups", "x")->code, ErrorCode::kTopicAuthorizationFailed);
  const auto refusal = guard(catalog.state(), "elsewhere", "do this instead");
  EXPECT_EQ(refusal->code, ErrorCode::kPolicyViolation);
  EXPECT_NE(refusal->message.find("\"s\" of SQL; do this instead"), std::string::npos) << refusal->message;
  EXPECT_FALSE(guard(catalog.state(), "s", "x")) << "the stream has another topic";
  EXPECT_FALSE(guard(catalog.state(), "free", "x"));
}

TEST(Refusal, WritingIsForWhatNobodyElseWrites) {
  const TestCatalog catalog("CREATE STREAM s (a text) FORMAT JSON; CREATE STREAM d AS SELECT a FROM s;");
  EXPECT_EQ(refusal_to_write(catalog.state(), "s"), "");
  EXPECT_EQ(refusal_to_write(catalog.state(), "free"), "");
  EXPECT_NE(refusal_to_write(catalog.state(), "d"), "");
  EXPECT_NE(refusal_to_write(catalog.state(), "s.dead"), "");
  EXPECT_NE(refusal_to_write(catalog.state(), "_schemas"), "");
}

TEST(Refusal, AnAnswerHasTheReasonOnlyWithAnError) {
  struct Answer {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  } answer;
  set(answer, {});
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_FALSE(answer.error_message);
  set(answer, {ErrorCode::kPolicyViolation, "why"});
  EXPECT_EQ(answer.error_code, 44);
  EXPECT_EQ(answer.error_message, "why");
}

}  // namespace
}  // namespace headrace::kafka
