// Every message in every version that is served: what was written is read again, and nothing that a stranger sends does
// more than end in Error.
#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "gtest/gtest.h"
#include "kafka/messages/all_messages.h"
#include "kafka/messages/served_apis.h"
#include "kafka/testing_messages.h"
#include "kafka/wire_header.h"

namespace headrace::kafka {
namespace {

using std::string_literals::operator""s;

constexpr uint64_t kSeed = 20240117;

// Calls f for every message and version.
void for_every_version(const std::function<void(const TestedMessage&, int16_t version)>& f) {
  for (const TestedMessage& message : tested_messages()) {
    for (int16_t version = message.min_version; version <= message.max_version; ++version) {
      SCOPED_TRACE(message.name + " version " + std::to_string(version) + ", seed " + std::to_string(kSeed));
      f(message, version);
    }
  }
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(Messages, WhatIsWrittenIsReadAgain) {
  Random random(kSeed);
  for_every_version([&](const TestedMessage& message, int16_t version) {
    for (int i = 0; i < 20; ++i) {
      const std::string bytes = message.random(random, version);
      EXPECT_EQ(message.recode(bytes, version), bytes);
    }
  });
}

TEST(Messages, ATruncatedMessageIsAnError) {
  Random random(kSeed);
  for_every_version([&](const TestedMessage& message, int16_t version) {
    const std::string bytes = message.random(random, version);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto part = std::make_unique<char[]>(size);  // of exactly this size, so that reading on is noticed
      std::copy_n(bytes.data(), size, part.get());
      EXPECT_THROW(message.recode(std::string_view(part.get(), size), version), Error)
          << size << " of " << bytes.size();
    }
  });
}

TEST(Messages, HostileLengthsAreErrorsOrOtherMessages) {
  const std::string lengths[] = {"\x7f\xff\xff\xff"s, "\xff\xff\xff\xff"s,     "\x80\0\0\0"s,
                                 "\x7f\xff"s,         "\xff\xff\xff\xff\x07"s, "\xff\xff\xff\xff\x0f"s};
  Random random(kSeed);
  for_every_version([&](const TestedMessage& message, int16_t version) {
    const std::string bytes = message.random(random, version);
    for (size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 40) {
      for (const std::string& length : lengths) {
        std::string hostile = bytes;
        hostile.replace(at, std::min(length.size(), bytes.size() - at), length);
        std::string again;
        try {
          again = message.recode(hostile, version);
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == Code::kInvalid || error.code() == Code::kTooLarge) << error.message();
          continue;
        }
        EXPECT_EQ(message.recode(again, version), again);
      }
    }
  });
}

TEST(Messages, OtherVersionsAreRefused) {
  Random random(kSeed);
  for (const TestedMessage& message : tested_messages()) {
    SCOPED_TRACE(message.name);
    for (const int version : {message.min_version - 1, message.max_version + 1}) {
      const auto other = static_cast<int16_t>(version);
      try {
        message.recode(std::string(1000, '\0'), other);
        ADD_FAILURE() << "version " << version << " was read";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kUnsupported);
      }
      EXPECT_THROW(message.random(random, other), Error);
    }
  }
}

TEST(Messages, WhatTheJavaClientWritesIsReadAndWrittenByteForByte) {
  std::map<std::string, const TestedMessage*> by_name;
  size_t versions = 0;
  for (const TestedMessage& message : tested_messages()) {
    by_name[message.name] = &message;
    versions += static_cast<size_t>(message.max_version - message.min_version + 1);
  }
  std::ifstream file("src/kafka/testing_vectors.txt");
  ASSERT_TRUE(file) << "run this from the repository's root";
  size_t vectors = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name, hex;
    int16_t version = -1;
    words >> name >> version >> hex;
    SCOPED_TRACE(name + " version " + std::to_string(version));
    const std::string bytes = hex == "-" ? "" : from_hex(hex);
    EXPECT_EQ(by_name.at(name)->recode(bytes, version), bytes);
    ++vectors;
  }
  EXPECT_EQ(vectors, versions);
}

TEST(Messages, ManySmallElementsDoNotBecomeMuchMemory) {
  std::string request;
  KafkaWriter out(request);
  out.int32(static_cast<int32_t>(kElementsMax + 1));
  request.append(2 * (kElementsMax + 1), '\0');
  try {
    read<DescribeGroupsRequest>(request, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kTooLarge);
  }
}

