#include "script.h"

#include <stdexcept>

#include "fmt/format.h"

namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Takes `word` and the blank behind it off the front.
bool take_word(std::string_view& line, std::string_view word) {
  if (!line.starts_with(word) || (line.size() > word.size() && line[word.size()] != ' ')) return false;
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return true;
}

Block parse_first_line(std::string_view line, size_t number) {
  Block block{.line = number};
  if (take_word(line, "statement")) {
    block.kind = take_word(line, "error") ? Block::Kind::kError : Block::Kind::kStatement;
  } else if (take_word(line, "query")) {
    block.kind = take_word(line, "ordered") ? Block::Kind::kOrdered : Block::Kind::kQuery;
  } else if (take_word(line, "view")) {
    block.kind = Block::Kind::kView;
  } else if (take_word(line, "dead")) {
    block.kind = Block::Kind::kDead;
  } else {
    throw std::runtime_error(fmt::format("line {}: \"{}\" does not begin a block", number, line));
  }
  block.argument = line;
  return block;
}

}  // namespace

std::vector<Block> parse_script(std::string_view text) {
  const std::vector<std::string> lines = split_lines(text);
  std::vector<Block> blocks;
  size_t i = 0;
  while (i < lines.size()) {
    if (lines[i].empty() || lines[i].starts_with('#')) {
      ++i;
      continue;
    }
    Block block = parse_first_line(lines[i], i + 1);
    bool in_rows = false;
    for (++i; i < lines.size() && !lines[i].empty(); ++i) {
      if (!in_rows && lines[i] == "----") {
        in_rows = true;
      } else if (in_rows) {
        block.expected.push_back(lines[i]);
      } else {
        if (!block.sql.empty()) block.sql += '\n';
        block.sql += lines[i];
      }
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}
