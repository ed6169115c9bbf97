// The calls of the Kafka port: one function each, in the file that has its name or its family's. A handler reads its
// request from the call and writes its answer into it. An Error that leaves it closes the connection, because the
// protocol has no answer that every request could get; what a client can be told is in the response.
#pragma once

#include <span>

#include "kafka/call.h"

namespace headrace::kafka {

struct Api {
  std::string_view name;
  int16_t key;
  int16_t min_version;
  int16_t max_version;
  awaitable<void> (*handle)(Call& call);
};

// What is served, by key.
std::span<const Api> served_apis();
// Null for one that is not.
const Api* find_api(int16_t key);
// Lets the API's handler answer. What it throws besides Error is a bug, and leaves as Error(kInternal): it costs one
// client its connection, and not all of them the server.
awaitable<void> answer(const Api& api, Call& call);

awaitable<void> answer_api_versions(Call& call);
awaitable<void> answer_metadata(Call& call);
awaitable<void> answer_describe_cluster(Call& call);
awaitable<void> answer_produce(Call& call);
awaitable<void> answer_init_producer_id(Call& call);
awaitable<void> answer_fetch(Call& call);
awaitable<void> answer_list_offsets(Call& call);
awaitable<void> answer_offset_for_leader_epoch(Call& call);
awaitable<void> answer_create_topics(Call& call);
awaitable<void> answer_delete_topics(Call& call);
awaitable<void> answer_create_partitions(Call& call);
awaitable<void> answer_describe_configs(Call& call);
awaitable<void> answer_alter_configs(Call& call);
awaitable<void> answer_incremental_alter_configs(Call& call);
awaitable<void> answer_describe_log_dirs(Call& call);
awaitable<void> answer_delete_records(Call& call);
awaitable<void> answer_find_coordinator(Call& call);
awaitable<void> answer_join_group(Call& call);
awaitable<void> answer_sync_group(Call& call);
awaitable<void> answer_heartbeat(Call& call);
awaitable<void> answer_leave_group(Call& call);
awaitable<void> answer_offset_commit(Call& call);
awaitable<void> answer_offset_fetch(Call& call);
awaitable<void> answer_offset_delete(Call& call);
awaitable<void> answer_describe_groups(Call& call);
awaitable<void> answer_list_groups(Call& call);
awaitable<void> answer_delete_groups(Call& call);
awaitable<void> answer_describe_client_quotas(Call& call);
awaitable<void> answer_alter_client_quotas(Call& call);
awaitable<void> answer_consumer_group_heartbeat(Call& call);
awaitable<void> answer_consumer_group_describe(Call& call);

}  // namespace headrace::kafka
