// Defaults. In a schema they are JSON in Avro's own form (bytes as a string of code points 0 to 255, dates as days), in
// a column they are JSON as rows are sent. Between the two lies the binary form, which both sides can already read and
// write, so that a default means exactly what a row with that value would.
#pragma once

#include <string>
#include <string_view>

#include "schema/avro_node.h"
#include "schema/columns.h"

namespace headrace {

// Appends the Avro binary of a default, given as JSON text without blanks around it. Throws Error(kInvalid) when it is
// not a value of `node`. A union's default may be of any branch (Avro 1.12); the first that takes it is used.
void encode_default(const AvroNode& node, std::string_view json, std::string& out);

// A column's default as the JSON that the Avro field carries.
std::string avro_default_json(const Column& column);

// The other direction, for a field whose default passed encode_default(). Throws Error(kUnsupported).
std::string column_default_json(const AvroField& field, const Column& column);

}  // namespace headrace
