// For tests of calls that must fail.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string_view>

#include "base/error.h"

namespace headrace {

// The Error that `act` throws; that it throws none is a failure of the test.
inline Error error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {Code::kInternal, "nothing was thrown"};
}

// Expects `act` to throw an Error of `code` whose message has `part` in it.
inline void expect_refusal(Code code, std::string_view part, const std::function<void()>& act) {
  const Error error = error_of(act);
  EXPECT_EQ(info(error.code()).name, info(code).name) << error.message();
  EXPECT_TRUE(error.message().contains(part)) << error.message() << "\n  has not: " << part;
}

}  // namespace headrace
