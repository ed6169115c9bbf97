// The text by which a registry knows a schema. Two texts that say the same are the same schema and have the same id:
// blanks, escapes, the order of an object's members and names spelled in full or not do not count, while documentation
// and properties of the users' own do. With `normalize` less counts: names are in full, and properties in the order of
// their names.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

// `json` is a schema that AvroSchema::parse_any() takes.
std::string registry_text(std::string_view json, bool normalize);

}  // namespace headrace
