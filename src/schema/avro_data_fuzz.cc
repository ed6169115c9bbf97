// Any bytes as a record: decoded by one of several pairs of schema and row type, they are refused and leave the columns
// as they were, or make a row that encodes and decodes to itself.

#include <array>

#include "base/check.h"
#include "base/error.h"
#include "schema/avro.h"

namespace {

using namespace headrace;

struct Pair {
  AvroSchemaPtr writer;
  RowTypePtr reader;
  std::unique_ptr<AvroDecoder> decoder;
  std::unique_ptr<AvroDecoder> again;  // of what the encoder writes for the reader's columns
};

Pair make_pair_of(AvroSchemaPtr writer, RowType reader) {
  Pair pair{std::move(writer), std::make_shared<const RowType>(std::move(reader)), nullptr, nullptr};
  pair.decoder = std::make_unique<AvroDecoder>(pair.writer, pair.reader);
  pair.again = std::make_unique<AvroDecoder>(AvroSchema::from_columns("again", *pair.reader), pair.reader);
  return pair;
}

RowType every_type() {
  RowType type;
  for (int kind = 0; kind <= static_cast<int>(Kind::kArray); ++kind) {
    const Type plain{static_cast<Kind>(kind)};
    type.columns.push_back({"a" + std::to_string(kind), plain, true, ""});
    if (plain.kind != Kind::kArray) {
      type.columns.push_back({"l" + std::to_string(kind), {.kind = Kind::kArray, .element = plain.kind}, true, ""});
    }
  }
  type.columns.push_back({"money", {Kind::kNumeric, 12, 2}, false, ""});
  return type;
}

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = [] {
    std::vector<Pair> result;
    const RowType flights{{{"flight", {Kind::kBigint}, false},
                           {"scheduled", {Kind::kTimestamptz}},
                           {"origin", {Kind::kText}},
                           {"distance", {Kind::kInteger}}}};
    result.push_back(make_pair_of(AvroSchema::from_columns("flights", flights), flights));
    result.push_back(make_pair_of(AvroSchema::from_columns("every", every_type()), every_type()));
    const auto foreign = AvroSchema::parse(R"({"type":"record","name":"r","fields":[
      {"name":"e","type":{"type":"enum","name":"e","symbols":["A","B"]}},
      {"name":"u","type":["int","null","long","string"]},
      {"name":"skipped","type":{"type":"map","values":["null","r",{"type":"array","items":"null"}]}},
      {"name":"d","type":{"type":"fixed","name":"d","size":20,"logicalType":"decimal","precision":38,"scale":3}},
      {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
      {"name":"i","type":{"type":"fixed","name":"i","size":12,"logicalType":"duration"}},
      {"name":"z","type":{"type":"array","items":{"type":"fixed","name":"z","size":0}}}]})");
    result.push_back(make_pair_of(foreign, {{{"e", {Kind::kText}},
                                             {"u", {Kind::kNumeric, 20, 0}},
                                             {"d", {Kind::kNumeric}},
                                             {"t", {Kind::kTimestamptz}},
                                             {"i", {Kind::kInterval}},
                                             {"z", {.kind = Kind::kArray, .element = Kind::kBytea}},
                                             {"added", {Kind::kText}, false, "\"x\""}}}));
    return result;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Pair& pair = pairs()[data[0] % pairs().size()];
  const std::string_view datum(reinterpret_cast<const char*>(data) + 1, size - 1);
  BatchBuilder builder(pair.reader);
  try {
    pair.decoder->decode(datum, builder);
  } catch (const Error& error) {
    check(error.code() == Code::kCorrupt, "bad bytes are corrupt");
    check(builder.rows() == 0, "a bad row is no row");
    for (size_t index = 0; index < pair.reader->columns.size(); ++index) {
      check(builder.column(index).size() == 0 && !builder.column(index).has_nulls(), "a bad row leaves nothing");
    }
    return 0;
  }
  const Batch batch = builder.finish();
  std::string encoded;
  AvroEncoder(pair.reader, 1).append(encoded, batch, 0);
  BatchBuilder again(pair.reader);
  pair.again->decode(std::string_view(encoded).substr(5), again);
  std::string first, second;
  append_row_json(first, batch, 0);
  append_row_json(second, again.finish(), 0);
  check(first == second, "a row that is encoded and decoded is the same row");
  return 0;
}
