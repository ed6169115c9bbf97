#include "cli/row_chunks.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "cli/testing_files.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace headrace {
namespace {

std::vector<RowChunk> chunks_of(const std::string& text, bool csv) {
  const TemporaryFile path(text);
  InputFile file(path.path());
  RowChunks chunks(file, csv);
  std::vector<RowChunk> all;
  while (auto chunk = chunks.next()) all.push_back(std::move(*chunk));
  return all;
}

std::string without_header(const RowChunk& chunk, const std::string& header) {
  EXPECT_TRUE(chunk.body.starts_with(header)) << chunk.body.substr(0, 100);
  return chunk.body.substr(header.size());
}

// The line on which a row begins that has `mark`, as `line_of_row` says for each row of each chunk.
std::optional<uint64_t> line_of(const std::vector<RowChunk>& chunks, bool csv, uint64_t chunk, int64_t row) {
  if (chunk >= chunks.size()) return std::nullopt;
  return RowChunks::line_of_row(chunks[chunk], csv, row);
}

TEST(RowChunks, AnEmptyFileAndAHeaderAloneHaveNone) {
  EXPECT_TRUE(chunks_of("", true).empty());
  EXPECT_TRUE(chunks_of("", false).empty());
  EXPECT_TRUE(chunks_of("a,b\n", true).empty());
  EXPECT_TRUE(chunks_of("a,b", true).empty());
}

TEST(RowChunks, ASmallFileIsOneChunk) {
  const auto csv = chunks_of("a,b\n1,2\n3,4", true);
  ASSERT_EQ(csv.size(), 1U);
  EXPECT_EQ(csv[0].body, "a,b\n1,2\n3,4") << "also without a line end at the end";
  EXPECT_EQ(csv[0].number, 0U);
  EXPECT_EQ(csv[0].first_line, 2U);
  const auto json = chunks_of("{}\n{}\n", false);
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0].body, "{}\n{}\n");
  EXPECT_EQ(json[0].first_line, 1U);
}

// Rows with quoted line ends, commas and quotes, some of them longer than a chunk.
std::string random_csv(Random& random, const std::string& header, size_t bytes) {
  std::string text = header;
  while (text.size() < bytes) {
    switch (random.below(6)) {
      case 0: text += fmt::format("{},\"line\nends\r\n\n\"\n", random.below(1000)); break;
      case 1: text += "\"\"\"\n\"\"\",\"\"\n"; break;
      case 2: text += "\",\n\",\"a \"\"b\"\" c\"\r\n"; break;
      case 3: text += "\n"; break;
      case 4: text += fmt::format("5\" pipe,{}\n", std::string(random.below(3000), 'x')); break;
      default: text += "1,2\n";
    }
    if (random.one_in(300)) text += "\"" + std::string(random.below(3) * 400'000, '\n') + "\",end\n";
  }
  return text;
}

TEST(RowChunks, CsvIsCutAtRowEndsAndNothingIsLost) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string header = seed % 2 ? "\"a\nb\",c\n" : "a,b\r\n";
    const std::string text = random_csv(random, header, 3'000'000);
    const auto chunks = chunks_of(text, true);
    EXPECT_GE(chunks.size(), 2U);
    std::string whole = header;
    for (size_t i = 0; i < chunks.size(); ++i) {
      EXPECT_EQ(chunks[i].number, i);
      const auto lines = static_cast<uint64_t>(std::ranges::count(whole, '\n'));
      EXPECT_EQ(chunks[i].first_line, lines + 1);
      const std::string rows = without_header(chunks[i], header);
      // Every row is whole: the chunk ends where its last row does.
      CsvRowEnds ends;
      size_t end = 0, count = 0;
      for (size_t next = ends.next(rows); next != std::string::npos; next = ends.next(rows), ++count) end = next + 1;
      EXPECT_EQ(end, rows.size());
      EXPECT_LE(count, RowChunks::kChunkRows);
      if (i + 1 < chunks.size()) EXPECT_TRUE(count == RowChunks::kChunkRows || rows.size() >= RowChunks::kChunkBytes);
      whole += rows;
    }
    EXPECT_TRUE(whole == text);
  }
}

