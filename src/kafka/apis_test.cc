#include "kafka/apis.h"

#include <stdexcept>

#include "kafka/messages/api_versions.h"
#include "kafka/testing_broker.h"

namespace headrace::kafka {
namespace {

awaitable<void> answer_badly(Call&) {
  throw std::out_of_range("map::at");
  co_return;
}

awaitable<void> refuse(Call&) {
  throw Error(Code::kUnsupported, "not served");
  co_return;
}

template <awaitable<void> (*kHandler)(Call&)>
awaitable<void> answer_with(Call& call) {
  const Api api{.name = "Example", .key = 0, .min_version = 0, .max_version = 0, .handle = kHandler};
  co_await answer(api, call);
}

Code code_of(TestingBroker& broker, awaitable<void> (*handler)(Call&)) {
  try {
    broker.ask<ApiVersionsResponse>(handler, ApiVersionsRequest{});
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "it has answered";
  return Code::kInternal;
}

TEST(Apis, WhatAHandlerThrowsIsAnErrorWhateverItIs) {
  TestingBroker broker;
  EXPECT_EQ(code_of(broker, answer_with<answer_badly>), Code::kInternal);
  EXPECT_EQ(code_of(broker, answer_with<refuse>), Code::kUnsupported);
  EXPECT_NO_THROW(broker.ask<ApiVersionsResponse>(answer_with<answer_api_versions>, ApiVersionsRequest{}));
}

}  // namespace
}  // namespace headrace::kafka
