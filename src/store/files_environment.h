// Lets RocksDB read and write through our Files, so that the disks that fail in tests fail for it too.
#pragma once

#include <memory>

#include "rocksdb/env.h"
#include "runtime/files.h"

namespace headrace {

// Threads and clock are RocksDB's own. `files` outlives the result, which outlives the database.
std::unique_ptr<rocksdb::Env> make_environment(Files& files);

}  // namespace headrace
