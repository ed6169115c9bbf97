// The calls of the schema registry, as Confluent's clients make them, and what they share. Each is declared to users in
// registry_routes.cc. They differ from other calls in how they fail: with {"error_code":40401,"message":"..."}.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "boost/json/fwd.hpp"
#include "http/call.h"
#include "views/registry.h"

namespace headrace {

inline constexpr std::string_view kRegistryType = "application/vnd.schemaregistry.v1+json";

// registry_subjects.cc
awaitable<void> list_subjects(HttpCall& call);
awaitable<void> look_up_schema(HttpCall& call);
awaitable<void> remove_subject(HttpCall& call);
awaitable<void> list_versions(HttpCall& call);
awaitable<void> register_schema(HttpCall& call);
awaitable<void> show_version(HttpCall& call);
awaitable<void> show_version_schema(HttpCall& call);
awaitable<void> list_referrers(HttpCall& call);
awaitable<void> remove_version(HttpCall& call);
awaitable<void> test_compatibility(HttpCall& call);

// registry_schemas.cc
awaitable<void> list_schemas(HttpCall& call);
awaitable<void> list_schema_types(HttpCall& call);
awaitable<void> show_schema(HttpCall& call);
awaitable<void> show_schema_text(HttpCall& call);
awaitable<void> list_schema_subjects(HttpCall& call);
awaitable<void> list_schema_versions(HttpCall& call);
awaitable<void> show_root(HttpCall& call);

// registry_settings.cc: of the subject in the path, or of all
awaitable<void> show_level(HttpCall& call);
awaitable<void> change_level(HttpCall& call);
awaitable<void> remove_level(HttpCall& call);
awaitable<void> show_mode(HttpCall& call);
awaitable<void> change_mode(HttpCall& call);
awaitable<void> remove_mode(HttpCall& call);

// The query of a call. Parameters that are not known are let pass, because clients of each version send others.
class RegistryQuery {
 public:
  explicit RegistryQuery(const HttpCall& call) : parameters_(parse_query(call.request.query, call.limits)) {}

  bool flag(std::string_view name) const;
  std::string text(std::string_view name) const;
  int64_t number(std::string_view name, int64_t otherwise) const;

 private:
  std::vector<QueryParameter> parameters_;
};

// The elements of a list that `offset` and `limit` ask for.
struct RegistryPage {
  explicit RegistryPage(const RegistryQuery& query);
  // Whether the next element is on the page.
  bool takes();

  int64_t skipped;
  int64_t left;
};

// The body as an object. Throws RegistryError kInvalidRequest.
boost::json::object registry_body(const HttpCall& call);
// A schema with its references in the body. Throws RegistryError.
SchemaRequest schema_request(const HttpCall& call, bool normalize);
// A subject of the path; empty when there is none.
std::string registry_subject(const HttpCall& call);
// A version of the path: -1 for "latest". Throws RegistryError kInvalidVersion.
int32_t registry_version(const HttpCall& call);

// Whether these versions are asked for: the live ones, with `deleted` all, with `deletedOnly` (`deleted_only` is how
// the Python client spells it) the others.
struct DeletedFilter {
  explicit DeletedFilter(const RegistryQuery& query)
      : deleted(query.flag("deleted")), deleted_only(query.flag("deletedOnly") || query.flag("deleted_only")) {}
  bool takes(bool is_deleted) const { return deleted_only ? is_deleted : deleted || !is_deleted; }

  bool deleted;
  bool deleted_only;
};

void respond_json(HttpCall& call, const boost::json::value& value);
boost::json::object version_json(std::string_view subject, const SubjectVersion& version);

void respond_registry_failure(Response& response, const std::exception_ptr& failure);

// A call whose failures are the registry's.
template <awaitable<void> (*handler)(HttpCall&)>
awaitable<void> registry_call(HttpCall& call) {
  std::exception_ptr failure;
  call.response.content_type = kRegistryType;
  try {
    co_await handler(call);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) respond_registry_failure(call.response, failure);
}

}  // namespace headrace
