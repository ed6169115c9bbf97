// Runs .test files against sql/ and flow/ in this process, several times with different seeds (see database.h), and
// compares the rows with those that PostgreSQL gave (oracle.py).
//
//   sql_runner [--seed N] [--runs N] FILE...   compares; exit code 1 if anything differs
//   sql_runner --print [--seed N] < SCRIPT     prints the rows of each query and view: for differential.py
#include <algorithm>
#include <charconv>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "base/error.h"
#include "database.h"
#include "fmt/format.h"
#include "script.h"

namespace {

struct Options {
  uint64_t seed = 0;
  uint64_t runs = 6;
  bool print = false;
  std::vector<std::string> files;
};

std::string describe(const std::exception& error) {
  const auto* known = dynamic_cast<const headrace::Error*>(&error);
  if (known == nullptr || known->where().position < 0) return error.what();
  return fmt::format("{} (at byte {})", known->message(), known->where().position);
}

std::vector<std::string> rows_of(Database& database, const Block& block) {
  if (block.kind == Block::Kind::kView) return database.view(block.argument);
  if (block.kind == Block::Kind::kDead) {
    const size_t blank = block.argument.find(' ');
    return {fmt::format("{} {}", block.argument.substr(0, blank), database.dead_rows(block.argument.substr(0, blank)))};
  }
  return database.query(block.sql);
}

// What is wrong with the block's outcome; empty: nothing.
std::string run_block(Database& database, const Block& block) {
  try {
    switch (block.kind) {
      case Block::Kind::kStatement: database.execute(block.sql); return {};
      case Block::Kind::kError: try { database.execute(block.sql);
        } catch (const headrace::Error& error) {
          if (error.message().contains(block.argument)) return {};
          return fmt::format("expected an error with \"{}\", got \"{}\"", block.argument, describe(error));
        }
        return fmt::format("expected an error with \"{}\", and it worked", block.argument);
      case Block::Kind::kDead: {
        const std::vector<std::string> rows = rows_of(database, block);
        return rows[0] == block.argument ? std::string()
                                         : fmt::format("expected dead {}, got {}", block.argument, rows[0]);
      }
      default: break;
    }
    std::vector<std::string> rows = rows_of(database, block);
    if (block.kind != Block::Kind::kOrdered) std::ranges::sort(rows);
    if (rows == block.expected) return {};
    return fmt::format("expected\n    {}\n  got\n    {}", fmt::join(block.expected, "\n    "),
                       fmt::join(rows, "\n    "));
  } catch (const std::exception& error) {
    return describe(error);
  }
}

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool run_file(const std::string& path, const Options& options) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  const std::vector<Block> blocks = parse_script(read_all(in));
  for (uint64_t seed = options.seed; seed < options.seed + options.runs; ++seed) {
    Database database(seed);
    for (const Block& block : blocks) {
      const std::string wrong = run_block(database, block);
      if (wrong.empty()) continue;
      fmt::print("{}:{}: (seed {}) {}\n  {}\n", path, block.line, seed, block.sql, wrong);
      return false;
    }
  }
  fmt::print("{}: {} blocks, {} times\n", path, blocks.size(), options.runs);
  return true;
}

void print_script(const Options& options) {
  Database database(options.seed);
  size_t number = 0;
  for (const Block& block : parse_script(read_all(std::cin))) {
    try {
      if (block.kind == Block::Kind::kStatement) {
        database.execute(block.sql);
        continue;
      }
      std::vector<std::string> rows = rows_of(database, block);
      if (block.kind != Block::Kind::kOrdered) std::ranges::sort(rows);
      fmt::print("-- {}\n", number++);
      for (const std::string& row : rows) fmt::print("{}\n", row);
    } catch (const std::exception& error) {
      fmt::print("-- {} error: {}\n", number++, describe(error));
    }
  }
}

uint64_t number_after(int argc, char** argv, int& i) {
  const std::string_view text = i + 1 < argc ? argv[++i] : "";
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw std::runtime_error(fmt::format("{} needs a number", argv[i - 1]));
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      if (argument == "--seed")
        options.seed = number_after(argc, argv, i);
      else if (argument == "--runs")
        options.runs = number_after(argc, argv, i);
      else if (argument == "--print")
        options.print = true;
      else
        options.files.emplace_back(argument);
    }
    if (options.print) {
      print_script(options);
      return 0;
    }
    bool all_good = true;
    for (const std::string& file : options.files) all_good = run_file(file, options) && all_good;
    return all_good ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
