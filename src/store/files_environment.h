// Lets RocksDB read and write through our Files, so that the disks that fail in tests fail for it too.
#pragma once

#include <memory>

#include "rocksdb/file_system.h"
#include "runtime/files.h"

namespace headrace {

// `files` outlives the result, which outlives the database.
std::shared_ptr<rocksdb::FileSystem> make_file_system(Files& files);

}  // namespace headrace
