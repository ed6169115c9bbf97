#include "kafka/broker.h"

#include "fmt/format.h"

namespace headrace::kafka {

StreamInfoPtr stream_of(const CatalogState& catalog, std::string_view topic) {
  // Nearly always the topic has the stream's name.
  if (const auto found = catalog.streams.find(topic);
      found != catalog.streams.end() && found->second->definition.topic == topic) {
    return found->second;
  }
  for (const auto& [name, stream] : catalog.streams) {
    if (stream->definition.topic == topic) return stream;
  }
  return nullptr;
}

std::string refusal_to_write(const CatalogState& catalog, std::string_view topic) {
  if (is_internal(topic)) return fmt::format("\"{}\" is Headrace's own; clients can read it", topic);
  const StreamInfoPtr stream = stream_of(catalog, topic);
  if (stream && !stream->is_writable()) {
    return fmt::format("\"{}\" is written by Headrace; produce to what it is made from", topic);
  }
  return {};
}

}  // namespace headrace::kafka
