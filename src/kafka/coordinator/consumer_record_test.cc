#include "kafka/coordinator/consumer_record.h"

#include "base/error.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "kafka/coordinator/group_record.h"

namespace headrace {
namespace {

ConsumerRecord a_member() {
  return {.id = "m",
          .about = {.instance_id = "i",
                    .rack_id = {},
                    .client_id = "c",
                    .client_host = "/h",
                    .rebalance_timeout = milliseconds(300'000),
                    .assignor = "range",
                    .topics = {"a", "b"},
                    .pattern = "x.*"},
          .state = ConsumerState::kRevoking,
          .epoch = 7,
          .previous_epoch = 6,
          .target_epoch = 8,
          .assigned = {{{1, 2}, {0, 1, 9999}}, {{UINT64_MAX, 0}, {3}}},
          .revoking = {{{1, 2}, {5}}},
          .target = {}};
}

TEST(ConsumerRecord, ComesBackAsItWas) {
  EXPECT_EQ(decode_consumer_record("m", encode(a_member())), a_member());
  EXPECT_EQ(decode_consumer_record("", encode(ConsumerRecord{})), ConsumerRecord{});
  const ConsumerGroupRecord group{.epoch = 3, .members = 2, .since_ms = 1'700'000'000'000};
  EXPECT_EQ(decode_consumer_group_record(encode(group)), group);
  const GroupRecordKey key{.kind = GroupRecordKind::kConsumerMember, .group = "g", .member = "m"};
  EXPECT_EQ(decode_group_record_key(encode(key)), key);
}

// The encoding is what disks hold: it does not change by accident.
TEST(ConsumerRecord, IsWrittenAsDocumented) {
  EXPECT_EQ(encode(GroupRecordKey{.kind = GroupRecordKind::kConsumerMember, .group = "g", .member = "m"}),
            "\x04\x02g\x02m");
  EXPECT_EQ(encode(ConsumerGroupRecord{3, 2, 1}), "\x01\x06\x04\x02");
  const ConsumerRecord member{.id = "m", .about = {}, .epoch = 1, .assigned = {{{0, 1}, {0, 2}}}};
  std::string expected("\x01\0\0\0\0\0\0\0\0\0\x02\0\0", 13);
  expected += std::string("\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x02\x04", 20);
  expected += std::string("\0\0", 2);
  EXPECT_EQ(encode(member), expected);
}

TEST(ConsumerRecord, DamageIsAnErrorAndNothingWorse) {
  const std::string whole = encode(a_member());
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(decode_consumer_record("m", whole.substr(0, size)), Error);
  EXPECT_THROW(decode_consumer_record("m", whole + "x"), Error);
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random());
    try {
      const ConsumerRecord record = decode_consumer_record("m", damaged);
      for (const PartitionSet* const set : {&record.assigned, &record.revoking, &record.target}) {
        PartitionSet normal = *set;
        normalize(normal);
        EXPECT_EQ(*set, normal);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt);
    }
  }
}

}  // namespace
}  // namespace headrace
