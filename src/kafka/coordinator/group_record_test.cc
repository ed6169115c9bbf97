#include "kafka/coordinator/group_record.h"

#include "base/error.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

GroupRecord a_group() {
  return {.generation = 7,
          .protocol_type = "consumer",
          .protocol = "range",
          .leader = "m1",
          .since_ms = 1'700'000'000'000,
          .members = {{.id = "m1",
                       .instance_id = "i",
                       .client_id = "c",
                       .client_host = "/h",
                       .session_timeout = milliseconds(10'000),
                       .rebalance_timeout = milliseconds(INT32_MAX),
                       .protocols = {{"range", std::string("\0\1", 2)}, {"", ""}},
                       .assignment = std::string(300, 'x')},
                      {.id = "m2", .instance_id = {}}}};
}

TEST(GroupRecord, ComesBackAsItWas) {
  EXPECT_EQ(decode_group_record(encode(a_group())), a_group());
  EXPECT_EQ(decode_group_record(encode(GroupRecord{})), GroupRecord{});
  const CommittedOffset offset{INT64_MAX, -1, "note", 5, -1, {1, UINT64_MAX}};
  EXPECT_EQ(decode_committed_offset(encode(offset)), offset);
  const GroupRecordKey key{GroupRecordKind::kOffset, "g", "t", 9};
  EXPECT_EQ(decode_group_record_key(encode(key)), key);
  const GroupRecordKey group{.kind = GroupRecordKind::kGroup, .group = "g", .topic = {}};
  EXPECT_EQ(decode_group_record_key(encode(group)), group);
}

// The encoding is what disks hold: it does not change by accident.
TEST(GroupRecord, IsWrittenAsDocumented) {
  EXPECT_EQ(encode(GroupRecordKey{GroupRecordKind::kOffset, "g", "t", 9}), std::string("\x02\x02g\x02t\x12", 6));
  EXPECT_EQ(encode(CommittedOffset{3, -1, "n", 1, -1, {1, 2}}),
            std::string("\x02\x06\x01\x02n\x02\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02", 23));
  EXPECT_EQ(decode_committed_offset(std::string_view("\x01\x06\x01\x02n\x02\x01", 7)),
            (CommittedOffset{3, -1, "n", 1, -1}));
}

TEST(GroupRecord, DamageIsAnErrorAndNothingWorse) {
  const std::string whole = encode(a_group());
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_THROW(decode_group_record(whole.substr(0, size)), Error);
  EXPECT_THROW(decode_group_record(whole + "x"), Error);
  EXPECT_THROW(decode_group_record_key("\x05\x02g"), Error);
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random());
    try {
      decode_group_record(damaged);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt);
    }
  }
}

}  // namespace
}  // namespace headrace
