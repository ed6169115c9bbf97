#include "log/producers.h"

#include <algorithm>
#include <vector>

namespace headrace {
namespace {

// Sequences count records and go from INT32_MAX back to 0.
int32_t last_sequence_of(const BatchHeader& header) {
  const int64_t last = static_cast<int64_t>(header.base_sequence) + header.last_offset_delta;
  return static_cast<int32_t>(last % (int64_t{INT32_MAX} + 1));
}

// A producer may leave sequences out, and may count requests instead of records: a batch is new when it begins after
// the beginning of the last one. Near the wrap, a small sequence follows a huge one.
bool is_after(int32_t sequence, int32_t last) {
  constexpr int32_t kNearWrap = 1 << 24;
  if (last > INT32_MAX - kNearWrap && sequence < kNearWrap) return true;
  if (sequence > INT32_MAX - kNearWrap && last >= 0 && last < kNearWrap) return false;
  return sequence > last;
}

int32_t next_sequence(int32_t last) {
  return last == INT32_MAX ? 0 : last + 1;
}

}  // namespace

const Producers::Batch* Producers::State::find(int32_t first_sequence, int32_t last_sequence) const {
  const auto* const end = recent.begin() + recent_count;
  const auto* const found = std::find_if(recent.begin(), end, [&](const Batch& batch) {
    return batch.first_sequence == first_sequence && batch.last_sequence == last_sequence;
  });
  return found == end ? nullptr : found;
}

void Producers::State::push(const Batch& batch) {
  if (recent_count == kRecentMax) {
    std::shift_left(recent.begin(), recent.end(), 1);
    --recent_count;
  }
  recent[recent_count++] = batch;
}

Producers::States::iterator Producers::find_or_add(int64_t id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) return found->second;
  once_.push_back({.id = id});
  const auto added = std::prev(once_.end());
  by_id_.emplace(id, added);
  return added;
}

void Producers::used(States::iterator state) {
  States& before = list_of(*state);
  state->in_once = state->once();
  States& now = list_of(*state);
  now.splice(now.end(), before, state);
  if (now.size() > count_max_) forget(now.begin());
}

void Producers::forget(States::iterator state) {
  by_id_.erase(state->id);
  list_of(*state).erase(state);
}

// A producer that is not known any more may go on with any sequence (KIP-360); one that is begins an epoch with 0.
Producers::Answer Producers::check(const BatchHeader& header, bool gapless) const {
  const auto found = by_id_.find(header.producer_id);
  if (found == by_id_.end()) return {};
  const State& state = *found->second;
  if (header.producer_epoch < state.epoch) return {.verdict = Verdict::kFenced};
  if (header.producer_epoch > state.epoch) {  // sequences start again
    return {.verdict = gapless && header.base_sequence != 0 ? Verdict::kOutOfOrder : Verdict::kNew};
  }
  const Batch* last = state.last();
  if (last == nullptr) return {};
  if (!gapless && is_after(header.base_sequence, last->first_sequence)) return {};
  if (const Batch* const same = state.find(header.base_sequence, last_sequence_of(header))) {
    return {.verdict = Verdict::kDuplicate, .base = same->base, .end = same->end, .durable_at = same->end};
  }
  if (!gapless) return {.verdict = Verdict::kDuplicate, .durable_at = last->end};
  // A duplicate is acknowledged, so it must be one that is known. One from before the recent batches is refused too, as
  // Kafka does it: a client has no more than those in flight, so none waits for the answer.
  const bool next = header.base_sequence == next_sequence(last->last_sequence);
  return {.verdict = next ? Verdict::kNew : Verdict::kOutOfOrder};
}

void Producers::appended(const BatchHeader& header) {
  const auto state = find_or_add(header.producer_id);
  if (header.producer_epoch != state->epoch) state->recent_count = 0;
  state->epoch = header.producer_epoch;
  state->push({header.base_sequence, last_sequence_of(header), header.base, header.end()});
  used(state);
}

void Producers::durable(const BatchHeader& header) {
  const auto found = by_id_.find(header.producer_id);
  if (found == by_id_.end()) return;  // forgotten meanwhile
  State& state = *found->second;
  state.durable_epoch = header.producer_epoch;
  state.durable = {header.base_sequence, last_sequence_of(header), header.base, header.end()};
}

void Producers::roll_back() {
  for (States* list : {&once_, &states_}) {
    for (auto next = list->begin(); next != list->end();) {
      const auto state = next++;
      if (state->durable.last_sequence == -1) {
        forget(state);
        continue;
      }
      while (state->recent_count > 0 && state->last()->end > state->durable.end) --state->recent_count;
      if (state->recent_count == 0) state->push(state->durable);
      state->epoch = state->durable_epoch;
      if (state->once() != state->in_once) used(state);
    }
  }
}

int32_t Producers::last_sequence(int64_t producer_id) const {
  const auto found = by_id_.find(producer_id);
  return found == by_id_.end() ? -1 : found->second->durable.first_sequence;
}

std::unordered_map<int64_t, Offset> Producers::last_batches() const {
  std::unordered_map<int64_t, Offset> batches;
  for (const auto& [id, state] : by_id_) {
    if (state->durable.last_sequence != -1) batches.emplace(id, state->durable.base);
  }
  return batches;
}

void Producers::encode(Writer& writer) const {
  std::vector<const State*> durable;
  for (const States* list : {&once_, &states_}) {
    for (const State& state : *list) {
      if (state.durable.last_sequence != -1) durable.push_back(&state);
    }
  }
  writer.big_endian(static_cast<uint32_t>(durable.size()));
  for (const State* each : durable) {
    const State& state = *each;
    writer.big_endian(state.id);
    writer.big_endian(state.durable_epoch);
    std::array<Batch, kRecentMax> batches;
    uint8_t count = 0;
    if (state.epoch == state.durable_epoch) {
      for (size_t i = 0; i < state.recent_count; ++i) {
        if (state.recent[i].end <= state.durable.end) batches[count++] = state.recent[i];
      }
    }
    if (count == 0) batches[count++] = state.durable;
    writer.byte(count);
    for (size_t i = 0; i < count; ++i) {
      writer.big_endian(batches[i].first_sequence);
      writer.big_endian(batches[i].last_sequence);
      writer.big_endian(batches[i].base.value);
      writer.big_endian(batches[i].end.value);
    }
  }
}

void Producers::decode(Reader& reader) {
  const auto count = reader.big_endian<uint32_t>();
  for (uint32_t i = 0; i < count; ++i) {
    const auto at = find_or_add(reader.big_endian<int64_t>());
    State& state = *at;
    state.epoch = reader.big_endian<int16_t>();
    state.durable_epoch = state.epoch;
    const uint8_t batches = reader.byte();
    if (batches == 0 || batches > kRecentMax) reader.fail("a producer has an impossible number of batches");
    for (uint8_t j = 0; j < batches; ++j) {
      Batch batch;
      batch.first_sequence = reader.big_endian<int32_t>();
      batch.last_sequence = reader.big_endian<int32_t>();
      batch.base = {reader.big_endian<int64_t>()};
      batch.end = {reader.big_endian<int64_t>()};
      state.push(batch);
      state.durable = batch;
    }
    used(at);
  }
}

}  // namespace headrace
