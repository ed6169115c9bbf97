// How a row lies in a table of the store: key columns as the ordered key, the others as the value. Key columns whose
// key does not tell how the value looks (key_looks.h) are in the value as well, so that a row comes back as it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/columns.h"

namespace headrace {

class RowCodec {
 public:
  // `key` lists the columns of the key, in order.
  RowCodec(RowTypePtr type, std::vector<size_t> key);

  const RowTypePtr& type() const { return type_; }
  void append_key(std::string& out, const Batch& batch, size_t row) const;
  void append_value(std::string& out, const Batch& batch, size_t row) const;
  // The whole row, in the order of columns, into `row`. The value may also stand behind the key. Throws
  // Error(kCorrupt).
  void decode(std::string_view key, std::string_view value, std::vector<Value>& row) const;

 private:
  RowTypePtr type_;
  std::vector<size_t> key_;
  std::vector<size_t> others_;
};

}  // namespace headrace
