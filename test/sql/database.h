// Streams, tables and views in one process, without a server: statements are planned by sql/, and each view is a Flow
// over a store in memory. What the server gets from the world, this makes from a seed: rows arrive in another order,
// repeated where the stream has an id, spread over partitions, cut into epochs anywhere, and flows are closed and
// opened again between epochs. A view must be the same whatever the seed is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "flow/flow.h"
#include "sql/definitions.h"
#include "sql/statements.h"

class Database final : public headrace::Relations {
 public:
  explicit Database(uint64_t seed);
  ~Database() override;

  // Runs statements other than queries. Throws headrace::Error.
  void execute(std::string_view sql);
  // The rows of an ad hoc SELECT as lines, in the order in which they come.
  std::vector<std::string> query(std::string_view sql);
  // The rows that a view keeps, in the order of its key. Throws std::runtime_error when they are not what its changes
  // add up to, or not what the same query says ad hoc.
  std::vector<std::string> view(std::string_view name);
  uint64_t dead_rows(std::string_view name);

  std::optional<headrace::Relation> find(std::string_view name) const override;
  std::vector<std::string> names() const override;

 private:
  struct Record {
    std::vector<headrace::Value> values;
    bool deleted = false;
  };
  struct Stream {
    headrace::StreamDefinition definition;
    headrace::RowTypePtr type;
    std::vector<size_t> key;
    std::optional<size_t> id;
    std::vector<std::vector<Record>> partitions;
    std::set<std::string> ids;  // already seen
  };
  struct Running {
    headrace::QueryPlanPtr plan;
    std::unique_ptr<headrace::Store> store;
    std::unique_ptr<headrace::Flow> flow;
    std::string derives;                     // the stream that its rows go to; empty: a view
    std::vector<std::vector<size_t>> read;   // by source and partition
    std::map<std::string, int64_t> changes;  // row to its weight
    uint64_t dead = 0;
  };

  void run(const headrace::Statement& statement);
  void create(const headrace::StreamDefinition& definition);
  void start(std::string name, headrace::QueryPlanPtr plan, std::string derives);
  void insert(Stream& stream, headrace::Batch rows);
  void append(Stream& stream, Record record);
  void remove(const headrace::DeleteRow& statement);
  // Runs epochs until every flow has read all there is.
  void catch_up();
  bool advance(Running& running);
  size_t epoch_records(size_t available);
  headrace::FlowInput take(const Stream& stream, const Running& running, size_t source, size_t partition, size_t count);

  headrace::Random random_;
  uint64_t style_;
  std::map<std::string, Stream, std::less<>> streams_;
  std::map<std::string, headrace::QueryPlanPtr, std::less<>> views_;
  std::map<std::string, Running, std::less<>> running_;  // views and derived streams
};
