// Reading an app file, and saying what applying it did.
#pragma once

#include <string>
#include <vector>

#include "views/executor.h"

namespace headrace {

// Less a byte order mark. Throws Error(kNotFound), Error(kIo), or Error(kTooLarge) beyond kSqlBytesMax.
std::string read_text_file(const std::string& path);

// One line per object that was created or changed; one in all when nothing was.
void print_applied(const std::string& app, const std::vector<StatementResult>& results);

}  // namespace headrace
