// What the tests of Kafka's messages share: messages as bytes, and all messages as a table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "kafka/wire.h"

namespace headrace::kafka {

template <typename M>
std::string write(const M& message, int16_t version) {
  std::string bytes;
  KafkaWriter out(bytes);
  message.write(out, version);
  return bytes;
}

// The message that begins at `bytes`, which must outlive it; all bytes must belong to it.
template <typename M>
M read(std::string_view bytes, int16_t version) {
  KafkaReader in(bytes);
  M message;
  message.read(in, version);
  if (in.remaining() != 0) in.fail("bytes remain");
  return message;
}

struct TestedMessage {
  std::string name;
  int16_t min_version;
  int16_t max_version;
  // A message with random values, as bytes.
  std::string (*random)(Random& random, int16_t version);
  // Reads the message and writes it again. All bytes must belong to it.
  std::string (*recode)(std::string_view bytes, int16_t version);
};

// Of every request, response and other message.
std::span<const TestedMessage> tested_messages();

}  // namespace headrace::kafka
