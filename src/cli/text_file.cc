#include "cli/text_file.h"

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/byte_order_mark.h"
#include "fmt/format.h"

namespace headrace {

std::string read_text_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) throw_errno("cannot read " + path);
  std::string text(kSqlBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) throw_errno("cannot read " + path);
  if (text.size() > kSqlBytesMax)
    throw Error(Code::kTooLarge, fmt::format("{} has more than {} bytes", path, kSqlBytesMax));
  remove_byte_order_mark(text);
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
