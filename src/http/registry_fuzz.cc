// The schema registry under strangers' requests, one after the other on one registry. An input is text: requests
// between lines of "%", each a line "METHOD TARGET" and a body behind it; a body that begins with "=" is a schema, and
// is put into {"schema": ...}, so that mutations reach the schema's own JSON.
//
// What must hold, whatever is asked: every answer is JSON of a status that is no bug's; an id stands for one schema for
// ever, and is given out once; asking for the same registration again gives the same id; and what a restart makes of
// `_schemas` is what there was.
#include <map>

#include "base/check.h"
#include "boost/json.hpp"
#include "fmt/format.h"
#include "http/registry_calls.h"
#include "http/routes.h"
#include "http/services.h"
#include "views/testing_system.h"

namespace headrace {
namespace {

constexpr size_t kRequestsMax = 40;  // of one input

// Everything that a state says.
std::string describe(const RegistryState& state) {
  std::string out = fmt::format("next id {}\n", state.next_id);
  for (const auto& [name, subject] : state.subjects) {
    for (const SubjectVersion& each : subject->versions) {
      out += fmt::format("{} {}: {}{}\n", name, each.version, each.schema->id, each.deleted ? " deleted" : "");
    }
  }
  for (const auto& [id, known] : state.schemas) {
    out += fmt::format("schema {} in {}: {}", id, known.versions, known.schema->text);
    for (const SchemaReference& each : known.schema->references)
      out += fmt::format(" {}={}/{}", each.name, each.subject, each.version);
    out += '\n';
  }
  for (const auto& [name, level] : state.levels) out += fmt::format("level {}: {}\n", name, static_cast<int>(level));
  for (const auto& [name, mode] : state.modes) out += fmt::format("mode {}: {}\n", name, to_string(mode));
  return out;
}

class NoStream final : public ResponseStream {
 public:
  awaitable<bool> start(const Response&) override { co_return false; }
  awaitable<bool> write(std::string_view) override { co_return false; }
  bool ended() override { return true; }
  bool server_stops() override { return false; }
  void extend(std::chrono::milliseconds) override {}
};

// What the registry's handlers do not use, made once; and the routes.
struct Surroundings {
  Surroundings() : files(1), system(files), router(api_routes()) {}
  FaultyFiles files;
  TestSystem system;
  Router router;
};

Surroundings& surroundings() {
  static Surroundings instance;
  return instance;
}

Method method_of(std::string_view name) {
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete}) {
    if (method_name(method) == name) return method;
  }
  return Method::kOther;
}

class Run {
 public:
  Run() : log_(open_embedded_log(runtime(), time_, files_, {.folder = "log", .gather_time = {}})) {
    registry_ = open();
  }
  ~Run() {
    runtime().block_on([&] { return log_->close(); });
  }

  void request(std::string_view text) {
    const size_t line = std::min(text.find('\n'), text.size());
    const std::string_view first = text.substr(0, line);
    const size_t space = std::min(first.find(' '), first.size());
    const std::string_view target = first.substr(std::min(space + 1, first.size()));
    const size_t question = std::min(target.find('?'), target.size());
    Request request{.method = method_of(first.substr(0, space)),
                    .path = target.substr(0, question),
                    .query = target.substr(std::min(question + 1, target.size()))};
    std::string_view body = text.substr(std::min(line + 1, text.size()));
    request.body = body;
    if (body.starts_with('=')) {
      const boost::json::string schema(body.substr(1));
      request.body = boost::json::serialize(boost::json::object{{"schema", schema}});
    }
    Match match;
    surroundings().router.match(request.method, request.path, match);
    if (match.route == nullptr || match.route->fails_as != kRegistryType) return;
    const std::string answer = ask(request, match);
    const bool registers = request.method == Method::kPost && match.route->pattern == "/subjects/{subject}/versions";
    if (registers && answer.starts_with("200")) check(ask(request, match) == answer, "a repeat gets the same id");
  }

  void restart() {
    const std::string before = describe(*registry_->state());
    const auto again = open();
    check(describe(*again->state()) == before, "a replay of _schemas gives what there was");
  }

 private:
  static Runtime& runtime() { return surroundings().system.runtime; }
  std::unique_ptr<Registry> open() {
    auto registry = std::make_unique<Registry>(runtime(), *log_);
    runtime().block_on([&] { return registry->open(); });
    return registry;
  }

  std::string ask(Request& request, const Match& match) {
    TestSystem& system = surroundings().system;
    Services services{*log_, system.catalog, system.appender, system.views, system.executor, metrics_, *registry_};
    Response response;
    NoStream stream;
    const HttpLimits limits;
    const RegistryStatePtr before = registry_->state();
    runtime().block_on([&]() -> awaitable<void> {
      HttpCall call{.request = request,
                    .response = response,
                    .stream = stream,
                    .services = &services,
                    .runtime = system.runtime,
                    .shard = system.runtime.shard(0),
                    .timers = time_,
                    .limits = limits,
                    .path_parameters = {match.parameters.data(), match.parameter_count},
                    .query = {}};
      co_await match.route->handler(call);
    });
    check(response.status == 200 || (response.status >= 400 && response.status < 500), "no answer is a bug's");
    if (response.content_type == kRegistryType) {
      boost::json::error_code failure;
      boost::json::parse(response.body, failure);
      check(!failure, "an answer is JSON");
    }
    check_ids(*before, *registry_->state());
    return fmt::format("{} {}", response.status, response.body);
  }

  void check_ids(const RegistryState& before, const RegistryState& after) {
    check(after.next_id >= before.next_id, "ids that were given out stay so");
    for (const auto& [id, known] : after.schemas) {
      check(id > 0 && id < after.next_id, "an id in use was given out");
      const auto [first, is_new] = given_.emplace(id, known.schema);
      if (first->second->same_as(known.schema->text, known.schema->references)) continue;
      // Only who brings ids from elsewhere may use that of a schema that is gone.
      const bool imports =
          std::ranges::any_of(before.modes, [](const auto& mode) { return mode.second == RegistryMode::kImport; });
      check(imports && !before.schemas.contains(id), "an id stands for one schema");
      first->second = known.schema;
    }
  }

  FaultyFiles files_{1};
  ManualTime time_{WallTime(std::chrono::days(20'000))};
  Metrics metrics_;
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<Registry> registry_;
  std::map<int32_t, RegisteredSchemaPtr> given_;
};

}  // namespace
}  // namespace headrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Run run;
  for (size_t requests = 0; !rest.empty() && requests < kRequestsMax; ++requests) {
    constexpr std::string_view kBetween = "\n%\n";
    const size_t end = rest.find(kBetween);
    run.request(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + kBetween.size());
  }
  run.restart();
  return 0;
}
