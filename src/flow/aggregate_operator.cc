#include "flow/aggregate_operator.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "flow/state_bytes.h"
#include "fmt/format.h"

namespace headrace {
namespace {

std::vector<Type> group_types(const Plan& plan) {
  std::vector<Type> types;
  types.reserve(plan.group_by.size());
  for (const size_t column : plan.group_by) types.push_back(plan.input->type->columns[column].type);
  return types;
}

// The first eight bytes as a number that orders like them: most comparisons of a sort need no more.
uint64_t prefix_of(std::string_view key) {
  if (key.size() >= 8) return load_big_endian<uint64_t>(key.data());
  char padded[8] = {};
  std::memcpy(padded, key.data(), key.size());
  return load_big_endian<uint64_t>(padded);
}

std::vector<uint32_t> sorted_order(std::span<const std::string_view> keys) {
  std::vector<std::pair<uint64_t, uint32_t>> prefixes(keys.size());
  for (uint32_t i = 0; i < keys.size(); ++i) prefixes[i] = {prefix_of(keys[i]), i};
  std::ranges::sort(prefixes, [&](const auto& left, const auto& right) {
    return left.first != right.first ? left.first < right.first : keys[left.second] < keys[right.second];
  });
  std::vector<uint32_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = prefixes[i].second;
  return order;
}

}  // namespace

AggregateOperator::AggregateOperator(std::shared_ptr<const GroupLayout> layout, std::vector<TableId> tables,
                                     bool always_emits, size_t cache_bytes)
    : layout_(std::move(layout)),
      table_(tables.at(0)),
      always_emits_(always_emits),
      cache_(cache_bytes),
      groups_(group_types(layout_->plan())) {
  const Plan& plan = layout_->plan();
  size_t next_table = 1;
  for (const AggregateCall& call : plan.aggregates) {
    const bool append_only = plan.input->append_only;
    const TableId table = needs_table(call, append_only) ? tables.at(next_table++) : TableId{};
    calls_.push_back({make_accumulator(call, *plan.input->type, append_only, table), call.arguments, call.filter});
  }
}

void AggregateOperator::push(size_t, const Changes& changes, Epoch&) {
  const Plan& plan = layout_->plan();
  groups_.assign(changes.rows, plan.group_by, group_of_row_);
  row_counts_.resize(groups_.size());
  if (changes.weights.empty()) {
    for (const uint32_t group : group_of_row_) ++row_counts_[group];
  } else {
    for (size_t row = 0; row < group_of_row_.size(); ++row) row_counts_[group_of_row_[row]] += changes.weights[row];
  }
  for (const Call& call : calls_) {
    call.accumulator->resize(groups_.size());
    call.accumulator->add(rows_of(call, changes));
  }
}

AccumulatorRows AggregateOperator::rows_of(const Call& call, const Changes& changes) {
  AccumulatorRows rows{changes.rows, group_of_row_, changes.weights, {}, true};
  const auto keep_where = [&](auto keep) {
    if (rows.all) {
      selection_.clear();
      for (uint32_t row = 0; row < changes.rows.rows; ++row)
        if (keep(row)) selection_.push_back(row);
    } else {
      std::erase_if(selection_, [&](uint32_t row) { return !keep(row); });
    }
    rows.all = false;
    rows.selection = selection_;
  };
  if (call.filter >= 0) {
    const ColumnData& filter = *changes.rows.columns[static_cast<size_t>(call.filter)];
    keep_where([&](uint32_t row) { return filter.ints[row] != 0 && !filter.null_at(row); });
  }
  for (const size_t argument : call.arguments) {
    const ColumnData& column = *changes.rows.columns[argument];
    if (column.has_nulls()) keep_where([&](uint32_t row) { return column.nulls[row] == 0; });
  }
  return rows;
}

void AggregateOperator::finish(Epoch& epoch) {
  if (layout_->is_global() && !global_checked_) {
    groups_.add_global();
    row_counts_.resize(1);
    for (const Call& call : calls_) call.accumulator->resize(1);
    global_checked_ = true;
  }
  if (groups_.size() == 0) return;
  const std::vector<std::string_view> keys = encode_keys();
  const std::vector<uint32_t> order = sorted_order(keys);
  for (const Call& call : calls_) call.accumulator->prepare(epoch, keys);
  load_states(epoch, keys, order);

  const bool emits = has_consumer() && (always_emits_ || epoch.want_changes);
  RowEmitter emitter(layout_->plan().type, [&](const Changes& changes) { emit(changes, epoch); });
  std::vector<Value> old_row;
  std::vector<Value> new_row;
  for (const uint32_t group : order) {
    const std::string_view key = keys[group];
    const bool was_there = stored_[group].found;
    const std::string_view old_state(stored_bytes_.data() + stored_[group].offset, stored_[group].size);
    const bool is_there = merge_group(group);
    if (is_there) {
      if (was_there && new_state_ == old_state) continue;
      epoch.write.put(table_, key, new_state_);
      cache_.put(key, new_state_);
      report_out_of_range(epoch, group, key);
    } else if (was_there) {
      epoch.write.remove(table_, key);
      cache_.remove(key);
    }
    if (!emits) continue;
    if (was_there) layout_->decode(key, old_state, old_row);
    if (is_there) layout_->decode(key, new_state_, new_row);
    if (was_there && is_there && is_identical(old_row, new_row)) continue;
    if (was_there) emitter.add(old_row, -1);
    if (is_there) emitter.add(new_row, 1);
    emitter.flush_if_full();
  }
  emitter.flush();
  clear_epoch();
}

std::vector<std::string_view> AggregateOperator::encode_keys() {
  key_bytes_.clear();
  std::vector<size_t> ends(groups_.size());
  for (size_t group = 0; group < groups_.size(); ++group) {
    for (const size_t column : layout_->key_order()) groups_.append_key(key_bytes_, column, group);
    ends[group] = key_bytes_.size();
  }
  std::vector<std::string_view> keys(groups_.size());
  for (size_t group = 0, start = 0; group < keys.size(); start = ends[group++])
    keys[group] = std::string_view(key_bytes_).substr(start, ends[group] - start);
  return keys;
}

void AggregateOperator::load_states(Epoch& epoch, std::span<const std::string_view> keys,
                                    std::span<const uint32_t> order) {
  stored_.assign(keys.size(), {});
  stored_bytes_.clear();
  const auto keep = [&](uint32_t group, std::string_view state) {
    stored_[group] = {stored_bytes_.size(), state.size(), true};
    stored_bytes_.append(state);
  };
  std::vector<std::string_view> wanted;
  std::vector<uint32_t> wanted_groups;
  for (const uint32_t group : order) {
    if (const auto state = cache_.find(keys[group])) {
      keep(group, *state);
    } else {
      wanted.push_back(keys[group]);
      wanted_groups.push_back(group);
    }
  }
  if (wanted.empty()) return;
  std::vector<std::string> values;
  std::vector<bool> found;
  epoch.store.multi_get(table_, wanted, values, found);
  for (size_t i = 0; i < wanted.size(); ++i)
    if (found[i]) keep(wanted_groups[i], values[i]);
}

bool AggregateOperator::merge_group(size_t group) {
  if (stored_[group].found) {
    std::string_view state(stored_bytes_.data() + stored_[group].offset, stored_[group].size);
    row_counts_[group] += take_varint(state);
    for (const Call& call : calls_) call.accumulator->merge(group, state);
    if (!state.empty()) throw Error(Code::kCorrupt, "a stored group has more bytes than its aggregates");
  }
  if (row_counts_[group] < 0) throw Error(Code::kInternal, "a row is taken back that was never there");
  if (row_counts_[group] == 0 && !layout_->is_global()) return false;
  new_state_.clear();
  append_varint(new_state_, row_counts_[group]);
  for (const Call& call : calls_) call.accumulator->encode(group, new_state_);
  return true;
}

// Once, when it begins: a hot group that stays out of range would otherwise be reported with every epoch.
void AggregateOperator::report_out_of_range(Epoch& epoch, size_t group, std::string_view key) {
  if (std::ranges::none_of(calls_, [&](const Call& call) { return call.accumulator->out_of_range(group); })) return;
  const Stored& stored = stored_[group];
  const std::string_view old_state(stored_bytes_.data() + stored.offset, stored.size);
  if (stored.found && !layout_->errors(old_state).empty()) return;
  std::vector<Value> row;
  layout_->decode(key, new_state_, row);
  BatchBuilder builder(layout_->plan().type);
  builder.append_row(row);
  std::string row_json;
  append_row_json(row_json, builder.finish(), 0);
  epoch.report(layout_->errors(new_state_) + "; it is NULL until rows that bring it back into range arrive",
               std::move(row_json));
}

void AggregateOperator::clear_epoch() {
  groups_.clear();
  row_counts_.clear();
  for (const Call& call : calls_) call.accumulator->clear();
  stored_bytes_.clear();
}

size_t AggregateOperator::memory_bytes() const {
  size_t bytes = cache_.memory_bytes() + groups_.memory_bytes() + key_bytes_.capacity() + stored_bytes_.capacity();
  for (const Call& call : calls_) bytes += call.accumulator->memory_bytes();
  return bytes;
}

}  // namespace headrace
