#include "views/value_codec.h"

#include "base/bytes.h"
#include "boost/json.hpp"
#include "fmt/format.h"
#include "log/log.h"
#include "schema/avro_node.h"
#include "schema/utf8.h"
#include "views/registry.h"

namespace headrace {
namespace {

constexpr size_t kSchemaPrefixBytes = 5;
constexpr size_t kDecodersMax = 1000;  // kept by one RowDecoder; each is made from its schema when it is needed again

// The one column of FORMAT RAW.
const ColumnData& raw_column(const Batch& rows) {
  return *rows.columns.at(0);
}

void append_text(std::string& out, const ColumnData& column, size_t row) {
  if (column.null_at(row)) return;
  if (column.type.kind == Kind::kText) {
    out.append(column.bytes[row]);
  } else if (column.type.is_integer()) {
    fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), column.ints[row]);
  } else {
    out.append(to_text(column.value_at(row), column.type));
  }
}

}  // namespace

RowEncoder::RowEncoder(StreamInfoPtr stream)
    : stream_(std::move(stream)), avro_(stream_->type, stream_->schemas.back().id) {}

bool RowEncoder::append_key(std::string& out, const Batch& rows, size_t row) const {
  if (stream_->key.empty()) return false;
  if (stream_->key.size() == 1) {
    append_text(out, *rows.columns[stream_->key[0]], row);
    return true;
  }
  boost::json::array parts;
  for (const size_t index : stream_->key) {
    const ColumnData& column = *rows.columns[index];
    if (column.null_at(row)) {
      parts.push_back(nullptr);
    } else {
      parts.push_back(boost::json::value(to_text(column.value_at(row), column.type)));
    }
  }
  out.append(boost::json::serialize(parts));
  return true;
}

bool RowEncoder::append_id(std::string& out, const Batch& rows, size_t row) const {
  if (!stream_->id) return false;
  append_text(out, *rows.columns[*stream_->id], row);
  return true;
}

void RowEncoder::append_value(std::string& out, const Batch& rows, size_t row) const {
  switch (stream_->definition.format) {
    case ValueFormat::kAvro: avro_.append(out, rows, row); return;
    case ValueFormat::kJson: append_row_json(out, rows, row); return;
    case ValueFormat::kRaw: out.append(raw_column(rows).bytes[row]); return;
  }
}

RowDecoder::RowDecoder(StreamInfoPtr stream) : stream_(std::move(stream)) {}

AvroSchemaPtr RowDecoder::find_schema(int32_t schema_id) const {
  for (const SchemaVersion& version : stream_->schemas)
    if (version.id == schema_id) return version.schema;
  if (stream_->registry == nullptr || !stream_->registry->state()->schemas.contains(schema_id)) {
    throw Error(Code::kCorrupt, fmt::format("the record has schema id {}, which is not one of stream \"{}\"{}",
                                            schema_id, stream_->definition.name,
                                            stream_->registry == nullptr ? "" : ", nor of the schema registry"));
  }
  return stream_->registry->schema(schema_id);
}

const AvroDecoder& RowDecoder::avro_decoder(int32_t schema_id) {
  if (last_ != nullptr && schema_id == last_id_) return *last_;
  if (const auto refused = refused_.find(schema_id); refused != refused_.end())
    throw Error(Code::kCorrupt, refused->second);
  if (avro_.size() + refused_.size() >= kDecodersMax) {
    avro_.clear();
    refused_.clear();
    last_ = nullptr;
  }
  auto decoder = avro_.find(schema_id);
  if (decoder == avro_.end()) {
    const AvroSchemaPtr schema = find_schema(schema_id);
    try {
      if (schema->root().kind != AvroKind::kRecord) throw Error(Code::kInvalid, "it is not a record");
      decoder = avro_.emplace(schema_id, std::make_unique<AvroDecoder>(schema, stream_->type)).first;
    } catch (const Error& error) {
      const auto& why = refused_[schema_id] = fmt::format("rows of schema id {} are not rows of stream \"{}\": {}",
                                                          schema_id, stream_->definition.name, error.message());
      throw Error(Code::kCorrupt, why, error.where());
    }
  }
  last_id_ = schema_id;
  last_ = decoder->second.get();
  return *last_;
}

void RowDecoder::decode(std::string_view value, BatchBuilder& to) {
  switch (stream_->definition.format) {
    case ValueFormat::kAvro: {
      if (value.size() < kSchemaPrefixBytes || value[0] != 0)
        throw Error(Code::kCorrupt, "the record does not begin with a zero byte and a schema id");
      avro_decoder(load_big_endian<int32_t>(value.data() + 1)).decode(value.substr(kSchemaPrefixBytes), to);
      return;
    }
    case ValueFormat::kJson: {
      if (!json_) {
        const RowLimits limits{.row_bytes_max = kBatchBytesMax};
        json_ = std::make_unique<RowParser>(stream_->type, RowFormat::kJson, limits);
      }
      try {
        json_->parse_object(value, to);
      } catch (const Error& error) {
        throw Error(Code::kCorrupt, error.message(), error.where());
      }
      return;
    }
    case ValueFormat::kRaw: {
      ColumnData& column = to.column(0);
      if (column.type.kind == Kind::kText) {
        if (!valid_text(value)) throw Error(Code::kCorrupt, "the record is not UTF-8 text");
        column.bytes.push_back(value);
        if (column.has_nulls()) column.nulls.push_back(0);
        to.end_row();
      } else {
        column.bytes.push_back(value);
        if (column.has_nulls()) column.nulls.push_back(0);
        to.end_row();
      }
      return;
    }
  }
}

void RowDecoder::decode_key(std::string_view key, BatchBuilder& to) {
  std::vector<Value> values(stream_->type->columns.size());
  auto set = [&](size_t part, std::string_view text) {
    const size_t column = stream_->key.at(part);
    values[column] = parse_text(text, stream_->type->columns[column].type);
  };
  if (stream_->key.size() == 1) {
    set(0, key);
  } else {
    boost::system::error_code failed;
    const auto parts = boost::json::parse({key.data(), key.size()}, failed);
    if (failed || !parts.is_array() || parts.as_array().size() != stream_->key.size())
      throw Error(Code::kCorrupt, "the record's key is not a JSON array with one text per key column");
    for (size_t part = 0; part < stream_->key.size(); ++part) {
      const auto& text = parts.as_array()[part];
      if (!text.is_string()) throw Error(Code::kCorrupt, "a part of the record's key is not a text");
      set(part, std::string_view(text.as_string()));
    }
  }
  to.append_row(values);
}

}  // namespace headrace
