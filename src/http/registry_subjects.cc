// The registry's subjects and their versions: what there is, registering, looking up, removing, asking whether a schema
// would do.
#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/registry_calls.h"
#include "http/services.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

namespace json = boost::json;

const SubjectVersion& version_of(const HttpCall& call, const RegistryState& state) {
  const int32_t version = registry_version(call);
  return state.version(registry_subject(call), version, RegistryQuery(call).flag("deleted"));
}

}  // namespace

awaitable<void> list_subjects(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegistryQuery query(call);
  const DeletedFilter filter(query);
  RegistryPage page(query);
  const std::string prefix = query.text("subjectPrefix");
  json::array names;
  for (auto at = state->subjects.lower_bound(prefix); at != state->subjects.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (filter.takes(!at->second->live()) && page.takes()) names.emplace_back(at->first);
  }
  respond_json(call, names);
  co_return;
}

awaitable<void> look_up_schema(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegistryQuery query(call);
  const bool with_deleted = query.flag("deleted");
  const SchemaRequest request = schema_request(call, query.flag("normalize"));
  const std::string subject = registry_subject(call);
  const SubjectVersion* const found =
      co_await on_pool(call.runtime.pool(), [&] { return find_version(*state, subject, request, with_deleted); });
  if (found == nullptr)
    throw RegistryError(RegistryCode::kNoSchema,
                        fmt::format("subject \"{}\" has no version with this schema", subject));
  respond_json(call, version_json(subject, *found));
}

awaitable<void> remove_subject(HttpCall& call) {
  const bool permanent = RegistryQuery(call).flag("permanent");
  const auto versions = co_await call.services->registry.remove(registry_subject(call), std::nullopt, permanent);
  respond_json(call, json::value_from(versions));
}

awaitable<void> list_versions(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegistryQuery query(call);
  const DeletedFilter filter(query);
  RegistryPage page(query);
  json::array versions;
  bool any = false;
  for (const SubjectVersion& version : state->subject(registry_subject(call), true).versions) {
    if (!filter.takes(version.deleted)) continue;
    any = true;
    if (page.takes()) versions.emplace_back(version.version);
  }
  if (!any)
    throw RegistryError(RegistryCode::kNoSubject,
                        fmt::format("subject \"{}\" has no such versions", registry_subject(call)));
  respond_json(call, versions);
  co_return;
}

awaitable<void> register_schema(HttpCall& call) {
  SchemaRequest request = schema_request(call, RegistryQuery(call).flag("normalize"));
  const Registration registered = co_await call.services->registry.add(registry_subject(call), std::move(request));
  respond_json(call, json::object{{"id", registered.id}});
}

awaitable<void> show_version(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  respond_json(call, version_json(registry_subject(call), version_of(call, *state)));
  co_return;
}

awaitable<void> show_version_schema(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  call.response.body = version_of(call, *state).schema->text;
  co_return;
}

awaitable<void> list_referrers(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const int32_t version = state->version(registry_subject(call), registry_version(call), true).version;
  respond_json(
      call, json::value_from(state->referrers(registry_subject(call), version, RegistryQuery(call).flag("deleted"))));
  co_return;
}

awaitable<void> remove_version(HttpCall& call) {
  const int32_t version = registry_version(call);
  const bool permanent = RegistryQuery(call).flag("permanent");
  const auto versions = co_await call.services->registry.remove(registry_subject(call), version, permanent);
  respond_json(call, versions.at(0));
}

awaitable<void> test_compatibility(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegistryQuery query(call);
  const std::string subject = registry_subject(call);
  std::optional<int32_t> version;
  if (call.path_parameters.size() > 1) version = registry_version(call);
  const SchemaRequest request = schema_request(call, query.flag("normalize"));
  const std::vector<std::string> faults =
      co_await on_pool(call.runtime.pool(), [&] { return compatibility_faults(*state, subject, version, request); });
  json::object answer{{"is_compatible", faults.empty()}};
  if (query.flag("verbose")) answer["messages"] = json::value_from(faults);
  respond_json(call, answer);
}

}  // namespace headrace
