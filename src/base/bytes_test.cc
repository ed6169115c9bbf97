#include "base/bytes.h"

#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::string varint(int64_t value) {
  std::string out;
  Writer(out).varint(value);
  return out;
}

template <typename F>
int64_t corrupt_at(F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kCorrupt);
    return error.where().position;
  }
  return -1;
}

TEST(Bytes, BigEndian) {
  std::string out;
  Writer writer(out);
  writer.big_endian<int16_t>(0x0102);
  writer.big_endian<int32_t>(-2);
  writer.big_endian<uint64_t>(0x0102030405060708);
  writer.byte(0xff);
  writer.bytes("end");
  EXPECT_EQ(out, std::string("\x01\x02\xff\xff\xff\xfe\x01\x02\x03\x04\x05\x06\x07\x08\xff"
                             "end"));
  Reader reader(out);
  EXPECT_EQ(reader.big_endian<int16_t>(), 0x0102);
  EXPECT_EQ(reader.big_endian<int32_t>(), -2);
  EXPECT_EQ(reader.big_endian<uint64_t>(), 0x0102030405060708U);
  EXPECT_EQ(reader.byte(), 0xff);
  EXPECT_EQ(reader.bytes(3), "end");
  EXPECT_TRUE(reader.empty());
}

// The examples of the Avro specification, "Binary Encoding".
TEST(Bytes, VarintsOfTheSpecification) {
  EXPECT_EQ(varint(0), std::string(1, '\0'));
  EXPECT_EQ(varint(-1), "\x01");
  EXPECT_EQ(varint(1), "\x02");
  EXPECT_EQ(varint(-64), "\x7f");
  EXPECT_EQ(varint(64), std::string("\x80\x01", 2));
}

TEST(Bytes, EveryVarintComesBack) {
  std::vector<int64_t> values = {0, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  for (int bit = 0; bit < 63; ++bit) {
    for (const int64_t near : {-1, 0, 1}) {
      values.push_back((int64_t{1} << bit) + near);
      values.push_back(-(int64_t{1} << bit) + near);
    }
  }
  for (const int64_t value : values) {
    const std::string bytes = varint(value);
    EXPECT_EQ(bytes.size(), varint_size(value)) << value;
    EXPECT_LE(bytes.size(), kVarintBytesMax);
    Reader reader(bytes);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.empty());
    EXPECT_EQ(unzigzag(zigzag(value)), value);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(corrupt_at([&] { Reader(bytes.substr(0, size)).varint(); }), static_cast<int64_t>(size));
    }
  }
}

TEST(Bytes, VarintsThatAreTooLong) {
  const std::string ten(10, '\x80');
  EXPECT_GE(corrupt_at([&] { Reader(ten + '\x01').varint(); }), 0);
  const std::string sixty_five_bits = std::string(9, '\xff') + '\x02';
  EXPECT_GE(corrupt_at([&] { Reader(sixty_five_bits).varint(); }), 0);
}

TEST(Bytes, AReaderNeverGoesPastItsEnd) {
  const std::string bytes = "abc";
  Reader reader(bytes);
  EXPECT_EQ(corrupt_at([&] { reader.bytes(4); }), 0);
  EXPECT_EQ(corrupt_at([&] { reader.big_endian<int32_t>(); }), 0);
  reader.bytes(3);
  EXPECT_EQ(corrupt_at([&] { reader.byte(); }), 3);
  EXPECT_EQ(corrupt_at([&] { reader.bytes(std::numeric_limits<size_t>::max()); }), 3);
}

TEST(Bytes, LengthsMustFit) {
  const std::string fits = varint(3) + "abc";
  Reader reader(fits);
  EXPECT_EQ(reader.length(), 3U);
  EXPECT_EQ(reader.remaining(), 3U);
  for (const int64_t length :
       {int64_t{4}, int64_t{-1}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    const std::string bytes = varint(length) + "abc";
    EXPECT_GT(corrupt_at([&] { Reader(bytes).length(); }), 0) << length;
  }
}

TEST(Bytes, NoiseIsReadOrRefused) {
  const uint64_t seed = 99;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string noise(random.below(24), '\0');
    for (char& byte : noise) byte = static_cast<char>(random() | (random.one_in(2) ? 0x80 : 0));
    Reader reader(noise);
    try {
      while (!reader.empty()) reader.bytes(reader.length());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kCorrupt);
    }
    EXPECT_LE(reader.position(), noise.size());
  }
}

}  // namespace
}  // namespace headrace
