// How calls find their function, and what the table promises about itself.
#include "flow/functions.h"

#include <fstream>
#include <set>
#include <sstream>

#include "flow/testing_functions.h"

namespace headrace {
namespace {

using testing::type_named;

// "integer, unknown" to the parameters and the result: "bigint, bigint -> bigint"; "none"; "ambiguous".
std::string resolution(std::string_view name, std::string_view types) {
  std::vector<Type> arguments;
  std::array<bool, 10> unknown{};
  for (const std::string_view type : testing::split(types, ", ")) {
    if (type.empty()) continue;
    unknown[arguments.size()] = type == "unknown";
    arguments.push_back(type == "unknown" ? Type{} : type_named(type));
  }
  try {
    const auto found = resolve_function(name, arguments, std::span(unknown).first(arguments.size()));
    if (!found) return "none";
    std::string result;
    for (const Type& parameter : found->parameters) result += (result.empty() ? "" : ", ") + parameter.name();
    return result + " -> " + found->result.name();
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(Resolve, TakesExactMatchesAndKeepsDigits) {
  EXPECT_EQ(resolution("+", "integer, integer"), "integer, integer -> integer");
  EXPECT_EQ(resolution("+", "numeric(12,2), numeric(5,1)"), "numeric(12,2), numeric(5,1) -> numeric");
  EXPECT_EQ(resolution("+", "numeric(12,2), integer"), "numeric(12,2), numeric -> numeric");
  EXPECT_EQ(resolution("!=", "text, text"), "text, text -> boolean");
}

TEST(Resolve, WidensNumbers) {
  EXPECT_EQ(resolution("+", "smallint, bigint"), "bigint, bigint -> bigint");
  EXPECT_EQ(resolution("*", "bigint, real"), "double precision, real -> double precision");
  EXPECT_EQ(resolution("=", "numeric, real"), "double precision, real -> boolean");
  EXPECT_EQ(resolution("sqrt", "integer"), "double precision -> double precision");
  EXPECT_EQ(resolution("round", "integer, integer"), "numeric, integer -> numeric");
  EXPECT_EQ(resolution("round", "double precision, integer"), "none");
}

TEST(Resolve, GivesUntypedLiteralsTheTypeOfTheOtherSide) {
  EXPECT_EQ(resolution("=", "timestamptz, unknown"), "timestamptz, timestamptz -> boolean");
  EXPECT_EQ(resolution("=", "unknown, uuid"), "uuid, uuid -> boolean");
  EXPECT_EQ(resolution("-", "timestamptz, unknown"), "timestamptz, timestamptz -> interval");
  EXPECT_EQ(resolution("=", "unknown, unknown"), "text, text -> boolean");
  EXPECT_EQ(resolution("->", "jsonb, unknown"), "jsonb, text -> jsonb");
  EXPECT_EQ(resolution("lower", "unknown"), "text -> text");
  EXPECT_EQ(resolution("date_trunc", "unknown, timestamptz"), "text, timestamptz -> timestamptz");
  EXPECT_EQ(resolution("date_trunc", "unknown, date"), "text, timestamptz -> timestamptz");
  EXPECT_EQ(resolution("date_bin", "unknown, timestamptz, unknown"),
            "interval, timestamptz, timestamptz -> timestamptz");
  EXPECT_EQ(resolution("abs", "unknown"), "double precision -> double precision");
}

TEST(Resolve, RefusesWhatIsNotThereOrNotUnique) {
  EXPECT_EQ(resolution("+", "text, integer"), "none");
  EXPECT_EQ(resolution("=", "text, integer"), "none");
  EXPECT_EQ(resolution("no_such_function", ""), "none");
  EXPECT_EQ(resolution("lower", "text, text"), "none");
  EXPECT_EQ(resolution("coalesce", ""), "none");
  EXPECT_EQ(resolution("coalesce", "text, integer"), "none");
  EXPECT_EQ(resolution("+", "unknown, unknown"),
            "unknown + unknown is not unique; add casts to say which types are meant");
}

TEST(Resolve, FindsTheCommonType) {
  EXPECT_EQ(resolution("coalesce", "integer, numeric(5,2), unknown"), "numeric, numeric, numeric -> numeric");
  EXPECT_EQ(resolution("greatest", "numeric(5,2), numeric(5,2)"), "numeric(5,2), numeric(5,2) -> numeric(5,2)");
  EXPECT_EQ(resolution("nullif", "unknown, unknown"), "text, text -> text");
  EXPECT_EQ(resolution("least", "date, timestamptz"), "timestamptz, timestamptz -> timestamptz");
  EXPECT_EQ(resolution("concat", "integer, unknown, boolean"), "integer, text, boolean -> text");
  EXPECT_EQ(resolution("=", "integer[], integer[]"), "integer[], integer[] -> boolean");
  EXPECT_EQ(resolution("=", "integer[], text[]"), "none");
  EXPECT_EQ(resolution("||", "text, integer"), "text, text -> text");
  EXPECT_EQ(common_type(std::vector<Type>{}), Type{.kind = Kind::kText});
  EXPECT_EQ(common_type(std::vector{type_named("real"), type_named("numeric")}), type_named("real"));
  EXPECT_EQ(common_type(std::vector{type_named("jsonb"), type_named("uuid")}), std::nullopt);
}

TEST(Resolve, TypesAggregates) {
  const auto result = [](std::string_view name, std::vector<Type> types) -> std::string {
    const auto found = resolve_aggregate(name, types, {});
    return found ? found->result.name() : "none";
  };
  EXPECT_EQ(result("count", {}), "bigint");
  EXPECT_EQ(result("count", {type_named("text")}), "bigint");
  EXPECT_EQ(result("sum", {type_named("integer")}), "bigint");
  EXPECT_EQ(result("sum", {type_named("bigint")}), "numeric");
  EXPECT_EQ(result("sum", {type_named("numeric(12,2)")}), "numeric");
  EXPECT_EQ(result("sum", {type_named("real")}), "real");
  EXPECT_EQ(result("sum", {type_named("interval")}), "interval");
  EXPECT_EQ(result("sum", {type_named("text")}), "none");
  EXPECT_EQ(result("avg", {type_named("smallint")}), "numeric");
  EXPECT_EQ(result("avg", {type_named("real")}), "double precision");
  EXPECT_EQ(result("min", {type_named("numeric(12,2)")}), "numeric(12,2)");
  EXPECT_EQ(result("max", {type_named("jsonb")}), "none");
  EXPECT_EQ(result("every", {type_named("boolean")}), "boolean");
  EXPECT_EQ(result("bool_or", {type_named("integer")}), "none");
  EXPECT_EQ(result("arg_max", {type_named("text"), type_named("timestamptz")}), "text");
  EXPECT_EQ(result("arg_max", {type_named("text"), type_named("jsonb")}), "none");
  EXPECT_EQ(result("approx_count_distinct", {type_named("uuid")}), "bigint");
  EXPECT_EQ(result("median", {type_named("integer")}), "none");
}

TEST(Casts, HaveThreeContexts) {
  const auto weakest = [](std::string_view from, std::string_view to) -> std::string {
    const Type source = type_named(from);
    const Type target = type_named(to);
    if (can_cast(source, target, CastContext::kImplicit)) return "implicit";
    if (can_cast(source, target, CastContext::kAssignment)) return "assignment";
    return can_cast(source, target, CastContext::kExplicit) ? "explicit" : "none";
  };
  EXPECT_EQ(weakest("integer", "bigint"), "implicit");
  EXPECT_EQ(weakest("bigint", "integer"), "assignment");
  EXPECT_EQ(weakest("numeric", "double precision"), "implicit");
  EXPECT_EQ(weakest("double precision", "numeric"), "assignment");
  EXPECT_EQ(weakest("text", "integer"), "explicit");
  EXPECT_EQ(weakest("integer", "text"), "assignment");
  EXPECT_EQ(weakest("boolean", "integer"), "explicit");
  EXPECT_EQ(weakest("boolean", "bigint"), "none");
  EXPECT_EQ(weakest("date", "timestamptz"), "implicit");
  EXPECT_EQ(weakest("timestamptz", "date"), "assignment");
  EXPECT_EQ(weakest("jsonb", "integer"), "explicit");
  EXPECT_EQ(weakest("uuid", "bytea"), "none");
  EXPECT_EQ(weakest("integer[]", "bigint[]"), "implicit");
  EXPECT_EQ(weakest("integer", "integer[]"), "none");
}

TEST(Table, IsComplete) {
  std::set<std::string> signatures;
  for (const Function& function : all_functions()) {
    SCOPED_TRACE(function.name);
    EXPECT_TRUE(function.evaluate != nullptr || function.lazy);
    EXPECT_FALSE(function.description.empty());
    EXPECT_EQ(function.description.find('\n'), std::string_view::npos);
    std::string signature(function.name);
    for (const Kind kind : function.parameters) signature += " " + std::to_string(static_cast<int>(kind));
    EXPECT_TRUE(signatures.insert(signature).second) << "there are no two functions of one signature";
  }
  EXPECT_EQ(std::set(signatures).size(), all_functions().size());
}

std::string reference_path() {
  const std::string source = __FILE__;
  return source.substr(0, source.rfind("src/flow/")) + "docs/functions.md";
}

TEST(Reference, EqualsTheFileInDocs) {
  std::ifstream file(reference_path());
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_TRUE(content.str() == function_reference())
      << "docs/functions.md is not what the program has; write it anew: flow_test "
         "--gtest_also_run_disabled_tests --gtest_filter='*WriteTheFile'";
}

TEST(Reference, DISABLED_WriteTheFile) {
  std::ofstream(reference_path()) << function_reference();
}

}  // namespace
}  // namespace headrace
