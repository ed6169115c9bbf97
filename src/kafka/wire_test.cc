#include "kafka/wire.h"

#include <functional>

#include "gtest/gtest.h"

namespace headrace::kafka {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

std::string written(bool flexible, const std::function<void(KafkaWriter&)>& write) {
  std::string bytes;
  KafkaWriter out(bytes);
  out.set_flexible(flexible);
  write(out);
  return bytes;
}

template <typename F>
auto read(bool flexible, std::string_view bytes, F&& f) {
  KafkaReader in(bytes);
  in.set_flexible(flexible);
  auto result = f(in);
  EXPECT_EQ(in.remaining(), 0U);
  return result;
}

// The Error that reading throws.
Error failure(bool flexible, std::string_view bytes, const std::function<void(KafkaReader&)>& f) {
  KafkaReader in(bytes);
  in.set_flexible(flexible);
  try {
    f(in);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(Code::kInternal, "none");
}

TEST(Wire, FixedNumbersAreBigEndian) {
  const std::string bytes = written(false, [](KafkaWriter& out) {
    out.int8(-2);
    out.int16(0x0102);
    out.int32(0x01020304);
    out.int64(-2);
    out.boolean(true);
    out.float64(1.5);
    out.uuid(Uuid{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}});
  });
  EXPECT_EQ(bytes,
            "\xfe\x01\x02\x01\x02\x03\x04\xff\xff\xff\xff\xff\xff\xff\xfe\x01\x3f\xf8\0\0\0\0\0\0"
            "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"s);
  KafkaReader in(bytes);
  EXPECT_EQ(in.int8(), -2);
  EXPECT_EQ(in.int16(), 0x0102);
  EXPECT_EQ(in.int32(), 0x01020304);
  EXPECT_EQ(in.int64(), -2);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.float64(), 1.5);
  EXPECT_EQ(in.uuid().bytes[15], 16);
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(in.position(), bytes.size());
}

TEST(Wire, Varints) {
  const std::pair<uint32_t, std::string> unsigned_cases[] = {
      {0, "\0"s}, {127, "\x7f"s}, {128, "\x80\x01"s}, {300, "\xac\x02"s}, {0xffffffff, "\xff\xff\xff\xff\x0f"s}};
  for (const auto& [value, bytes] : unsigned_cases) {
    EXPECT_EQ(written(true, [&](KafkaWriter& out) { out.unsigned_varint(value); }), bytes);
    EXPECT_EQ(read(true, bytes, [](KafkaReader& in) { return in.unsigned_varint(); }), value);
  }
  const std::pair<int32_t, std::string> zigzag_cases[] = {
      {0, "\0"s},
      {-1, "\x01"s},
      {1, "\x02"s},
      {std::numeric_limits<int32_t>::max(), "\xfe\xff\xff\xff\x0f"s},
      {std::numeric_limits<int32_t>::min(), "\xff\xff\xff\xff\x0f"s}};
  for (const auto& [value, bytes] : zigzag_cases) {
    EXPECT_EQ(written(true, [&](KafkaWriter& out) { out.varint(value); }), bytes);
    EXPECT_EQ(read(true, bytes, [](KafkaReader& in) { return in.varint(); }), value);
  }
  const std::pair<int64_t, std::string> long_cases[] = {
      {-64, "\x7f"s},
      {64, "\x80\x01"s},
      {std::numeric_limits<int64_t>::min(), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}};
  for (const auto& [value, bytes] : long_cases) {
    EXPECT_EQ(written(true, [&](KafkaWriter& out) { out.varlong(value); }), bytes);
    EXPECT_EQ(read(true, bytes, [](KafkaReader& in) { return in.varlong(); }), value);
  }
}

