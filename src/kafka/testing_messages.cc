#include "kafka/testing_messages.h"

#include <bit>
#include <optional>
#include <vector>

#include "kafka/messages/all_messages.h"

namespace headrace::kafka {
namespace {

void fill(Random& random, bool& value) {
  value = random.one_in(2);
}
void fill(Random& random, int8_t& value) {
  value = static_cast<int8_t>(random());
}
void fill(Random& random, int16_t& value) {
  value = static_cast<int16_t>(random());
}
void fill(Random& random, int32_t& value) {
  value = static_cast<int32_t>(random());
}
void fill(Random& random, int64_t& value) {
  value = static_cast<int64_t>(random());
}
void fill(Random& random, double& value) {
  value = std::bit_cast<double>(random());
}
void fill(Random& random, Uuid& value) {
  for (uint8_t& byte : value.bytes) byte = static_cast<uint8_t>(random());
}
void fill(Random& random, std::string_view& value) {
  static const std::string text = "the channel that carries a stream to the wheel, " + std::string(200, 'x');
  value = std::string_view(text).substr(0, random.one_in(40) ? text.size() : random.below(8));
}
void fill(Random& random, RecordsView& value) {
  std::string_view text;
  fill(random, text);
  value = text;
}
void fill(Random& random, std::string& value) {
  std::string_view text;
  fill(random, text);
  value = text;
}
template <typename T>
void fill(Random& random, std::optional<T>& value);
template <typename T>
void fill(Random& random, std::vector<T>& value);
template <typename T>
  requires requires(T& message, KafkaReader& in) { message.read(in, int16_t{}); }
void fill(Random& random, T& message) {
  message.fields([&](auto&... fields) { (fill(random, fields), ...); });
}
template <typename T>
void fill(Random& random, std::optional<T>& value) {
  value.reset();
  if (!random.one_in(3)) fill(random, value.emplace());
}
template <typename T>
void fill(Random& random, std::vector<T>& value) {
  value.resize(random.below(3));
  for (T& element : value) fill(random, element);
}

template <typename M>
std::string random_bytes(Random& random, int16_t version) {
  M message;
  fill(random, message);
  return write(message, version);
}

template <typename M>
std::string recode(std::string_view bytes, int16_t version) {
  return write(read<M>(bytes, version), version);
}

std::vector<TestedMessage> all() {
  std::vector<TestedMessage> result;
  const auto add = [&](const char* kind) {
    return [&result, kind]<typename M>() {
      result.push_back({std::string(M::kName) + kind, M::kMinVersion, M::kMaxVersion, random_bytes<M>, recode<M>});
    };
  };
  for_all_requests(add("Request"));
  for_all_responses(add("Response"));
  for_all_other_messages(add(""));
  return result;
}

}  // namespace

std::span<const TestedMessage> tested_messages() {
  static const std::vector<TestedMessage> messages = all();
  return messages;
}

}  // namespace headrace::kafka
