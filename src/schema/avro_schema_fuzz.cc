// Any text as an Avro schema: it is refused with an Error, or it prints as a schema that prints the same, and its
// columns have a schema whose columns are the same again.

#include "base/check.h"
#include "base/error.h"
#include "schema/avro.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  AvroSchemaPtr schema;
  try {
    schema = AvroSchema::parse({reinterpret_cast<const char*>(data), size});
  } catch (const Error&) {
    return 0;
  }
  // Names in full may be longer than what was given.
  if (schema->json().size() > kSchemaBytesMax) return 0;
  check(AvroSchema::parse(schema->json())->json() == schema->json(), "a printed schema prints the same");
  RowType columns;
  try {
    columns = schema->to_columns();
  } catch (const Error&) {
    return 0;
  }
  AvroSchemaPtr ours;
  try {
    ours = AvroSchema::from_columns("again", columns);
  } catch (const Error& error) {
    check(error.code() == Code::kTooLarge, "every row type has a schema, unless it is too large");
    return 0;
  }
  check(ours->to_columns() == columns, "columns come back from their schema");
  return 0;
}
