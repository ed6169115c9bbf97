// The registry's schemas by their ids, whatever subjects they are in.
#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/handlers.h"
#include "http/registry_calls.h"
#include "http/services.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

namespace json = boost::json;

// The id of the path; what is no id cannot be that of a schema.
int32_t schema_id(const HttpCall& call) {
  return static_cast<int32_t>(integer_parameter("the schema's id", call.path_parameter(0), 0, INT32_MAX));
}

// Calls `f` with each subject and its versions of the schema that the query asks for.
template <typename F>
void for_each_version(const HttpCall& call, const RegistryState& state, F f) {
  const RegistryQuery query(call);
  const DeletedFilter filter(query);
  const std::string only = query.text("subject");
  const int32_t id = state.schema(schema_id(call))->id;
  for (const auto& [name, subject] : state.subjects) {
    if (!only.empty() && name != only) continue;
    for (const SubjectVersion& version : subject->versions)
      if (version.schema->id == id && filter.takes(version.deleted)) f(name, version.version);
  }
}

}  // namespace

awaitable<void> list_schemas(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegistryQuery query(call);
  const DeletedFilter filter(query);
  RegistryPage page(query);
  const bool latest_only = query.flag("latestOnly");
  const std::string prefix = query.text("subjectPrefix");
  std::string& body = call.response.body;
  body = '[';
  for (auto at = state->subjects.lower_bound(prefix); at != state->subjects.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    const Subject& subject = *at->second;
    for (const SubjectVersion& version : subject.versions) {
      if (!filter.takes(version.deleted)) continue;
      if (latest_only && &version != subject.latest(filter.deleted)) continue;
      if (!page.takes()) continue;
      if (body.size() > 1) body += ',';
      body += json::serialize(version_json(subject.name, version));
      if (body.size() > call.limits.body_bytes_max)
        throw Error(Code::kTooLarge, "the schemas are too many for one answer; use offset and limit");
    }
  }
  body += ']';
  co_return;
}

awaitable<void> list_schema_types(HttpCall& call) {
  call.response.body = R"(["AVRO"])";
  co_return;
}

awaitable<void> show_schema(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const RegisteredSchemaPtr& schema = state->schema(schema_id(call));
  json::object answer = version_json("", {.version = 0, .schema = schema, .deleted = false});
  for (const char* name : {"subject", "version", "id"}) answer.erase(name);
  if (RegistryQuery(call).flag("fetchMaxId")) answer["maxId"] = state->next_id - 1;
  respond_json(call, answer);
  co_return;
}

awaitable<void> show_schema_text(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  call.response.body = state->schema(schema_id(call))->text;
  co_return;
}

awaitable<void> list_schema_subjects(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  json::array names;
  RegistryPage page{RegistryQuery(call)};
  std::string last;
  for_each_version(call, *state, [&](const std::string& name, int32_t) {
    if (last != name && page.takes()) names.emplace_back(name);
    last = name;
  });
  respond_json(call, names);
  co_return;
}

awaitable<void> list_schema_versions(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  json::array versions;
  RegistryPage page{RegistryQuery(call)};
  for_each_version(call, *state, [&](const std::string& name, int32_t version) {
    if (page.takes()) versions.push_back({{"subject", name}, {"version", version}});
  });
  respond_json(call, versions);
  co_return;
}

awaitable<void> show_root(HttpCall& call) {
  if (call.request.header("Accept").find("application/vnd.schemaregistry") == std::string_view::npos)
    co_return co_await show_page(call);
  call.response.content_type = kRegistryType;
  call.response.body = "{}";
}

}  // namespace headrace
