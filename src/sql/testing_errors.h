// For tests of messages: SQL in which `@` marks where the error must point.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace headrace {

struct WrongSql {
  std::string_view marked;   // with `@` before the place, or without for an error that has none
  std::string_view message;  // a part of it
  Code code = Code::kInvalid;
};

// Expects `run` of the SQL without its mark to throw the Error.
template <typename Run>
void expect_error(const WrongSql& wrong, Run run) {
  std::string sql(wrong.marked);
  std::optional<int64_t> position;
  if (const size_t mark = sql.find('@'); mark != std::string::npos) {
    position = static_cast<int64_t>(mark);
    sql.erase(mark, 1);
  }
  try {
    run(sql);
    ADD_FAILURE() << "no error for: " << sql;
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains(wrong.message)) << sql << "\n  " << error.message();
    EXPECT_EQ(info(error.code()).name, info(wrong.code).name) << sql << "\n  " << error.message();
    if (position) EXPECT_EQ(error.where().position, *position) << sql << "\n  " << error.message();
  }
}

}  // namespace headrace
