#include "sql/statements.h"

#include <gtest/gtest.h>
TEST(Statements, Smoke) {
  EXPECT_EQ(headrace::parse_statements("select 1 from x; show streams").size(), 2u);
}
