#include "flow/source.h"

#include <algorithm>

#include "base/check.h"
#include "flow/row_emitter.h"

namespace headrace {
namespace {

constexpr size_t kNodeBytes = 96;  // of the hash map, about

}  // namespace

void Source::push(size_t, const Changes&, Epoch&) {
  check(false, "a source takes batches, not changes");
}

TableSource::TableSource(const Plan& source, TableId table) : codec_(source.type, source.primary_key), table_(table) {}

void TableSource::take(const SourceBatch& batch, Epoch&) {
  for (size_t row = 0; row < batch.rows.rows; ++row) {
    key_.clear();
    codec_.append_key(key_, batch.rows, row);
    const auto [at, inserted] = pending_.try_emplace(key_);
    Pending& pending = at->second;
    bytes_ += inserted ? kNodeBytes + key_.size() : 0;
    bytes_ -= pending.value.size();
    pending.deleted = !batch.deleted.empty() && batch.deleted[row] != 0;
    pending.value.clear();
    if (!pending.deleted) codec_.append_value(pending.value, batch.rows, row);
    bytes_ += pending.value.size();
  }
}

void TableSource::finish(Epoch& epoch) {
  if (pending_.empty()) return;
  std::vector<std::string_view> keys;
  keys.reserve(pending_.size());
  for (const auto& [key, pending] : pending_) keys.push_back(key);
  std::ranges::sort(keys);
  std::vector<std::string> stored;
  std::vector<bool> found;
  epoch.store.multi_get(table_, keys, stored, found);

  RowEmitter emitter(codec_.type(), [&](const Changes& changes) { emit(changes, epoch); });
  std::vector<Value> row;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Pending& pending = pending_.find(std::string(keys[i]))->second;
    if (found[i] ? !pending.deleted && stored[i] == pending.value : pending.deleted) continue;
    if (pending.deleted) {
      epoch.write.remove(table_, keys[i]);
    } else {
      epoch.write.put(table_, keys[i], pending.value);
    }
    if (!has_consumer()) continue;
    if (found[i]) {
      codec_.decode(keys[i], stored[i], row);
      emitter.add(row, -1);
    }
    if (!pending.deleted) {
      codec_.decode(keys[i], pending.value, row);
      emitter.add(row, 1);
    }
    emitter.flush_if_full();
  }
  emitter.flush();
  pending_.clear();
  bytes_ = 0;
}

}  // namespace headrace