TEST(RowChunks, NdjsonIsCutAtLineFeedsAndNothingIsLost) {
  Random random(3);
  std::string text;
  while (text.size() < 3'000'000)
    text += fmt::format(R"({{"a":"\n\"{}"}})", std::string(random.below(500), 'x')) + "\n";
  text += R"({"the":"last"})";
  const auto chunks = chunks_of(text, false);
  EXPECT_GT(chunks.size(), 4U);
  std::string whole;
  for (const RowChunk& chunk : chunks) {
    EXPECT_EQ(chunk.first_line, static_cast<uint64_t>(std::ranges::count(whole, '\n')) + 1);
    EXPECT_TRUE(&chunk == &chunks.back() || chunk.body.ends_with('\n'));
    whole += chunk.body;
  }
  EXPECT_TRUE(whole == text);
}

// Whatever defaults and names make of them on the log.
TEST(RowChunks, ShortRowsAreCutByTheirNumber) {
  for (const bool csv : {false, true}) {
    std::string rows;
    for (size_t i = 0; i < 3 * RowChunks::kChunkRows + 5; ++i) rows += csv ? "1\n" : "{}\n";
    const auto chunks = chunks_of((csv ? "a\n" : "") + rows, csv);
    ASSERT_EQ(chunks.size(), 4U);
    EXPECT_EQ(chunks[0].body.size(), csv ? 2 + 2 * RowChunks::kChunkRows : 3 * RowChunks::kChunkRows);
    EXPECT_EQ(chunks[1].body, chunks[0].body);
    EXPECT_EQ(chunks[2].body, chunks[0].body);
    EXPECT_EQ(chunks[3].body, csv ? "a\n1\n1\n1\n1\n1\n" : "{}\n{}\n{}\n{}\n{}\n");
    EXPECT_EQ(chunks[3].first_line, 3 * RowChunks::kChunkRows + (csv ? 2 : 1));
  }
}

TEST(RowChunks, HalvesOfAChunkAreWholeRows) {
  const RowChunk csv{7, 3, "\"a\nb\"\n1\n\"2\n2\"\n3\n4\n5"};
  const auto halves = RowChunks::halves(csv, true);
  ASSERT_TRUE(halves);
  EXPECT_EQ(halves->first.body, "\"a\nb\"\n1\n\"2\n2\"\n");
  EXPECT_EQ(halves->first.first_line, 3U);
  EXPECT_EQ(halves->second.body, "\"a\nb\"\n3\n4\n5");
  EXPECT_EQ(halves->second.first_line, 6U);
  EXPECT_EQ(halves->second.number, 7U);
  EXPECT_FALSE(RowChunks::halves({0, 2, "a\n1"}, true));
  EXPECT_FALSE(RowChunks::halves({0, 2, "a\n1\n"}, true));
  EXPECT_FALSE(RowChunks::halves({0, 1, "{}\n"}, false));

  const auto json = RowChunks::halves({0, 5, "{}\n{\"a\":1}"}, false);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->first.body, "{}\n");
  EXPECT_EQ(json->second.body, "{\"a\":1}");
  EXPECT_EQ(json->second.first_line, 6U);
}

// A load that was interrupted skips chunks by their numbers.
TEST(RowChunks, TheSameTextIsCutInTheSameWay) {
  Random random(4);
  const std::string text = random_csv(random, "a,b\n", 2'000'000);
  const auto once = chunks_of(text, true);
  const auto again = chunks_of(text, true);
  const auto longer = chunks_of(text + "1,2\n", true);
  ASSERT_EQ(once.size(), again.size());
  for (size_t i = 0; i < once.size(); ++i) EXPECT_TRUE(once[i].body == again[i].body) << i;
  for (size_t i = 0; i + 1 < once.size(); ++i) EXPECT_TRUE(once[i].body == longer[i].body) << i;
}

