#include "views/registry.h"

#include <algorithm>
#include <utility>

#include "base/trace.h"
#include "fmt/format.h"
#include "log/replay.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

constexpr size_t kWriteBytes = 1024 * 1024;  // of one batch, and one record more

std::string topic() {
  return std::string(kSchemasTopic);
}

}  // namespace

Registry::Registry(Runtime& runtime, Log& log) : runtime_(runtime), log_(log), idle_(runtime.shard(0)) {}

awaitable<void> Registry::open() {
  if (!co_await log_.find(topic())) co_await log_.create(topic(), {.partitions = 1, .compact = true});
  auto state = std::make_shared<RegistryState>();
  co_await replay(log_, topic(), 0, [&](const Record& record) {
    if (!record.key) return;
    try {
      std::optional<std::string> value;
      if (record.value) value.emplace(*record.value);
      state->apply({std::string(*record.key), std::move(value)});
    } catch (const Error& error) {
      trace::error("offset {} of {}: {}", record.offset.value, kSchemasTopic, error.message());
    }
  });
  state_.set(std::move(state));
}

AvroSchemaPtr Registry::schema(int32_t id) const {
  const RegistryStatePtr now = state();
  const RegisteredSchemaPtr& schema = now->schema(id);
  return now->parse(schema->text, schema->references, true);
}

awaitable<Registration> Registry::add(std::string subject, SchemaRequest request, Registrant registrant) {
  co_return co_await change<Registration>(
      [&](const RegistryState& now) { return plan_registration(now, subject, request, registrant); });
}

awaitable<std::vector<int32_t>> Registry::remove(std::string subject, std::optional<int32_t> version, bool permanent) {
  Removal removal = co_await change<Removal>(
      [&](const RegistryState& now) { return plan_removal(now, subject, version, permanent); });
  co_return std::move(removal.versions);
}

awaitable<void> Registry::set_level(std::string subject, std::optional<CompatibilityLevel> level) {
  co_await change<RegistryChange>([&](const RegistryState& now) { return plan_level(now, subject, level); });
}

awaitable<void> Registry::set_mode(std::string subject, std::optional<RegistryMode> mode, bool force) {
  co_await change<RegistryChange>([&](const RegistryState& now) { return plan_mode(now, subject, mode, force); });
}

template <typename Change>
awaitable<Change> Registry::change(std::function<Change(const RegistryState&)> plan) {
  co_return co_await on(runtime_.shard(0), [&]() -> awaitable<Change> { return change_here<Change>(plan); });
}

template <typename Change>
awaitable<Change> Registry::change_here(const std::function<Change(const RegistryState&)>& plan) {
  co_await enter();
  try {
    const RegistryStatePtr now = state();
    // Parsing and comparing schemas takes as long as their author likes.
    Change planned = co_await on_pool(runtime_.pool(), [&] { return plan(*now); });
    if (!planned.records.empty()) co_await write(std::move(planned.records));
    leave();
    co_return planned;
  } catch (...) {
    leave();
    throw;
  }
}

// Batch by batch, so that what became durable before a failure is known here, too.
awaitable<void> Registry::write(std::vector<RegistryRecord> records) {
  auto state = std::make_shared<RegistryState>(*this->state());
  for (size_t next = 0; next < records.size();) {
    RecordBatchBuilder builder;
    const size_t first = next;
    const int64_t now = SystemClock().wall_ms();
    while (next < records.size() && (next == first || builder.bytes() < kWriteBytes)) {
      builder.append(now, records[next].key, records[next].value);
      ++next;
    }
    std::vector<PartitionBatch> batches(1);
    batches[0].bytes = builder.finish();
    std::exception_ptr failure;
    try {
      co_await log_.append(topic(), std::move(batches));
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) {
      // The batch may be on the disk all the same: its ids must not be given out for anything else.
      RegistryState perhaps = *state;
      for (size_t at = first; at < next; ++at) perhaps.apply(records[at]);
      state->next_id = std::max(state->next_id, perhaps.next_id);
      state_.set(std::move(state));
      try {
        std::rethrow_exception(failure);
      } catch (const Error& error) {
        if (error.code() == Code::kBusy) throw;  // nothing was written
        throw RegistryError(error.code() == Code::kTimeout ? RegistryCode::kTimeout : RegistryCode::kStore,
                            fmt::format("whether the change is durable is not known: {}", error.message()));
      }
    }
    for (size_t at = first; at < next; ++at) state->apply(records[at]);
  }
  state_.set(std::move(state));
}

awaitable<void> Registry::enter() {
  while (busy_) co_await idle_.wait();
  busy_ = true;
}

void Registry::leave() {
  busy_ = false;
  idle_.notify_all();
}

}  // namespace headrace