TEST(Messages, ServedApisAreTheRequestsInOrder) {
  std::map<int16_t, std::string_view> requests;
  for_all_requests([&]<typename M>() {
    requests[M::kKey] = M::kName;
    const ServedApi* const api = find_served_api(M::kKey);
    ASSERT_NE(api, nullptr);
    EXPECT_EQ(api->name, M::kName);
    EXPECT_EQ(api->min_version, M::kMinVersion);
    EXPECT_EQ(api->max_version, M::kMaxVersion);
    EXPECT_EQ(api->first_flexible, M::kFirstFlexible);
  });
  std::map<int16_t, std::string_view> served;
  for (const ServedApi& api : kServedApis) served[api.key] = api.name;
  EXPECT_EQ(served, requests);
  EXPECT_TRUE(std::ranges::is_sorted(kServedApis, {}, &ServedApi::key));
  EXPECT_EQ(find_served_api(4), nullptr);
}

TEST(Messages, AProduceRequestByHand) {
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 1500;
  request.topics.resize(1);
  request.topics[0].name = "scans";
  request.topics[0].partitions.resize(1);
  request.topics[0].partitions[0].index = 3;
  request.topics[0].partitions[0].records = "RECORDS";

  EXPECT_EQ(write(request, 7), from_hex("ffff"      // no transaction
                                        "ffff"      // acks
                                        "000005dc"  // timeout
                                        "00000001"
                                        "0005"
                                        "7363616e73"  // one topic, scans
                                        "00000001"
                                        "00000003"  // one partition, 3
                                        "00000007"
                                        "5245434f524453"));
  EXPECT_EQ(write(request, 2), from_hex("ffff000005dc0000000100057363616e73000000010000000300000007"
                                        "5245434f524453"));
  EXPECT_EQ(write(request, 9), from_hex("00"
                                        "ffff"
                                        "000005dc"
                                        "02"
                                        "06"
                                        "7363616e73"
                                        "02"
                                        "00000003"
                                        "08"
                                        "5245434f524453"
                                        "00"
                                        "00"
                                        "00"));

  const std::string bytes = write(request, 9);
  const auto again = read<ProduceRequest>(bytes, 9);
  EXPECT_EQ(again.transactional_id, std::nullopt);
  EXPECT_EQ(again.acks, -1);
  EXPECT_EQ(again.timeout_ms, 1500);
  EXPECT_EQ(again.topics.at(0).name, "scans");
  EXPECT_EQ(again.topics[0].partitions.at(0).index, 3);
  EXPECT_EQ(again.topics[0].partitions[0].records, "RECORDS");
  EXPECT_EQ(again.topics[0].partitions[0].records->bytes().data(), bytes.data() + 20);
}

TEST(Messages, AFetchResponseByHandWithTaggedFields) {
  FetchResponse response;
  response.session_id = 5;
  response.topics.resize(1);
  response.topics[0].name = "t";
  response.topics[0].partitions.resize(1);
  FetchResponse::Topic::Partition& partition = response.topics[0].partitions[0];
  partition.index = 1;
  partition.error_code = 74;
  partition.high_watermark = 9;
  partition.last_stable_offset = 8;
  partition.log_start_offset = 7;
  partition.current_leader.emplace().leader_id = 2;
  partition.current_leader->leader_epoch = 4;

  EXPECT_EQ(write(response, 12),
            from_hex("00000000"
                     "0000"
                     "00000005"
                     "02"
                     "02"
                     "74"
                     "02"
                     "00000001"
                     "004a"
                     "0000000000000009"
                     "0000000000000008"
                     "0000000000000007"
                     "00"
                     "ffffffff"
                     "01"
                     "01"
                     "01"
                     "09"
                     "00000002"
                     "00000004"
                     "00"  // one tag, 1, of 9 bytes
                     "00"
                     "00"));
  EXPECT_EQ(write(response, 4), from_hex("00000000"
                                         "00000001"
                                         "0001"
                                         "74"
                                         "00000001"
                                         "00000001"
                                         "004a"
                                         "0000000000000009"
                                         "0000000000000008"
                                         "ffffffff"
                                         "00000000"));
}

