#include "views/value_codec.h"

#include "base/bytes.h"
#include "boost/json.hpp"
#include "fmt/format.h"
#include "log/log.h"
#include "schema/utf8.h"

namespace headrace {
namespace {

constexpr size_t kSchemaPrefixBytes = 5;

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

const AvroDecoder& RowDecoder::avro_decoder(int32_t schema_id) {
  if (schema_id == last_id_) return *last_;
  std::unique_ptr<AvroDecoder>& decoder = avro_[schema_id];
  if (!decoder) {
    for (const SchemaVersion& version : stream_->schemas) {
      if (version.id == schema_id) decoder = std::make_unique<AvroDecoder>(version.schema, stream_->type);
    }
    if (!decoder) {
      avro_.erase(schema_id);
      throw Error(Code::kCorrupt, fmt::format("the record has schema id {}, which is not one of stream \"{}\"",
                                              schema_id, stream_->definition.name));
    }
  }
  last_id_ = schema_id;
  last_ = decoder.get();
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
