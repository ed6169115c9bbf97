// The samples of keys (key_sample.h) of all tables of a RocksDB store, kept in its last table: under the number of the
// table how often its limit was halved, under the number and a hash nothing. They are changed in the same batch as the
// keys, so after a crash they are those of the state that is left. Mostly that costs a hash per key: of a large table
// only a few keys in a thousand are sampled, and these are written once.
//
// A table that was written before samples were kept has none.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "runtime/guarded.h"
#include "store/key_sample.h"
#include "store/store.h"

namespace headrace {

class RocksdbKeySamples {
 public:
  // `db` outlives it.
  explicit RocksdbKeySamples(rocksdb::DB& db) : db_(db) {}

  // What one write does.
  class Changes {
   public:
    explicit Changes(RocksdbKeySamples& samples) : samples_(samples) {}

    void see(TableId table, std::string_view key, bool is_there);
    // Makes the changes, and adds them to the batch, which is then to be committed; if that fails, call forget().
    rocksdb::Status add_to(rocksdb::WriteBatch& batch);
    // Samples that do not go with what is stored are read again when they are needed.
    void forget();
    void clear();

   private:
    struct Table {
      TableId id;
      std::optional<uint64_t> limit;  // none: the table has no sample
      std::vector<KeySample::Change> changes;
    };
    Table& find(TableId table);

    RocksdbKeySamples& samples_;
    std::vector<Table> tables_;  // few
    size_t last_ = 0;
  };

  // nullopt: the table has no sample.
  std::optional<uint64_t> estimate(TableId table);
  // Adds to the batch that the table has no sample, as it has no keys.
  rocksdb::Status drop(TableId table, rocksdb::WriteBatch& batch);

 private:
  // By table, once it was asked for.
  using Samples = std::unordered_map<TableId, std::optional<KeySample>>;

  // Calls use(std::optional<KeySample>&).
  template <typename Use>
  auto with(TableId table, Use use);
  std::optional<KeySample> load(TableId table);
  static rocksdb::Status store(TableId table, KeySample& sample, std::span<const KeySample::Change> changes,
                               rocksdb::WriteBatch& batch);

  rocksdb::DB& db_;
  Guarded<Samples> samples_;
};

}  // namespace headrace
