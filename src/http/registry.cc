// What the registry's calls share: reading their parameters and bodies, and saying why something failed.
#include <algorithm>
#include <charconv>

#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/problem.h"
#include "http/registry_calls.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

namespace json = boost::json;

// A schema of the greatest size, all of it escaped, and its references.
constexpr size_t kBodyBytesMax = 6 * kSchemaBytesMax + 256 * 1024;
constexpr size_t kBodyDepthMax = 8;

[[noreturn]] void refuse(const std::string& message) {
  throw RegistryError(RegistryCode::kInvalidRequest, message);
}

std::string text_member(const json::object& object, std::string_view name, std::string otherwise = {}) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return otherwise;
  if (!value->is_string()) refuse(fmt::format("\"{}\" should be a string", name));
  return std::string(std::string_view(value->get_string()));
}

// -1, which clients send for "none", is none.
std::optional<int32_t> number_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_int64() || value->get_int64() > INT32_MAX || value->get_int64() < -1)
    refuse(fmt::format("\"{}\" should be a number up to {}", name, INT32_MAX));
  if (value->get_int64() == -1) return std::nullopt;
  return static_cast<int32_t>(value->get_int64());
}

bool says_something(const json::value& value) {
  if (const json::object* object = value.if_object()) return !object->empty();
  if (const json::array* array = value.if_array()) return !array->empty();
  return !value.is_null();
}

std::vector<SchemaReference> references_of(const json::object& body) {
  std::vector<SchemaReference> references;
  const json::value* list = body.if_contains("references");
  if (list == nullptr || list->is_null()) return references;
  if (!list->is_array()) refuse("\"references\" should be an array");
  if (list->get_array().size() > kSchemaReferencesMax)
    refuse(fmt::format("a schema has at most {} references", kSchemaReferencesMax));
  for (const json::value& each : list->get_array()) {
    const json::object* object = each.if_object();
    if (object == nullptr) refuse("a reference should be an object with name, subject and version");
    SchemaReference reference{text_member(*object, "name"), text_member(*object, "subject"), -1};
    if (reference.name.empty() || reference.subject.empty()) refuse("a reference needs a name and a subject");
    if (reference.name.size() > kSubjectBytesMax || reference.subject.size() > kSubjectBytesMax)
      refuse(fmt::format("a reference's name and subject have at most {} bytes", kSubjectBytesMax));
    reference.version = number_member(*object, "version").value_or(-1);
    references.push_back(std::move(reference));
  }
  return references;
}

// The registry's number for what is no refusal of its own: those of its clients' kind where there is one.
int registry_code(const Error& error) {
  if (const auto* own = dynamic_cast<const RegistryError*>(&error)) return static_cast<int>(own->registry_code());
  switch (error.code()) {
    case Code::kInvalid: return static_cast<int>(RegistryCode::kInvalidRequest);
    case Code::kTimeout: return static_cast<int>(RegistryCode::kTimeout);
    case Code::kIo:
    case Code::kOutOfSpace:
    case Code::kCorrupt: return static_cast<int>(RegistryCode::kStore);
    default: return info(error.code()).http_status;
  }
}

}  // namespace

bool RegistryQuery::flag(std::string_view name) const {
  return equals_ignoring_case(text(name), "true");
}

std::string RegistryQuery::text(std::string_view name) const {
  return find_parameter(parameters_, name).value_or("");
}

int64_t RegistryQuery::number(std::string_view name, int64_t otherwise) const {
  const auto value = find_parameter(parameters_, name);
  return value ? integer_parameter(name, *value, INT32_MIN, INT32_MAX) : otherwise;
}

RegistryPage::RegistryPage(const RegistryQuery& query)
    : skipped(std::max<int64_t>(0, query.number("offset", 0))), left(query.number("limit", -1)) {
  if (left < 0) left = INT64_MAX;
}

bool RegistryPage::takes() {
  if (skipped > 0) {
    --skipped;
    return false;
  }
  return left-- > 0;
}

json::object registry_body(const HttpCall& call) {
  const std::string& body = call.request.body;
  if (body.size() > kBodyBytesMax)
    throw Error(Code::kTooLarge, fmt::format("the body has {} bytes; the limit is {}", body.size(), kBodyBytesMax));
  json::parse_options options;
  options.max_depth = kBodyDepthMax;
  json::error_code failure;
  json::value value = json::parse(body, failure, {}, options);
  if (failure) refuse(fmt::format("the body is not valid JSON: {}", failure.message()));
  if (!value.is_object()) refuse("the body should be a JSON object");
  return std::move(value.get_object());
}

SchemaRequest schema_request(const HttpCall& call, bool normalize) {
  const json::object body = registry_body(call);
  for (const char* name : {"metadata", "ruleSet"}) {
    if (const json::value* value = body.if_contains(name); value != nullptr && says_something(*value))
      refuse(fmt::format("\"{}\" is not kept here; leave it away", name));
  }
  SchemaRequest request;
  request.text = text_member(body, "schema");
  request.type = text_member(body, "schemaType", "AVRO");
  if (request.text.empty())
    throw RegistryError(RegistryCode::kInvalidSchema,
                        "the body has no \"schema\", which is a schema's JSON as a string");
  request.references = references_of(body);
  request.id = number_member(body, "id");
  request.version = number_member(body, "version");
  if (request.version == 0) request.version.reset();  // as some clients say "none"
  request.normalize = normalize;
  return request;
}

std::string registry_subject(const HttpCall& call) {
  return call.path_parameters.empty() ? std::string() : call.path_parameter(0);
}

int32_t registry_version(const HttpCall& call) {
  const std::string text = call.path_parameter(1);
  if (text == "latest" || text == "-1") return -1;
  int32_t version = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failure != std::errc() || end != text.data() + text.size() || version <= 0)
    throw RegistryError(RegistryCode::kInvalidVersion,
                        fmt::format("\"{}\" is not a version; it is \"latest\" or a number from 1 to {}",
                                    text.substr(0, 100), INT32_MAX));
  return version;
}

void respond_json(HttpCall& call, const json::value& value) {
  call.response.body = json::serialize(value);
}

json::object version_json(std::string_view subject, const SubjectVersion& version) {
  json::object object{{"subject", json::string(subject)}, {"version", version.version}, {"id", version.schema->id}};
  if (!version.schema->references.empty()) {
    json::array& references = object["references"].emplace_array();
    for (const SchemaReference& reference : version.schema->references)
      references.push_back({{"name", reference.name}, {"subject", reference.subject}, {"version", reference.version}});
  }
  object["schema"] = version.schema->text;
  return object;
}

void respond_registry_failure(Response& response, const std::exception_ptr& failure) {
  int number = 500;
  std::string message;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (error.code() == Code::kInternal) return respond_exception(response, failure);
    number = registry_code(error);
    message = error.message();
  } catch (...) {
    // With a trace id, as all that is a bug.
    return respond_exception(response, failure);
  }
  response.clear();
  response.status = number < 1000 ? number : number / 100;
  response.content_type = kRegistryType;
  response.body = fmt::format(R"({{"error_code":{},"message":)", number);
  append_json_text(response.body, message);
  response.body += '}';
  if (response.status == 429 || response.status == 503) response.set_header("Retry-After", "1");
}

}  // namespace headrace