TEST(Wire, VarintsThatAreTooLongAreRefused) {
  failure(true, "\xff\xff\xff\xff\x10", [](KafkaReader& in) { in.unsigned_varint(); });
  failure(true, "\x80\x80\x80\x80\x80\x01", [](KafkaReader& in) { in.unsigned_varint(); });
  failure(true, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", [](KafkaReader& in) { in.unsigned_varlong(); });
  failure(true, "\x80", [](KafkaReader& in) { in.unsigned_varint(); });
}

TEST(Wire, StringsInBothEncodings) {
  const auto text = [](KafkaWriter& out) { out.string("weir"); };
  EXPECT_EQ(written(false, text), "\0\x04weir"s);
  EXPECT_EQ(written(true, text), "\x05weir"s);
  const auto null = [](KafkaWriter& out) { out.nullable_string(std::nullopt); };
  EXPECT_EQ(written(false, null), "\xff\xff"s);
  EXPECT_EQ(written(true, null), "\0"s);
  for (const bool flexible : {false, true}) {
    const auto string = [](KafkaReader& in) { return in.string(); };
    const auto nullable = [](KafkaReader& in) { return in.nullable_string(); };
    EXPECT_EQ(read(flexible, written(flexible, text), string), "weir");
    EXPECT_EQ(read(flexible, written(flexible, text), nullable), "weir");
    EXPECT_EQ(read(flexible, written(flexible, null), nullable), std::nullopt);
    EXPECT_EQ(read(flexible, written(flexible, [](KafkaWriter& out) { out.nullable_string(""); }), nullable), "");
  }
}

TEST(Wire, BytesInBothEncodings) {
  const auto some = [](KafkaWriter& out) { out.bytes("abc"); };
  EXPECT_EQ(written(false, some),
            "\0\0\0\x03"
            "abc"s);
  EXPECT_EQ(written(true, some),
            "\x04"
            "abc"s);
  const auto null = [](KafkaWriter& out) { out.nullable_records(std::nullopt); };
  EXPECT_EQ(written(false, null), "\xff\xff\xff\xff"s);
  EXPECT_EQ(written(true, null), "\0"s);
  for (const bool flexible : {false, true}) {
    EXPECT_EQ(read(flexible, written(flexible, some), [](KafkaReader& in) { return in.bytes(); }), "abc");
    EXPECT_EQ(read(flexible, written(flexible, null), [](KafkaReader& in) { return in.nullable_records(); }),
              std::nullopt);
  }
}

TEST(Wire, BytesAreViewsIntoTheMessage) {
  const std::string message = "\0\0\0\x02hi"s;
  KafkaReader in(message);
  EXPECT_EQ(in.bytes().data(), message.data() + 4);
}

TEST(Wire, ANullThatTheVersionDoesNotHaveIsRefusedAndNotWritten) {
  failure(false, "\xff\xff", [](KafkaReader& in) { in.string(); });
  failure(false, "\xff\xff", [](KafkaReader& in) { in.nullable_string(false); });
  failure(true, "\0"s, [](KafkaReader& in) { in.bytes(); });
  failure(true, "\0"s, [](KafkaReader& in) { in.count(1, 1); });
  EXPECT_EQ(written(false, [](KafkaWriter& out) { out.nullable_string(std::nullopt, false); }), "\0\0"s);
  EXPECT_EQ(written(false, [](KafkaWriter& out) { out.null_count(false); }), "\0\0\0\0"s);
  EXPECT_EQ(written(true, [](KafkaWriter& out) { out.null_count(false); }), "\x01"s);
}

TEST(Wire, LengthsThatDoNotFitAreRefusedWithTheirPosition) {
  const Error error = failure(false, "\0\x05weir"s, [](KafkaReader& in) { in.string(); });
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_EQ(error.where().position, 2);
  EXPECT_EQ(error.message(), "byte 2 of a Kafka message: 5 bytes are needed and 4 remain");
  failure(false, "\xff\xfeweir"s, [](KafkaReader& in) { in.nullable_string(); });
  failure(false, "\x7f\xff\xff\xffx"s, [](KafkaReader& in) { in.bytes(); });
  failure(false, "\x80\0\0\0x"s, [](KafkaReader& in) { in.nullable_bytes(); });
  failure(true, "\xff\xff\xff\xff\x0fx"s, [](KafkaReader& in) { in.bytes(); });
  failure(false, "\0\0\0"s, [](KafkaReader& in) { in.int32(); });
  failure(true, "\x81\x80\x02"s + std::string(32768, 'x'), [](KafkaReader& in) { in.string(); });
}

TEST(Wire, CountsAreBoundedByWhatTheirElementsNeed) {
  const auto three = [](KafkaReader& in) { return in.count(2, 1); };
  KafkaReader in("\0\0\0\x03\0\0\0\0\0\0"sv);
  EXPECT_EQ(three(in), 3U);
  EXPECT_EQ(failure(false, "\0\0\0\x03\0\0\0\0\0"s, three).code(), Code::kInvalid);
  EXPECT_EQ(failure(false, "\x7f\xff\xff\xff\0\0\0\0\0"s, three).code(), Code::kInvalid);
  EXPECT_EQ(failure(true, "\x04\0\0"s, three).code(), Code::kInvalid);
  EXPECT_EQ(failure(true, "\xff\xff\xff\xff\x0f\0\0"s, three).code(), Code::kInvalid);
}

TEST(Wire, ElementsOfAMessageAreLimitedInAll) {
  const std::string message = "\0\0\0\x03"s + std::string(100, 0);
  KafkaReader in(message, 5);
  EXPECT_EQ(in.count(2, 1), 3U);
  const std::string two_lists = "\0\0\0\x03"s + std::string(6, 0) + "\0\0\0\x03"s + std::string(6, 0);
  KafkaReader twice(two_lists, 5);
  twice.count(2, 1);
  for (int i = 0; i < 3; ++i) twice.int16();
  try {
    twice.count(2, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kTooLarge);
  }
}

TEST(Wire, TaggedFieldsAreReadOrSkipped) {
  const std::string bytes = written(true, [](KafkaWriter& out) {
    out.tag_count(3);
    out.tag(0, [&] { out.string("a"); });
    out.tag(5, [&] { out.bytes(std::string(200, 'b')); });
    out.tag(300, [&] { out.int16(7); });
  });
  EXPECT_EQ(bytes,
            "\x03\0\x02\x02"
            "a\x05\xca\x01\xc9\x01"s +
                std::string(200, 'b') + "\xac\x02\x02\0\x07"s);
  KafkaReader in(bytes);
  in.set_flexible(true);
  std::string_view text;
  int16_t number = 0;
  in.tags([&](uint32_t tag) {
    if (tag == 0) text = in.string();
    if (tag == 300) number = in.int16();
    return tag != 5;
  });
  EXPECT_EQ(text, "a");
  EXPECT_EQ(number, 7);
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_TRUE(read(true, bytes, [](KafkaReader& all) {
    all.skip_tags();
    return true;
  }));
}

TEST(Wire, TheOlderEncodingHasNoTaggedFields) {
  EXPECT_EQ(written(false, [](KafkaWriter& out) { out.no_tags(); }), "");
  EXPECT_EQ(written(true, [](KafkaWriter& out) { out.no_tags(); }), "\0"s);
  KafkaReader in("\x01"sv);
  in.skip_tags();
  EXPECT_EQ(in.remaining(), 1U);
}

TEST(Wire, HostileTaggedFieldsAreRefused) {
  const auto skip = [](KafkaReader& in) { in.skip_tags(); };
  failure(true, "\xff\xff\xff\xff\x0f"s, skip);          // more tags than bytes
  failure(true, "\x01\0\x05xx"s, skip);                  // longer than what remains
  failure(true, "\x02\x01\0\x01\0"s, skip);              // the same tag twice
  failure(true, "\x02\x02\0\x01\0"s, skip);              // descending
  failure(true, "\x01\0\xff\xff\xff\xff\x0fxx"s, skip);  // a huge length
  const auto int32 = [](KafkaReader& in) {
    in.tags([&](uint32_t) {
      in.int32();
      return true;
    });
  };
  failure(true, "\x01\0\x05\0\0\0\0\0"s, int32);  // longer than its value
  failure(true, "\x01\0\x03\0\0\0\0\0"s, int32);  // shorter than its value, though bytes follow
}

TEST(Wire, RecordsCanBeSplicedInsteadOfCopied) {
  const std::string records(5000, 'r');
  for (const bool flexible : {false, true}) {
    std::string bytes;
    std::vector<SplicedRecords> splices;
    KafkaWriter out(bytes, &splices);
    out.set_flexible(flexible);
    const auto write = [&](KafkaWriter& to) {
      to.string("before");
      to.nullable_records(RecordsView(records));
      to.int32(7);
      to.nullable_records("");
      to.nullable_records(std::nullopt);
      to.nullable_records(RecordsView(records));
    };
    write(out);
    ASSERT_EQ(splices.size(), 2U);
    EXPECT_EQ(splices[0].records.bytes().data(), records.data());
    std::string joined = bytes;
    for (auto splice = splices.rbegin(); splice != splices.rend(); ++splice) {
      joined.insert(splice->position, splice->records.bytes());
    }
    EXPECT_EQ(joined, written(flexible, write));
  }
}

TEST(Wire, WhatTheProtocolCannotSayIsNotWritten) {
  for (const bool flexible : {false, true}) {
    std::string bytes;
    KafkaWriter out(bytes);
    out.set_flexible(flexible);
    EXPECT_THROW(out.string(std::string(kStringBytesMax + 1, 'x')), Error);
    EXPECT_EQ(bytes, "");
    out.string(std::string(kStringBytesMax, 'x'));
  }
}

}  // namespace
}  // namespace headrace::kafka
