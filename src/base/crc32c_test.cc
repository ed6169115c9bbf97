#include "base/crc32c.h"

#include <string>

#include "base/random.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::string counting(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

// RFC 3720 (iSCSI), appendix B.4, and the check value of the catalogue of CRCs.
TEST(Crc32c, KnownVectors) {
  const std::string ascending = counting(32);
  const std::string descending(ascending.rbegin(), ascending.rend());
  const struct {
    std::string bytes;
    uint32_t crc;
  } cases[] = {
      {"", 0x00000000},
      {"123456789", 0xe3069283},
      {std::string(32, '\0'), 0x8a9136aa},
      {std::string(32, '\xff'), 0x62a8ab43},
      {ascending, 0x46dd794e},
      {descending, 0x113fdb5c},
  };
  for (const auto& [bytes, crc] : cases) {
    EXPECT_EQ(crc32c(bytes), crc);
    EXPECT_EQ(detail::crc32c_by_table(bytes, 0), crc);
  }
}

// Every size around the block sizes of the interleaved loop, at every alignment.
TEST(Crc32c, InstructionAndTableAgree) {
  if (!detail::crc32c_instruction_exists()) GTEST_SKIP() << "this processor has no crc32 instruction";
  const uint64_t seed = 20240607;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::string bytes(30'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const auto compare = [&](size_t from, size_t size) {
    const std::string_view part = std::string_view(bytes).substr(from, size);
    const auto before = static_cast<uint32_t>(random());
    ASSERT_EQ(detail::crc32c_by_instruction(part, before), detail::crc32c_by_table(part, before))
        << from << " " << size;
  };
  for (size_t size = 0; size < 2000; ++size) compare(size % 8, size);
  for (size_t size = 12'280; size < 12'300; ++size) compare(size % 8, size);
  for (int i = 0; i < 300; ++i) compare(random.below(64), random.below(29'000));
}

TEST(Crc32c, JoinsWithoutTheBytes) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::string bytes(100'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const std::string_view all(bytes);
  for (int i = 0; i < 300; ++i) {
    const size_t end = i < 20 ? static_cast<size_t>(i) : random.below(bytes.size() + 1);
    const size_t cut = random.below(end + 1);
    const std::string_view before = all.substr(0, cut);
    const std::string_view after = all.substr(cut, end - cut);
    ASSERT_EQ(crc32c_joined(crc32c(before), crc32c(after), after.size()), crc32c(all.substr(0, end)))
        << cut << " " << end;
  }
}

TEST(Crc32c, ExtendsOverPieces) {
  const std::string bytes = counting(20'000);
  const uint32_t whole = crc32c(bytes);
  for (size_t cut : {0, 1, 7, 8, 767, 768, 12'288, 19'999, 20'000}) {
    EXPECT_EQ(crc32c(std::string_view(bytes).substr(cut), crc32c(std::string_view(bytes).substr(0, cut))), whole);
  }
}

TEST(Crc32c, EveryFlippedBitShows) {
  std::string bytes = counting(800);
  const uint32_t whole = crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_NE(crc32c(bytes), whole);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace headrace
