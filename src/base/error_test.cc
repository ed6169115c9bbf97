#include "base/error.h"

#include <cerrno>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace headrace {
namespace {

TEST(Error, EveryCodeIsInTheTable) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const CodeInfo& entry = info(static_cast<Code>(i));
    EXPECT_EQ(entry.code, static_cast<Code>(i));
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.title.empty());
    EXPECT_GE(entry.http_status, 400);
    EXPECT_LT(entry.http_status, 600);
    EXPECT_NE(entry.kafka_code, 0) << "0 is success";
    EXPECT_GE(entry.exit_code, 64) << "1 and 2 are for the command line itself";
    EXPECT_LE(entry.exit_code, 78);
  }
}

TEST(Error, CarriesWhatItWasGiven) {
  const Error error(Code::kInvalid, "use a point", Where{.row = 17, .column = "amount", .position = 3});
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_STREQ(error.what(), "use a point");
  EXPECT_EQ(error.where().row, 17);
  EXPECT_EQ(error.where().column, "amount");
  EXPECT_EQ(error.where().position, 3);
}

TEST(Error, OfTheSystem) {
  const struct {
    int number;
    Code code;
  } cases[] = {{ENOENT, Code::kNotFound},
               {ENOSPC, Code::kOutOfSpace},
               {EDQUOT, Code::kOutOfSpace},
               {EIO, Code::kIo},
               {EACCES, Code::kIo}};
  for (const auto& [number, code] : cases) {
    errno = number;
    try {
      throw_errno("opening /a");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_TRUE(error.message().starts_with("opening /a: ")) << error.message();
    }
  }
}

}  // namespace
}  // namespace headrace