TEST(RowChunks, SaysOnWhichLineARowBegins) {
  const auto csv = chunks_of("a,b\n1,\"x\ny\"\n\n\r\n2,\"\"\"\n\"\n3,4\n", true);
  ASSERT_EQ(csv.size(), 1U);
  EXPECT_EQ(line_of(csv, true, 0, 1), 2U);
  EXPECT_EQ(line_of(csv, true, 0, 2), 6U) << "empty lines are no rows";
  EXPECT_EQ(line_of(csv, true, 0, 3), 8U);

  const auto one_column = chunks_of("a\n1\n\n3\n", true);
  EXPECT_EQ(line_of(one_column, true, 0, 2), 3U) << "with one column they are";
  EXPECT_EQ(line_of(one_column, true, 0, 3), 4U);

  const auto long_header = chunks_of("\"a\nb\",c\n1,2\n3,4\n", true);
  EXPECT_EQ(line_of(long_header, true, 0, 1), 3U);
  EXPECT_EQ(line_of(long_header, true, 0, 2), 4U);

  const auto json = chunks_of("{}\n\n  \n{}\n{}", false);
  EXPECT_EQ(line_of(json, false, 0, 1), 1U);
  EXPECT_EQ(line_of(json, false, 0, 2), 4U);
  EXPECT_EQ(line_of(json, false, 0, 3), 5U);
}

TEST(RowChunks, LinesOfLaterChunksCountOn) {
  std::string text = "number,text\n";
  for (int i = 2; i <= 100'000; ++i) text += fmt::format("{},some text\n", i);
  const auto chunks = chunks_of(text, true);
  ASSERT_GT(chunks.size(), 2U);
  for (const RowChunk& chunk : chunks) {
    const size_t second = chunk.body.find('\n', chunk.body.find('\n') + 1) + 1;
    const uint64_t number = std::stoull(chunk.body.substr(second));
    EXPECT_EQ(RowChunks::line_of_row(chunk, true, 2), number);
  }
}

TEST(RowChunks, AByteOrderMarkIsNoPartOfAnyChunk) {
  std::string rows;
  while (rows.size() < 2'000'000) rows += "1,2\n";
  for (const std::string header : {"a,b\n", "\"a\nb\",c\n"}) {
    const auto chunks = chunks_of("\xef\xbb\xbf" + header + rows, true);
    ASSERT_GT(chunks.size(), 2U);
    EXPECT_EQ(chunks[0].first_line, header == "a,b\n" ? 2U : 3U);
    std::string all;
    for (const RowChunk& chunk : chunks) all += without_header(chunk, header);
    EXPECT_TRUE(all == rows);
  }
  EXPECT_EQ(chunks_of("\xef\xbb\xbf{}\n{}\n", false).at(0).body, "{}\n{}\n");
  EXPECT_TRUE(chunks_of("\xef\xbb\xbf", false).empty());
  EXPECT_EQ(chunks_of("{}\n\xef\xbb\xbf{}\n", false).at(0).body, "{}\n\xef\xbb\xbf{}\n") << "only at the beginning";
}

// The row is a bad one, and the server says so; the others are what they are.
TEST(RowChunks, AQuoteWithinAnUnquotedFieldDoesNotSwallowTheRowsBehindIt) {
  const std::string bad = "a,b\n5\" pipe,1\n";
  std::string text = bad;
  while (text.size() < RowChunks::kRowBytesMax + 1'000'000) text += "1,2\n";
  EXPECT_GT(chunks_of(text, true).size(), 30U);
}

TEST(RowChunks, ARowWithoutAnEndIsAnError) {
  std::string text = "a,b\n1,2\n3,\"no end\n";
  text.append(RowChunks::kRowBytesMax + 1'000'000, 'x');
  try {
    chunks_of(text, true);
    ADD_FAILURE() << "the row was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kTooLarge);
    EXPECT_NE(error.message().find("near line 2"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("quote"), std::string::npos) << error.message();
  }
}

// The end of a row is the same wherever the text is cut between two reads.
TEST(RowChunks, FindsRowEndsInATextThatGrows) {
  const std::string text = "\"a\"\"\n\",b\n,\"\"\n\"\"\"\"\"\n\"\nx\"y\n";
  std::vector<size_t> expected;
  CsvRowEnds all;
  for (size_t end = all.next(text); end != std::string::npos; end = all.next(text)) expected.push_back(end);
  EXPECT_EQ(expected, (std::vector<size_t>{8, 12, 20, 24}));
  for (size_t first = 0; first <= text.size(); ++first) {
    std::vector<size_t> found;
    CsvRowEnds ends;
    for (const size_t size : {first, text.size()}) {
      const std::string_view part = std::string_view(text).substr(0, size);
      for (size_t end = ends.next(part); end != std::string::npos; end = ends.next(part)) found.push_back(end);
    }
    EXPECT_EQ(found, expected) << first;
  }
}

}  // namespace
}  // namespace headrace
