// Any bytes as a request: it decodes or ends in Error, and what decodes is the same after it was encoded and decoded.
#include <map>

#include "base/check.h"
#include "kafka/messages/all_messages.h"
#include "kafka/messages/served_apis.h"
#include "kafka/wire_header.h"

namespace headrace::kafka {
namespace {

// Decodes the message and encodes it.
using Recode = std::string (*)(KafkaReader& in, int16_t version);

template <typename M>
std::string recode(KafkaReader& in, int16_t version) {
  M message;
  message.read(in, version);
  std::string bytes;
  KafkaWriter out(bytes);
  message.write(out, version);
  return bytes;
}

const std::map<int16_t, Recode>& codecs() {
  static const std::map<int16_t, Recode> result = [] {
    std::map<int16_t, Recode> by_key;
    for_all_requests([&]<typename M>() { by_key[M::kKey] = recode<M>; });
    return by_key;
  }();
  return result;
}

}  // namespace
}  // namespace headrace::kafka

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace headrace;
  using namespace headrace::kafka;
  std::string once;
  RequestHeader header;
  try {
    KafkaReader in(std::string_view(reinterpret_cast<const char*>(data), size));
    header.read(in);
    const auto codec = codecs().find(header.api_key);
    if (codec == codecs().end()) return 0;
    once = codec->second(in, header.api_version);
  } catch (const Error&) {
    return 0;
  }
  KafkaReader in(once);
  const std::string twice = codecs().at(header.api_key)(in, header.api_version);
  check(in.remaining() == 0, "a message that was written is read to its end");
  check(once == twice, "a message that was written and read is the same");
  return 0;
}
