// Whatever the text is, parsing and planning end in a result or an Error, and a position in an error lies in the text.
#include "base/check.h"
#include "base/error.h"
#include "sql/testing_relations.h"

using namespace headrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TestRelations relations(kTestStatements);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto try_one = [&](std::string_view sql, auto run) {
    try {
      run();
    } catch (const Error& error) {
      check(error.code() != Code::kInternal, "no text leads to a bug");
      check(error.where().position <= static_cast<int64_t>(sql.size()), "positions lie in the text");
    }
  };
  std::vector<Statement> statements;
  try_one(text, [&] { statements = parse_statements(text); });
  for (const Statement& statement : statements) {
    check(text.substr(static_cast<size_t>(statement.position), statement.text.size()) == statement.text,
          "a statement is where it says");
    std::string query = statement.text;
    if (const auto* view = std::get_if<CreateView>(&statement.body)) query = view->definition.query;
    if (const auto* explain = std::get_if<Explain>(&statement.body)) query = explain->query;
    if (std::holds_alternative<Insert>(statement.body)) {
      try_one(query, [&] { evaluate_insert(query, relations.find("scans")->type); });
      continue;
    }
    for (const QueryUse use : {QueryUse::kView, QueryUse::kStream, QueryUse::kAdHoc})
      try_one(query, [&] { to_text(*plan_query(query, relations, use)); });
  }
  return 0;
}
