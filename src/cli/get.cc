// headrace get VIEW KEY...
#include "base/error.h"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "fmt/format.h"

namespace headrace {

int get(const GetOptions& options) {
  std::string target = "/v1/views/" + percent_encode(options.view);
  for (const std::string& part : options.key) target += "/" + percent_encode(part);
  HttpClient client(options.url);
  const HttpReply reply = client.request("GET", target);
  throw_problem(reply);
  fmt::print("{}{}", reply.body, reply.body.ends_with('\n') ? "" : "\n");
  return 0;
}

}  // namespace headrace