TEST(Messages, NullTopicsAskForAllFromVersion1On) {
  const MetadataRequest all;
  EXPECT_EQ(write(all, 1), from_hex("ffffffff"));
  EXPECT_EQ(write(all, 0), from_hex("00000000"));
  EXPECT_EQ(read<MetadataRequest>(from_hex("ffffffff"), 1).topics, std::nullopt);
  EXPECT_TRUE(read<MetadataRequest>(from_hex("00000000"), 1).topics->empty());
  EXPECT_THROW(read<MetadataRequest>(from_hex("ffffffff"), 0), Error);
}

TEST(Messages, ANullableStructureHasAByteBeforeIt) {
  ConsumerGroupHeartbeatResponse response;
  response.member_id = "m";
  response.member_epoch = 1;
  response.heartbeat_interval_ms = 5000;
  const std::string head = from_hex(
      "00000000"
      "0000"
      "00"
      "02"
      "6d"
      "00000001"
      "00001388");
  EXPECT_EQ(write(response, 0), head + from_hex("ff"
                                                "00"));
  response.assignment.emplace();
  EXPECT_EQ(write(response, 0), head + from_hex("01"
                                                "01"
                                                "00"
                                                "00"));
  EXPECT_TRUE(read<ConsumerGroupHeartbeatResponse>(write(response, 0), 0).assignment.has_value());
}

TEST(Messages, TheHeaderOfARequest) {
  RequestHeader header{.api_key = 3, .api_version = 1, .correlation_id = 77, .client_id = "me"};
  const auto bytes_of = [&] {
    std::string bytes;
    KafkaWriter out(bytes);
    header.write(out);
    return bytes;
  };
  EXPECT_EQ(bytes_of(), from_hex("0003"
                                 "0001"
                                 "0000004d"
                                 "0002"
                                 "6d65"));
  header.api_version = 9;
  header.client_id = std::nullopt;
  EXPECT_EQ(bytes_of(), from_hex("0003"
                                 "0009"
                                 "0000004d"
                                 "ffff"
                                 "00"));

  const std::string with_tag = from_hex(
      "0003"
      "0009"
      "0000004d"
      "0002"
      "6d65"
      "01"
      "05"
      "02"
      "abcd"
      "99");
  KafkaReader in(with_tag);
  RequestHeader read;
  read.read(in);
  EXPECT_EQ(read.api_key, 3);
  EXPECT_EQ(read.api_version, 9);
  EXPECT_EQ(read.correlation_id, 77);
  EXPECT_EQ(read.client_id, "me");
  EXPECT_EQ(in.remaining(), 1U);
  EXPECT_TRUE(in.flexible());
}

TEST(Messages, TheHeaderOfAnUnknownRequestIsReadAsFarAsItIsKnown) {
  const std::string bytes = from_hex(
      "03e7"
      "0009"
      "0000004d"
      "0002"
      "6d65"
      "99");
  KafkaReader in(bytes);
  RequestHeader header;
  header.read(in);
  EXPECT_EQ(header.api_key, 999);
  EXPECT_EQ(header.client_id, "me");
  EXPECT_EQ(in.remaining(), 1U);
}

TEST(Messages, TheHeaderOfAResponse) {
  const auto bytes_of = [&](int16_t key, int16_t version) {
    std::string bytes;
    KafkaWriter out(bytes);
    ResponseHeader{.correlation_id = 77}.write(out, key, version);
    KafkaReader in(bytes);
    ResponseHeader again;
    again.read(in, key, version);
    EXPECT_EQ(again.correlation_id, 77);
    EXPECT_EQ(in.remaining(), 0U);
    return bytes;
  };
  EXPECT_EQ(bytes_of(3, 8), from_hex("0000004d"));
  EXPECT_EQ(bytes_of(3, 9), from_hex("0000004d"
                                     "00"));
  EXPECT_EQ(bytes_of(18, 3), from_hex("0000004d"));
}

TEST(Messages, AnApiVersionsAnswerToAnUnknownVersionIsInVersion0) {
  ApiVersionsResponse response;
  response.error_code = 35;
  response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 4});
  EXPECT_EQ(write(response, 0), from_hex("0023"
                                         "00000001"
                                         "0012"
                                         "0000"
                                         "0004"));
  EXPECT_EQ(write(response, 3), from_hex("0023"
                                         "02"
                                         "0012"
                                         "0000"
                                         "0004"
                                         "00"
                                         "00000000"
                                         "00"));
}

}  // namespace
}  // namespace headrace::kafka
