// A fetch session (KIP-227): the broker remembers what a client fetches, so that its requests name only what changed,
// and answers have only the partitions that have news. A session belongs to its connection; on another connection the
// client hears that there is no such session, and begins a new one. What all sessions of a shard remember is bounded;
// who finds no room is served without one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/error_code.h"
#include "kafka/messages/fetch.h"
#include "log/log.h"

namespace headrace::kafka {

struct FetchPosition {
  std::string_view topic;  // of the request or of the session: as long as neither changes
  PartitionId partition = 0;
  Offset from;
  int32_t bytes_max = 0;
};

// What one request is for.
struct FetchPlan {
  ErrorCode error = ErrorCode::kNone;
  int32_t session = 0;     // for the answer; 0: none
  bool only_news = false;  // the answer leaves out what is as it was
  std::vector<FetchPosition> positions;
};

class FetchSession {
 public:
  // `room`: for how many partitions there is room in all sessions that share it.
  explicit FetchSession(size_t& room) : room_(room) {}
  ~FetchSession() { end(); }
  FetchSession(const FetchSession&) = delete;

  FetchPlan plan(const FetchRequest& request);
  // Notes what an answer of `session` says about a partition. False if the client knows that already.
  bool tell(int32_t session, const std::string& topic, const FetchResponse::Topic::Partition& answer);

 private:
  using Key = std::pair<std::string, PartitionId>;
  struct State {
    Offset from;
    int32_t bytes_max = 0;
    int64_t high_watermark = -1;  // as the client was told
    int64_t log_start = -1;
  };

  void end();
  // False if there is no room, or something is named that cannot be a topic: names of 32 KB are not remembered.
  bool take(const FetchRequest& request);
  std::vector<FetchPosition> positions() const;

  size_t& room_;
  int32_t id_ = 0;  // 0: there is no session
  int32_t next_epoch_ = 0;
  std::map<Key, State> partitions_;
  std::optional<Key> served_;  // the last one that got records: the next request begins behind it
};

}  // namespace headrace::kafka
