#include "cli/text_file.h"

#include <fstream>
#include <iterator>

#include "fmt/format.h"

namespace headrace {

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Code::kNotFound, fmt::format("cannot read {}", path));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.size() > kSqlBytesMax)
    throw Error(Code::kTooLarge, fmt::format("{} has more than {} bytes", path, kSqlBytesMax));
  return text;
}

void print_applied(const std::string& app, const std::vector<StatementResult>& results) {
  size_t changes = 0;
  for (const StatementResult& result : results) {
    if (!result.applied) continue;
    const Applied& applied = *result.applied;
    if (applied.what == Applied::What::kUnchanged && applied.note.empty()) continue;
    ++changes;
    fmt::print("{} {} {}{}{}\n", to_string(applied.what), applied.kind, applied.name, applied.note.empty() ? "" : ": ",
               applied.note);
  }
  if (changes == 0) fmt::print("{}: nothing to change\n", app);
}

}  // namespace headrace
