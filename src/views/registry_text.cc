#include "views/registry_text.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "fmt/format.h"
#include "schema/json_cursor.h"
#include "schema/json_scan.h"
#include "schema/json_text.h"

namespace headrace {
namespace {

constexpr std::string_view kPrimitives[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};

bool is_primitive(std::string_view name) {
  return std::ranges::find(kPrimitives, name) != std::end(kPrimitives);
}

struct Member {
  std::string name;
  std::string_view value;  // JSON
};
using Members = std::vector<Member>;
constexpr size_t kMembersMax = 2000;  // of one object; they are looked up one by one

std::string string_of(std::string_view json, bool zero_allowed) {
  std::string out;
  JsonCursor cursor(json);
  if (!cursor.string(out, zero_allowed))
    throw Error(Code::kInvalid, fmt::format("a name in the schema: {}", cursor.fault().reason));
  return out;
}
std::string name_of(std::string_view json) {
  return string_of(json, false);
}

// A value at `at`, which goes behind it and the comma.
std::string_view take(std::string_view json, size_t& at) {
  const size_t start = at;
  const size_t end = skip_json_value(json, at);
  at = skip_json_space(json, end);
  if (at < json.size() && json[at] == ',') at = skip_json_space(json, at + 1);
  return json.substr(start, end - start);
}

// Of members of the same name the last counts, as for the parser.
Members members_of(std::string_view json) {
  Members members;
  for (size_t at = skip_json_space(json, 1); json[at] != '}';) {
    const size_t end = skip_json_value(json, at);
    std::string name = name_of(json.substr(at, end - at));
    at = skip_json_space(json, skip_json_space(json, end) + 1);  // the colon
    const std::string_view value = take(json, at);
    const auto known = std::ranges::find(members, name, &Member::name);
    if (known != members.end()) {
      known->value = value;
    } else {
      if (members.size() == kMembersMax)
        throw Error(Code::kTooLarge, fmt::format("an object in the schema has more than {} members", kMembersMax));
      members.push_back({std::move(name), value});
    }
  }
  return members;
}

std::vector<std::string_view> elements_of(std::string_view json) {
  std::vector<std::string_view> elements;
  for (size_t at = skip_json_space(json, 1); json[at] != ']';) elements.push_back(take(json, at));
  return elements;
}

const Member* find(const Members& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

class Printer {
 public:
  explicit Printer(bool normalize) : normalize_(normalize) {}

  std::string run(std::string_view json) {
    const size_t start = skip_json_space(json, 0);
    type(json.substr(start, skip_json_value(json, start) - start), "");
    return std::move(out_);
  }

 private:
  void type(std::string_view json, const std::string& space) {
    if (json.starts_with('"')) return reference(name_of(json), space);
    if (json.starts_with('[')) {
      out_ += '[';
      bool first = true;
      for (const std::string_view branch : elements_of(json)) {
        if (!std::exchange(first, false)) out_ += ',';
        type(branch, space);
      }
      out_ += ']';
      return;
    }
    const Members members = members_of(json);
    const Member* const kind = find(members, "type");
    check(kind != nullptr, "the schema was parsed before");
    if (!kind->value.starts_with('"')) return type(kind->value, space);
    const std::string name = name_of(kind->value);
    if (name == "record" || name == "error" || name == "enum" || name == "fixed") return named(name, members, space);
    const bool array = name == "array";
    if (!array && name != "map") {
      if (members.size() == 1 || !is_primitive(name)) return reference(name, space);
      begin_type(name);
      properties(members, {{"type"}});
      out_ += '}';
      return;
    }
    const std::string_view items = array ? "items" : "values";
    begin_type(name);
    member(items);
    type(find(members, items)->value, space);
    const std::string_view known[] = {"type", items};
    properties(members, known);
    out_ += '}';
  }

  void begin_type(std::string_view name) {
    out_ += "{\"type\":";
    append_json_string(out_, name);
  }
  void member(std::string_view name) {
    out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
  }

  void reference(const std::string& name, const std::string& space) {
    if (is_primitive(name)) return append_json_string(out_, name);
    const bool full = name.find('.') != std::string::npos || space.empty();
    const std::string whole = full ? name : space + "." + name;
    append_json_string(out_, !normalize_ && space_of(whole) == space ? simple(whole) : whole);
  }

  static std::string_view space_of(std::string_view full) {
    const size_t dot = full.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : full.substr(0, dot);
  }
  static std::string_view simple(std::string_view full) {
    const size_t dot = full.rfind('.');
    return dot == std::string_view::npos ? full : full.substr(dot + 1);
  }

  void named(const std::string& kind, const Members& members, const std::string& enclosing) {
    const std::string name = name_of(find(members, "name")->value);
    std::string space = enclosing;
    if (const Member* given = find(members, "namespace")) space = name_of(given->value);
    if (name.find('.') != std::string::npos) space = space_of(name);
    begin_type(kind);
    member("name");
    if (normalize_) {
      append_json_string(out_, space.empty() ? std::string(simple(name)) : space + "." + std::string(simple(name)));
      // A name alone would be taken as one of the enclosing namespace.
      if (space.empty() && !enclosing.empty()) {
        member("namespace");
        append_json_string(out_, "");
      }
    } else {
      append_json_string(out_, simple(name));
      if (space != enclosing) {
        member("namespace");
        append_json_string(out_, space);
      }
    }
    copy(members, "doc");
    if (const Member* fields = find(members, "fields"); fields != nullptr && (kind == "record" || kind == "error")) {
      member("fields");
      out_ += '[';
      bool first = true;
      for (const std::string_view field_json : elements_of(fields->value)) {
        if (!std::exchange(first, false)) out_ += ',';
        field(members_of(field_json), space);
      }
      out_ += ']';
    }
    if (kind == "enum") {
      copy(members, "symbols");
      copy(members, "default");
    }
    if (kind == "fixed") copy(members, "size");
    copy_list(members, "aliases");
    static constexpr std::string_view kKnown[] = {"type",    "name",    "namespace", "doc",    "fields",
                                                  "symbols", "default", "size",      "aliases"};
    properties(members, kKnown);
    out_ += '}';
  }

  void field(const Members& members, const std::string& space) {
    out_ += "{\"name\":";
    value(find(members, "name")->value);
    member("type");
    type(find(members, "type")->value, space);
    copy(members, "doc");
    copy(members, "default");
    if (const Member* order = find(members, "order"); order != nullptr && order->value != "\"ascending\"")
      copy(members, "order");
    copy_list(members, "aliases");
    static constexpr std::string_view kKnown[] = {"name", "type", "doc", "default", "order", "aliases"};
    properties(members, kKnown);
    out_ += '}';
  }

  void copy(const Members& members, std::string_view name) {
    const Member* const found = find(members, name);
    if (found == nullptr) return;
    member(name);
    value(found->value);
  }
  // A list of nothing says nothing.
  void copy_list(const Members& members, std::string_view name) {
    const Member* const found = find(members, name);
    if (found != nullptr && !elements_of(found->value).empty()) copy(members, name);
  }

  // What is not Avro's own.
  void properties(Members members, std::span<const std::string_view> known) {
    if (normalize_) std::ranges::sort(members, {}, &Member::name);
    for (const Member& property : members) {
      if (std::ranges::find(known, property.name) != known.end()) continue;
      member(property.name);
      value(property.value);
    }
  }

  // Any JSON, without blanks. Numbers stay as they are written.
  void value(std::string_view json) {
    // A default of bytes has U+0000 for the byte 0.
    if (json.starts_with('"')) return append_json_string(out_, string_of(json, true));
    if (json.starts_with('[')) {
      out_ += '[';
      bool first = true;
      for (const std::string_view element : elements_of(json)) {
        if (!std::exchange(first, false)) out_ += ',';
        value(element);
      }
      out_ += ']';
    } else if (json.starts_with('{')) {
      Members members = members_of(json);
      if (normalize_) std::ranges::sort(members, {}, &Member::name);
      out_ += '{';
      bool first = true;
      for (const Member& each : members) {
        if (!std::exchange(first, false)) out_ += ',';
        append_json_string(out_, each.name);
        out_ += ':';
        value(each.value);
      }
      out_ += '}';
    } else {
      out_ += json;
    }
  }

  const bool normalize_;
  std::string out_;
};

}  // namespace

std::string registry_text(std::string_view json, bool normalize) {
  return Printer(normalize).run(json);
}

}  // namespace headrace
