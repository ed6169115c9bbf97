#include "http/server.h"

#include "http/listener.h"
#include "http/routes.h"

namespace headrace {

HttpServer::HttpServer(Runtime& runtime, Timers& timers, Services services, HttpOptions options)
    : services_(services),
      listener_(std::make_unique<Listener>(runtime, timers, services.metrics, api_routes(), &services_,
                                           std::move(options))) {}

HttpServer::~HttpServer() = default;

void HttpServer::start() {
  listener_->start();
}
uint16_t HttpServer::port() const {
  return listener_->port();
}
std::string HttpServer::url() const {
  return listener_->url();
}
awaitable<void> HttpServer::stop() {
  return listener_->stop();
}

}  // namespace headrace
