#include "kafka/apis.h"

#include <algorithm>
#include <array>
#include <exception>

#include "fmt/format.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/alter_configs.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/consumer_group_describe.h"
#include "kafka/messages/consumer_group_heartbeat.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_client_quotas.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_delete.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "kafka/messages/produce.h"
#include "kafka/messages/sync_group.h"

namespace headrace::kafka {
namespace {

template <typename Request>
constexpr Api api(awaitable<void> (*handle)(Call&)) {
  return {Request::kName, Request::kKey, Request::kMinVersion, Request::kMaxVersion, handle};
}

constexpr auto kApis = std::to_array<Api>({
    api<ProduceRequest>(answer_produce),
    api<FetchRequest>(answer_fetch),
    api<ListOffsetsRequest>(answer_list_offsets),
    api<MetadataRequest>(answer_metadata),
    api<OffsetCommitRequest>(answer_offset_commit),
    api<OffsetFetchRequest>(answer_offset_fetch),
    api<FindCoordinatorRequest>(answer_find_coordinator),
    api<JoinGroupRequest>(answer_join_group),
    api<HeartbeatRequest>(answer_heartbeat),
    api<LeaveGroupRequest>(answer_leave_group),
    api<SyncGroupRequest>(answer_sync_group),
    api<DescribeGroupsRequest>(answer_describe_groups),
    api<ListGroupsRequest>(answer_list_groups),
    api<ApiVersionsRequest>(answer_api_versions),
    api<CreateTopicsRequest>(answer_create_topics),
    api<DeleteTopicsRequest>(answer_delete_topics),
    api<DeleteRecordsRequest>(answer_delete_records),
    api<InitProducerIdRequest>(answer_init_producer_id),
    api<OffsetForLeaderEpochRequest>(answer_offset_for_leader_epoch),
    api<DescribeConfigsRequest>(answer_describe_configs),
    api<AlterConfigsRequest>(answer_alter_configs),
    api<DescribeLogDirsRequest>(answer_describe_log_dirs),
    api<CreatePartitionsRequest>(answer_create_partitions),
    api<DeleteGroupsRequest>(answer_delete_groups),
    api<IncrementalAlterConfigsRequest>(answer_incremental_alter_configs),
    api<OffsetDeleteRequest>(answer_offset_delete),
    api<DescribeClientQuotasRequest>(answer_describe_client_quotas),
    api<AlterClientQuotasRequest>(answer_alter_client_quotas),
    api<DescribeClusterRequest>(answer_describe_cluster),
    api<ConsumerGroupHeartbeatRequest>(answer_consumer_group_heartbeat),
    api<ConsumerGroupDescribeRequest>(answer_consumer_group_describe),
});

}  // namespace

std::span<const Api> served_apis() {
  return kApis;
}

const Api* find_api(int16_t key) {
  const auto* found = std::ranges::find(kApis, key, &Api::key);
  return found == kApis.end() ? nullptr : found;
}

awaitable<void> answer(const Api& api, Call& call) {
  try {
    co_await api.handle(call);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& bug) {
    throw Error(Code::kInternal, fmt::format("{} failed: {}", api.name, bug.what()));
  }
}

awaitable<void> answer_api_versions(Call& call) {
  ApiVersionsResponse response;
  const Api& self = *find_api(ApiVersionsRequest::kKey);
  if (call.version() > self.max_version) {
    // A newer client: answered as version 0, whatever it asked for, so that it can ask again.
    response.error_code = static_cast<int16_t>(ErrorCode::kUnsupportedVersion);
    call.header.api_version = 0;
  } else {
    call.read<ApiVersionsRequest>();
  }
  for (const Api& each : kApis) {
    auto& row = response.api_keys.emplace_back();
    row.api_key = each.key;
    row.min_version = each.min_version;
    row.max_version = each.max_version;
  }
  call.write(response);
  co_return;
}

}  // namespace headrace::kafka
