#include "store/rocksdb_key_samples.h"

#include "store/rocksdb_keys.h"

namespace headrace {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

constexpr TableId kSamples{UINT32_MAX};

// Where the sample of a table begins: its halvings, then its hashes.
std::string halvings_key(TableId table) {
  std::string key(kTableBytes, '\0');
  store_big_endian(key.data(), static_cast<uint32_t>(table));
  return FullKey(kSamples, key).slice().ToString();
}

std::string hash_key(TableId table, uint64_t hash) {
  std::string key = halvings_key(table);
  const size_t at = key.size();
  key.resize(at + sizeof hash);
  store_big_endian(key.data() + at, hash);
  return key;
}

}  // namespace

template <typename Use>
auto RocksdbKeySamples::with(TableId table, Use use) {
  if (!samples_.with([&](const Samples& samples) { return samples.contains(table); })) {
    std::optional<KeySample> loaded = load(table);
    samples_.with([&](Samples& samples) { samples.try_emplace(table, std::move(loaded)); });
  }
  return samples_.with([&](Samples& samples) { return use(samples[table]); });
}

std::optional<KeySample> RocksdbKeySamples::load(TableId table) {
  const std::string first = halvings_key(table);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocksdb::ReadOptions()));
  at->Seek(first);
  if (!at->Valid() || at->key() != Slice(first)) {
    // A table without a sample that has keys is older than samples; one without keys begins with an empty one.
    const std::string begin = FullKey(table, {}).slice().ToString();
    at->Seek(begin);
    const bool has_keys = at->Valid() && at->key().starts_with(begin);
    require_ok(at->status(), "reading from the store");
    return has_keys ? std::nullopt : std::optional(KeySample());
  }
  const auto halvings = static_cast<uint8_t>(at->value().empty() ? '\xff' : at->value()[0]);
  if (halvings >= 64) throw Error(Code::kCorrupt, "the store's sample of a table's keys is damaged");
  std::vector<uint64_t> hashes;
  for (at->Next(); at->Valid() && at->key().starts_with(first); at->Next()) {
    if (at->key().size() != first.size() + sizeof(uint64_t)) continue;
    const auto hash = load_big_endian<uint64_t>(at->key().data() + first.size());
    if (hash > UINT64_MAX >> halvings) break;
    hashes.push_back(hash);
  }
  require_ok(at->status(), "reading from the store");
  return KeySample(halvings, std::move(hashes));
}

std::optional<uint64_t> RocksdbKeySamples::estimate(TableId table) {
  return with(table, [](const std::optional<KeySample>& sample) {
    return sample ? std::optional(sample->estimate()) : std::nullopt;
  });
}

Status RocksdbKeySamples::drop(TableId table, rocksdb::WriteBatch& batch) {
  const std::string first = halvings_key(table);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocksdb::ReadOptions()));
  for (at->Seek(first); at->Valid() && at->key().starts_with(first); at->Next()) {
    if (const Status status = batch.Delete(at->key()); !status.ok()) return status;
  }
  samples_.with([&](Samples& samples) { samples.erase(table); });
  return at->status();
}

Status RocksdbKeySamples::store(TableId table, KeySample& sample, std::span<const KeySample::Change> changes,
                                rocksdb::WriteBatch& batch) {
  KeySample::Difference difference = sample.difference(changes);
  if (difference.empty()) return Status::OK();
  const uint8_t halvings_before = sample.halvings();
  const bool is_new = sample.estimate() == 0;
  sample.apply(difference);
  Status status;
  if (is_new || sample.halvings() != halvings_before) {
    const auto halvings = static_cast<char>(sample.halvings());
    status = batch.Put(halvings_key(table), Slice(&halvings, 1));
  }
  for (const uint64_t hash : difference.added)
    if (status.ok()) status = batch.Put(hash_key(table, hash), Slice());
  for (const uint64_t hash : difference.removed)
    if (status.ok()) status = batch.Delete(hash_key(table, hash));
  return status;
}

RocksdbKeySamples::Changes::Table& RocksdbKeySamples::Changes::find(TableId table) {
  if (last_ < tables_.size() && tables_[last_].id == table) return tables_[last_];
  for (last_ = 0; last_ < tables_.size(); ++last_)
    if (tables_[last_].id == table) return tables_[last_];
  const auto limit = samples_.with(table, [](const std::optional<KeySample>& sample) {
    return sample ? std::optional(sample->limit()) : std::nullopt;
  });
  tables_.push_back({table, limit, {}});
  return tables_.back();
}

void RocksdbKeySamples::Changes::see(TableId id, std::string_view key, bool is_there) {
  Table& table = find(id);
  if (!table.limit) return;
  const uint64_t hash = KeySample::hash_of(key);
  if (hash <= *table.limit) table.changes.push_back({hash, is_there});
}

Status RocksdbKeySamples::Changes::add_to(rocksdb::WriteBatch& batch) {
  Status status;
  for (Table& table : tables_) {
    if (table.changes.empty() || !status.ok()) continue;
    status = samples_.with(table.id, [&](std::optional<KeySample>& sample) {
      return sample ? store(table.id, *sample, table.changes, batch) : Status::OK();
    });
  }
  return status;
}

void RocksdbKeySamples::Changes::forget() {
  samples_.samples_.with([&](Samples& samples) {
    for (const Table& table : tables_) samples.erase(table.id);
  });
}

void RocksdbKeySamples::Changes::clear() {
  tables_.clear();
  last_ = 0;
}

}  // namespace headrace
