#include "http/registry_routes.h"

#include "http/registry_calls.h"

namespace headrace {
namespace {

using In = Parameter::In;

constexpr Parameter kSubject{In::kPath, "subject", "string", "name of a subject, such as `scans-value`"};
constexpr Parameter kVersion{In::kPath, "version", "string", "a version's number, or `latest`"};
constexpr Parameter kId{In::kPath, "id", "integer", "id of a schema"};
constexpr Parameter kNormalize{In::kQuery, "normalize", "boolean", "put the schema in order before it is compared"};
constexpr Parameter kDeleted{In::kQuery, "deleted", "boolean", "softly deleted versions, too"};
constexpr Parameter kDeletedOnly{In::kQuery, "deletedOnly", "boolean", "softly deleted versions only"};
constexpr Parameter kPermanent{In::kQuery, "permanent", "boolean", "remove for good what is softly deleted"};
constexpr Parameter kPrefix{In::kQuery, "subjectPrefix", "string", "only of subjects whose names begin so"};
constexpr Parameter kOffset{In::kQuery, "offset", "integer", "leave out so many"};
constexpr Parameter kLimit{In::kQuery, "limit", "integer", "at most so many"};
constexpr Parameter kOnlySubject{In::kQuery, "subject", "string", "only of this subject"};
constexpr Parameter kDefault{In::kQuery, "defaultToGlobal", "boolean", "else that of all subjects"};
constexpr Parameter kVerbose{In::kQuery, "verbose", "boolean", "with the reasons"};
constexpr Parameter kForce{In::kQuery, "force", "boolean", "IMPORT also for what is not empty"};

constexpr Answer kNoSubject{404, "40401: there is no such subject"};
constexpr Answer kNoVersion{404, "40401, 40402: there is no such subject or version"};
constexpr Answer kNoSchema{404, "40403: there is no such schema"};
constexpr Answer kBadVersion{422, "42202: this is no version"};
constexpr Answer kBadSchema{422, "42201: the schema is not valid, or refers to what is not there"};

struct Call {
  Method method;
  std::string_view pattern;
  Handler handler;
  std::string_view summary;
  std::vector<Parameter> parameters;
  std::vector<Answer> answers;
};

void add(std::vector<Route>& routes, Call call) {
  const bool has_body = call.method == Method::kPost || call.method == Method::kPut;
  Route route{.method = call.method,
              .pattern = call.pattern,
              .handler = call.handler,
              .summary = call.summary,
              .parameters = std::move(call.parameters),
              .takes = {},
              .gives = {kRegistryType},
              .answers = std::move(call.answers),
              .any_query = true,
              .fails_as = kRegistryType};
  if (has_body) {
    route.takes = {kRegistryType, "application/vnd.schemaregistry+json", "application/json",
                   "application/octet-stream"};
  }
  routes.push_back(std::move(route));
}

void add_subjects(std::vector<Route>& routes) {
  add(routes, {Method::kGet,
               "/subjects",
               registry_call<list_subjects>,
               "Lists the registry's subjects.",
               {kPrefix, kDeleted, kDeletedOnly, kOffset, kLimit},
               {{200, "their names"}}});
  add(routes, {Method::kPost,
               "/subjects/{subject}",
               registry_call<look_up_schema>,
               "Finds the version of a subject that has a schema.",
               {kSubject, kNormalize, kDeleted},
               {{200, "`{\"subject\":...,\"version\":1,\"id\":1,\"schema\":\"...\"}`"},
                {404, "40401, 40403: there is no such subject, or none of its versions has the schema"},
                kBadSchema}});
  add(routes, {Method::kDelete,
               "/subjects/{subject}",
               registry_call<remove_subject>,
               "Deletes a subject: softly, and then permanently.",
               {kSubject, kPermanent},
               {{200, "the versions that were deleted"},
                {404, "40401, 40404, 40405: there is no such subject, it is softly deleted already, or not yet"},
                {422, "42205, 42206: the mode is READONLY, or other schemas refer to it"}}});
  add(routes, {Method::kGet,
               "/subjects/{subject}/versions",
               registry_call<list_versions>,
               "Lists the versions of a subject.",
               {kSubject, kDeleted, kDeletedOnly, kOffset, kLimit},
               {{200, "their numbers"}, kNoSubject}});
  add(routes, {Method::kPost,
               "/subjects/{subject}/versions",
               registry_call<register_schema>,
               "Registers a schema as the next version of a subject. A repeat has no effect.",
               {kSubject, kNormalize},
               {{200, "`{\"id\":1}`: it is durable"},
                {409, "40901: the schema is incompatible with an earlier version"},
                {422, "42201, 42205: the schema is not valid, or the mode does not permit it"},
                {500, "50001: whether it is durable is not known; ask again"}}});
  add(routes, {Method::kGet,
               "/subjects/{subject}/versions/{version}",
               registry_call<show_version>,
               "Shows a version of a subject.",
               {kSubject, kVersion, kDeleted},
               {{200, "`{\"subject\":...,\"version\":1,\"id\":1,\"schema\":\"...\"}`"}, kNoVersion, kBadVersion}});
  add(routes, {Method::kDelete,
               "/subjects/{subject}/versions/{version}",
               registry_call<remove_version>,
               "Deletes a version: softly, and then permanently.",
               {kSubject, kVersion, kPermanent},
               {{200, "its number"},
                {404, "40401, 40402, 40406, 40407: there is no such version, it is softly deleted already, or not yet"},
                {422, "42202, 42205, 42206: no version, the mode is READONLY, or other schemas refer to it"}}});
  add(routes, {Method::kGet,
               "/subjects/{subject}/versions/{version}/schema",
               registry_call<show_version_schema>,
               "Shows the schema of a version.",
               {kSubject, kVersion, kDeleted},
               {{200, "the schema"}, kNoVersion, kBadVersion}});
  add(routes, {Method::kGet,
               "/subjects/{subject}/versions/{version}/referencedby",
               registry_call<list_referrers>,
               "Lists the ids of the schemas that refer to a version.",
               {kSubject, kVersion, kDeleted},
               {{200, "their ids"}, kNoVersion, kBadVersion}});
}

void add_schemas(std::vector<Route>& routes) {
  add(routes, {Method::kGet,
               "/schemas",
               registry_call<list_schemas>,
               "Lists the versions of all subjects.",
               {kPrefix,
                kDeleted,
                kDeletedOnly,
                {In::kQuery, "latestOnly", "boolean", "the latest of each subject"},
                kOffset,
                kLimit},
               {{200, "as a version is shown"}}});
  add(routes, {Method::kGet,
               "/schemas/types",
               registry_call<list_schema_types>,
               "Lists the types of schemas.",
               {},
               {{200, "`[\"AVRO\"]`"}}});
  add(routes, {Method::kGet,
               "/schemas/ids/{id}",
               registry_call<show_schema>,
               "Shows a schema.",
               {kId, {In::kQuery, "fetchMaxId", "boolean", "with the greatest id given out"}},
               {{200, "`{\"schema\":\"...\"}`"}, kNoSchema}});
  add(routes, {Method::kGet,
               "/schemas/ids/{id}/schema",
               registry_call<show_schema_text>,
               "Shows a schema alone.",
               {kId},
               {{200, "the schema"}, kNoSchema}});
  add(routes, {Method::kGet,
               "/schemas/ids/{id}/subjects",
               registry_call<list_schema_subjects>,
               "Lists the subjects that have a schema.",
               {kId, kOnlySubject, kDeleted, kOffset, kLimit},
               {{200, "their names"}, kNoSchema}});
  add(routes, {Method::kGet,
               "/schemas/ids/{id}/versions",
               registry_call<list_schema_versions>,
               "Lists the versions that have a schema.",
               {kId, kOnlySubject, kDeleted, kOffset, kLimit},
               {{200, "`[{\"subject\":...,\"version\":1}]`"}, kNoSchema}});
  for (const std::string_view pattern :
       {"/compatibility/subjects/{subject}/versions", "/compatibility/subjects/{subject}/versions/{version}"}) {
    const bool one = pattern.ends_with("{version}");
    Call call{Method::kPost,
              pattern,
              registry_call<test_compatibility>,
              "Tells whether a schema could be the next version, by the subject's level.",
              {kSubject},
              {{200, "`{\"is_compatible\":true}`"}, kBadSchema}};
    if (one) {
      call.summary = "Tells whether a schema could follow one version, by the subject's level.";
      call.parameters.push_back(kVersion);
      call.answers = {call.answers[0], kNoVersion, {422, "42201, 42202: this is no valid schema, or no version"}};
    }
    call.parameters.push_back(kVerbose);
    call.parameters.push_back(kNormalize);
    add(routes, std::move(call));
  }
}

void add_settings(std::vector<Route>& routes) {
  struct Setting {
    std::string_view all, one;
    Handler show, change, remove;
    std::string_view shows, changes, removes, answer, missing, bad;
    bool is_mode;
  };
  const Setting settings[] = {
      {"/config", "/config/{subject}", registry_call<show_level>, registry_call<change_level>,
       registry_call<remove_level>, "Shows the compatibility level.", "Sets the compatibility level.",
       "Removes the compatibility level, so that the default holds.", "`{\"compatibilityLevel\":\"BACKWARD\"}`",
       "40408: the subject has no level of its own", "42203: this is no level", false},
      {"/mode", "/mode/{subject}", registry_call<show_mode>, registry_call<change_mode>, registry_call<remove_mode>,
       "Shows the mode: READWRITE, READONLY or IMPORT.", "Sets the mode.",
       "Removes the mode, so that the default holds.", "`{\"mode\":\"READWRITE\"}`",
       "40409: the subject has no mode of its own", "42204, 42205: this is no mode, or not permitted", true}};
  for (const Setting& setting : settings) {
    for (const std::string_view pattern : {setting.all, setting.one}) {
      const bool one = pattern == setting.one;
      const std::vector<Parameter> path = one ? std::vector{kSubject} : std::vector<Parameter>();
      Call show{Method::kGet, pattern, setting.show, setting.shows, path, {{200, setting.answer}}};
      Call change{Method::kPut,    pattern, setting.change,
                  setting.changes, path,    {{200, "what it is now"}, {422, setting.bad}}};
      Call remove{Method::kDelete, pattern, setting.remove, setting.removes, path, {{200, "what it was"}}};
      if (one) {
        show.parameters.push_back(kDefault);
        show.answers.push_back({404, setting.missing});
        remove.answers.push_back({404, setting.missing});
      }
      if (setting.is_mode) change.parameters.push_back(kForce);
      add(routes, std::move(show));
      add(routes, std::move(change));
      add(routes, std::move(remove));
    }
  }
}

}  // namespace

void add_registry_routes(std::vector<Route>& routes) {
  add_subjects(routes);
  add_schemas(routes);
  add_settings(routes);
}

}  // namespace headrace
