#include "flow/row_codec.h"

#include <algorithm>

#include "base/error.h"
#include "flow/key_looks.h"

namespace headrace {

RowCodec::RowCodec(RowTypePtr type, std::vector<size_t> key) : type_(std::move(type)), key_(std::move(key)) {
  for (size_t column = 0; column < type_->columns.size(); ++column)
    if (std::ranges::find(key_, column) == key_.end() || !key_is_faithful(type_->columns[column].type))
      others_.push_back(column);
}

void RowCodec::append_key(std::string& out, const Batch& batch, size_t row) const {
  for (const size_t column : key_) headrace::append_key(out, *batch.columns[column], row);
}

void RowCodec::append_value(std::string& out, const Batch& batch, size_t row) const {
  for (const size_t column : others_) headrace::append_value(out, *batch.columns[column], row);
}

void RowCodec::decode(std::string_view key, std::string_view value, std::vector<Value>& row) const {
  row.resize(type_->columns.size());
  for (const size_t column : key_) row[column] = take_key(key, type_->columns[column].type);
  if (value.empty()) std::swap(key, value);
  for (const size_t column : others_) row[column] = take_value(value, type_->columns[column].type);
  if (!key.empty() || !value.empty()) throw Error(Code::kCorrupt, "a stored row has more bytes than its columns");
}

}  // namespace headrace
