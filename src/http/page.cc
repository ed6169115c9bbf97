// The page at `/`: three files of web/, compiled in. It loads nothing from elsewhere, and the policy that comes with it
// makes the browser hold it to that.
#include "http/handlers.h"

// ccache does not know #embed and would miss changes of these files; it leaves sources alone that have an .incbin
// directive, which it takes the text of this assertion for.
static_assert(true, "as if: .incbin \"web\"");

#pragma clang diagnostic ignored "-Wc23-extensions"

namespace headrace {
namespace {

constexpr char kPage[] = {
#embed "../../web/index.html"
};
constexpr char kStyle[] = {
#embed "../../web/page.css"
};
constexpr char kScript[] = {
#embed "../../web/page.js"
};

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

void show(HttpCall& call, std::string_view type, std::string_view content) {
  call.response.content_type = type;
  call.response.set_header("Cache-Control", "no-cache");
  call.response.set_header("X-Content-Type-Options", "nosniff");
  call.response.set_header("Content-Security-Policy", kPolicy);
  call.response.set_header("Referrer-Policy", "no-referrer");
  call.response.body = content;
}

}  // namespace

awaitable<void> show_page(HttpCall& call) {
  show(call, "text/html; charset=utf-8", {kPage, sizeof kPage});
  co_return;
}

awaitable<void> show_page_style(HttpCall& call) {
  show(call, "text/css; charset=utf-8", {kStyle, sizeof kStyle});
  co_return;
}

awaitable<void> show_page_script(HttpCall& call) {
  show(call, "text/javascript; charset=utf-8", {kScript, sizeof kScript});
  co_return;
}

}  // namespace headrace
