#include "flow/view_sink.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "flow/state_bytes.h"

namespace headrace {

void ViewSink::push(size_t, const Changes& changes, Epoch& epoch) {
  for (size_t row = 0; row < changes.rows.rows; ++row) {
    key_.clear();
    value_.clear();
    codec_.append_key(key_, changes.rows, row);
    codec_.append_value(mode_ == Mode::kCount ? key_ : value_, changes.rows, row);
    if (mode_ == Mode::kInsert) {
      check(changes.weight(row) == 1, "an append-only plan takes nothing back");
      epoch.write.put(table_, key_, value_);
    } else {
      bytes_ += sizeof(Change) + key_.size() + value_.size();
      changes_.push_back({key_, value_, changes.weight(row)});
    }
  }
  emit(changes, epoch);
}

void ViewSink::finish(Epoch& epoch) {
  if (changes_.empty()) return;
  std::ranges::sort(changes_, {}, [](const Change& change) { return std::tie(change.key, change.value); });
  // Equal rows are netted into the first of them.
  size_t kept = 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (kept > 0 && changes_[kept - 1].key == changes_[i].key && changes_[kept - 1].value == changes_[i].value) {
      changes_[kept - 1].weight += changes_[i].weight;
    } else {
      if (kept != i) changes_[kept] = std::move(changes_[i]);
      ++kept;
    }
  }
  changes_.resize(kept);
  std::erase_if(changes_, [](const Change& change) { return change.weight == 0; });
  if (mode_ == Mode::kCount) {
    count(epoch);
  } else {
    replace(epoch);
  }
  changes_.clear();
  bytes_ = 0;
}

void ViewSink::replace(Epoch& epoch) {
  for (size_t i = 0; i < changes_.size();) {
    const std::string& key = changes_[i].key;
    const Change* inserted = nullptr;
    for (; i < changes_.size() && changes_[i].key == key; ++i) {
      if (changes_[i].weight > 0) {
        if (inserted || changes_[i].weight > 1) throw Error(Code::kInternal, "two rows of a view have one key");
        inserted = &changes_[i];
      }
    }
    if (inserted) {
      epoch.write.put(table_, key, inserted->value);
    } else {
      epoch.write.remove(table_, key);
    }
  }
}

void ViewSink::count(Epoch& epoch) {
  std::vector<std::string_view> keys;
  keys.reserve(changes_.size());
  for (const Change& change : changes_) keys.push_back(change.key);
  std::vector<std::string> stored;
  std::vector<bool> found;
  epoch.store.multi_get(table_, keys, stored, found);
  for (size_t i = 0; i < changes_.size(); ++i) {
    int64_t rows = changes_[i].weight;
    if (found[i]) {
      std::string_view bytes = stored[i];
      rows += take_varint(bytes);
    }
    if (rows < 0) throw Error(Code::kInternal, "a row of a view is taken back that was never there");
    if (rows == 0) {
      epoch.write.remove(table_, changes_[i].key);
      continue;
    }
    value_.clear();
    append_varint(value_, rows);
    epoch.write.put(table_, changes_[i].key, value_);
  }
}

}  // namespace headrace
