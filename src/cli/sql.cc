// headrace sql: statements from the command line, from standard input, or from a prompt with history.
#include <histedit.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>

#include "base/error.h"
#include "cli/byte_order_mark.h"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/sql_text.h"
#include "cli/text_table.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr int kHistoryMax = 1000;

std::string accept_header(const std::string& format) {
  if (format == "csv") return "text/csv";
  if (format == "ndjson") return "application/x-ndjson";
  return "application/json";
}

void execute(HttpClient& client, const std::string& statement, const std::string& format) {
  const HttpReply reply = client.request(
      "POST", "/v1/sql", {{"Content-Type", "application/sql"}, {"Accept", accept_header(format)}}, statement);
  try {
    throw_problem(reply);
  } catch (const Error& error) {
    throw located(error, statement);
  }
  if (format != "table") {
    fmt::print("{}{}", reply.body, reply.body.ends_with('\n') ? "" : "\n");
    return;
  }
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  fmt::print("{}", text_results(reply.body, terminal ? Cells::kShortened : Cells::kWhole));
}

class Prompt {
 public:
  Prompt() : history_(history_init()), line_(el_init("headrace", stdin, stdout, stderr)) {
    const char* home = std::getenv("HOME");
    if (home) history_file_ = std::string(home) + "/.headrace_history";
    ::history(history_, &event_, H_SETSIZE, kHistoryMax);
    ::history(history_, &event_, H_SETUNIQUE, 1);
    if (!history_file_.empty()) ::history(history_, &event_, H_LOAD, history_file_.c_str());
    el_set(line_, EL_CLIENTDATA, this);
    el_set(line_, EL_PROMPT, &Prompt::text);
    el_set(line_, EL_EDITOR, "emacs");
    el_set(line_, EL_HIST, ::history, history_);
    el_source(line_, nullptr);
  }
  ~Prompt() {
    if (!history_file_.empty()) ::history(history_, &event_, H_SAVE, history_file_.c_str());
    el_end(line_);
    history_end(history_);
  }
  Prompt(const Prompt&) = delete;

  // A whole statement, over as many lines as it takes, or what there is of one at the end of input; then false.
  bool read(std::string& statement) {
    statement.clear();
    continued_ = false;
    while (!ended_) {
      int size = 0;
      const char* got = el_gets(line_, &size);
      ended_ = !got || size <= 0;
      if (!ended_) statement.append(got, static_cast<size_t>(size));
      const std::string trimmed = statement.substr(0, statement.find_last_not_of(" \t\r\n") + 1);
      if (trimmed == "quit" || trimmed == "exit" || trimmed == "\\q" || trimmed == "help") {
        statement = trimmed;
        return true;
      }
      const SqlEnd end = sql_end(statement);
      if (end == SqlEnd::kNothing) {
        statement.clear();
        continue;
      }
      continued_ = true;
      if (end == SqlEnd::kEnded) break;
    }
    if (statement.empty()) return false;
    ::history(history_, &event_, H_ENTER, statement.c_str());
    return true;
  }

 private:
  static char* text(EditLine* line) {
    static char first[] = "headrace> ";
    static char next[] = "      ... ";
    Prompt* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    return self && self->continued_ ? next : first;
  }

  History* history_;
  EditLine* line_;
  HistEvent event_{};
  std::string history_file_;
  bool continued_ = false;
  bool ended_ = false;
};

int prompt(HttpClient& client, const SqlOptions& options) {
  fmt::print("Headrace at http://{}. End statements with ; — SHOW STREAMS; SHOW VIEWS; quit\n",
             options.url.authority());
  std::fflush(stdout);
  Prompt lines;
  for (std::string statement; lines.read(statement);) {
    if (statement == "quit" || statement == "exit" || statement == "\\q") return 0;
    if (statement == "help") {
      fmt::print(
          "SHOW STREAMS; SHOW TABLES; SHOW VIEWS; SHOW FUNCTIONS; SHOW CREATE name;\n"
          "SELECT ...; EXPLAIN SELECT ...; INSERT INTO ...; CREATE ...; DROP ...; ALTER ...; quit\n");
      continue;
    }
    try {
      execute(client, statement, options.format);
    } catch (const Error& error) {
      fmt::print(stderr, "{}\n", error.message());
    }
    std::fflush(stdout);
  }
  fmt::print("\n");
  return 0;
}

}  // namespace

int sql(const SqlOptions& options) {
  HttpClient client(options.url);
  if (!options.statements.empty()) {
    for (const std::string& statement : options.statements) execute(client, statement, options.format);
    return 0;
  }
  if (::isatty(STDIN_FILENO) != 0) return prompt(client, options);
  std::string statements{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  remove_byte_order_mark(statements);
  execute(client, statements, options.format);
  return 0;
}

}  // namespace headrace
