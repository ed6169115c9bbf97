// Which sequence each producer of a partition has reached, so that a batch that is sent again is recognised (KIP-98).
// Bounded: beyond `count_max`, the producer that has not appended for longest is forgotten. A name that is used for one
// batch only, like the key of a single request, is bounded on its own, so that any number of them makes no one else
// forgotten: there are at most `count_max` of either kind.
//
// Batches are known from the moment they are queued, and become durable later, in order. If the log cannot make them
// durable, roll_back() forgets them, so that the producer may send them again.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "log/record_batch.h"

namespace headrace {

class Producers {
 public:
  // How many batches back a duplicate is answered with its offsets: Kafka's clients keep at most 5 in flight.
  static constexpr size_t kRecentMax = 5;

  explicit Producers(size_t count_max) : count_max_(count_max) {}
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;
  Producers(Producers&&) = default;

  enum class Verdict : uint8_t {
    kNew,
    kDuplicate,
    kFenced,      // a newer epoch of this producer has appended
    kOutOfOrder,  // gapless, and neither the sequence that is next nor one of the recent batches
  };
  struct Answer {
    Verdict verdict = Verdict::kNew;
    // Of a duplicate, if known: where the batch is.
    std::optional<Offset> base;
    std::optional<Offset> end;
    Offset durable_at;  // of a duplicate: it is durable once the partition's end reaches this
  };
  Answer check(const BatchHeader& header, bool gapless = false) const;

  // `header`, with its base offset, has been queued.
  void appended(const BatchHeader& header);
  // It is durable.
  void durable(const BatchHeader& header);
  // Forgets what is not durable.
  void roll_back();

  // The sequence with which the last durable batch begins, or -1.
  int32_t last_sequence(int64_t producer_id) const;
  // Where the last durable batch of each producer begins.
  std::unordered_map<int64_t, Offset> last_batches() const;
  size_t count() const { return by_id_.size(); }

  // What is durable, for the checkpoint; least recently used first.
  void encode(Writer& writer) const;
  // Error(kCorrupt) when it is not what encode() writes.
  void decode(Reader& reader);

 private:
  struct Batch {
    int32_t first_sequence = -1;
    int32_t last_sequence = -1;
    Offset base;
    Offset end;
  };
  struct State {
    int64_t id = kNoProducer;
    int16_t epoch = -1;
    uint8_t recent_count = 0;
    std::array<Batch, kRecentMax> recent;  // newest last
    // The newest durable batch, if any (else its sequence is -1).
    int16_t durable_epoch = -1;
    Batch durable;

    bool in_once = true;  // which list it is in

    const Batch* last() const { return recent_count == 0 ? nullptr : &recent[recent_count - 1]; }
    bool once() const { return epoch == 0 && recent_count == 1 && recent[0].first_sequence == 0; }
    const Batch* find(int32_t first_sequence, int32_t last_sequence) const;
    void push(const Batch& batch);
  };
  using States = std::list<State>;

  // Known or new. What changes it ends with used().
  States::iterator find_or_add(int64_t id);
  // Puts it last in the list of its kind, and forgets the first one if there are too many.
  void used(States::iterator state);
  void forget(States::iterator state);
  States& list_of(const State& state) { return state.in_once ? once_ : states_; }

  size_t count_max_;
  // Least recently used first: those of which one batch with sequence 0 is known, and the others.
  States once_;
  States states_;
  std::unordered_map<int64_t, States::iterator> by_id_;
};

}  // namespace headrace
