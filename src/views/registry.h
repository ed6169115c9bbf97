// The schema registry: which schemas the values of topics are written with. It is itself a stream, the compacted topic
// `_schemas`, from which a start rebuilds what was acknowledged. Changes are made on shard 0, one at a time, and are
// durable when they return; the state is immutable and may be read from every thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log/log.h"
#include "runtime/published.h"
#include "runtime/signal.h"
#include "views/registry_change.h"
#include "views/registry_state.h"

namespace headrace {

inline constexpr std::string_view kSchemasTopic = "_schemas";

class Registry {
 public:
  Registry(Runtime& runtime, Log& log);
  // Replays `_schemas`. Before anything else.
  awaitable<void> open();

  RegistryStatePtr state() const { return state_.get(); }
  // The parsed schema with this id. Throws RegistryError kNoSchema. From any thread; it parses each time.
  AvroSchemaPtr schema(int32_t id) const;

  // All of these from any shard. Errors as registry_change.h has them; kStore and kTimeout when a change is not known
  // to be durable: it may still turn out to be, and asking again is harmless.
  awaitable<Registration> add(std::string subject, SchemaRequest request, Registrant registrant = Registrant::kClient);
  awaitable<std::vector<int32_t>> remove(std::string subject, std::optional<int32_t> version, bool permanent);
  awaitable<void> set_level(std::string subject, std::optional<CompatibilityLevel> level);
  awaitable<void> set_mode(std::string subject, std::optional<RegistryMode> mode, bool force);

 private:
  template <typename Change>
  awaitable<Change> change(std::function<Change(const RegistryState&)> plan);
  template <typename Change>
  awaitable<Change> change_here(const std::function<Change(const RegistryState&)>& plan);
  awaitable<void> write(std::vector<RegistryRecord> records);
  // Changes come one at a time.
  awaitable<void> enter();
  void leave();

  Runtime& runtime_;
  Log& log_;
  Published<RegistryState> state_{std::make_shared<RegistryState>()};
  bool busy_ = false;
  Signal idle_;
};

}  // namespace headrace
