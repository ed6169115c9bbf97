// The registry's compatibility levels and modes: of one subject, or of all that have none of their own.
#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/registry_calls.h"
#include "http/services.h"
#include "views/registry_error.h"

namespace headrace {
namespace {

namespace json = boost::json;

// The one member that a body may have, besides what says nothing.
std::string only_member(const HttpCall& call, std::string_view name, RegistryCode missing) {
  const json::object body = registry_body(call);
  std::string text;
  for (const auto& member : body) {
    if (member.value().is_null()) continue;
    if (member.key() != name)
      throw RegistryError(RegistryCode::kInvalidRequest,
                          fmt::format("\"{}\" is not a setting here; there is: {}",
                                      std::string_view(member.key()).substr(0, 100), name));
    if (!member.value().is_string()) break;
    text = std::string_view(member.value().get_string());
  }
  if (text.empty()) throw RegistryError(missing, fmt::format("the body should be {{\"{}\":\"...\"}}", name));
  return text;
}

json::object level_json(std::string_view member, CompatibilityLevel level) {
  return {{member, json::string(to_string(level))}};
}

json::object mode_json(RegistryMode mode) {
  return {{"mode", json::string(to_string(mode))}};
}

}  // namespace

awaitable<void> show_level(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const std::string subject = registry_subject(call);
  if (!subject.empty() && !state->levels.contains(subject) && !RegistryQuery(call).flag("defaultToGlobal"))
    throw RegistryError(RegistryCode::kNoSubjectLevel,
                        fmt::format("subject \"{}\" has no compatibility level of its own", subject));
  respond_json(call, level_json("compatibilityLevel", state->level(subject)));
  co_return;
}

awaitable<void> change_level(HttpCall& call) {
  const std::string name = only_member(call, "compatibility", RegistryCode::kInvalidLevel);
  const auto level = compatibility_level(name);
  if (!level)
    throw RegistryError(RegistryCode::kInvalidLevel,
                        fmt::format("\"{}\" is not a compatibility level; there are NONE, BACKWARD, FORWARD, FULL, and "
                                    "the last three with _TRANSITIVE",
                                    name.substr(0, 100)));
  co_await call.services->registry.set_level(registry_subject(call), level);
  respond_json(call, level_json("compatibility", *level));
}

awaitable<void> remove_level(HttpCall& call) {
  const CompatibilityLevel before = call.services->registry.state()->level(registry_subject(call));
  co_await call.services->registry.set_level(registry_subject(call), std::nullopt);
  respond_json(call, level_json("compatibilityLevel", before));
}

awaitable<void> show_mode(HttpCall& call) {
  const RegistryStatePtr state = call.services->registry.state();
  const std::string subject = registry_subject(call);
  if (!subject.empty() && !state->modes.contains(subject) && !RegistryQuery(call).flag("defaultToGlobal"))
    throw RegistryError(RegistryCode::kNoSubjectMode, fmt::format("subject \"{}\" has no mode of its own", subject));
  respond_json(call, mode_json(state->mode(subject)));
  co_return;
}

awaitable<void> change_mode(HttpCall& call) {
  const std::string name = only_member(call, "mode", RegistryCode::kInvalidMode);
  const auto mode = registry_mode(name);
  if (!mode)
    throw RegistryError(
        RegistryCode::kInvalidMode,
        fmt::format("\"{}\" is not a mode; there are READWRITE, READONLY and IMPORT", name.substr(0, 100)));
  co_await call.services->registry.set_mode(registry_subject(call), mode, RegistryQuery(call).flag("force"));
  respond_json(call, mode_json(*mode));
}

awaitable<void> remove_mode(HttpCall& call) {
  const RegistryMode before = call.services->registry.state()->mode(registry_subject(call));
  co_await call.services->registry.set_mode(registry_subject(call), std::nullopt, false);
  respond_json(call, mode_json(before));
}

}  // namespace headrace
