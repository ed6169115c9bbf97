#!/usr/bin/env python3
"""Writes the C++ codecs of Kafka's messages from their declarations in src/kafka/messages/*.txt.

    tools/kafka_messages.py OUTPUT_FOLDER src/kafka/messages/*.txt

For each x.txt it writes x.h: a structure per request and response with `read` and `write` for every served version.
Their code is in requests.cc and responses.cc. It also writes served_apis.h (what ApiVersions answers) and
all_messages.h (for tests and fuzzers). Files that do not change keep their time.

A declaration is lines; a `#` begins a comment.

    api Produce             one API per file, or several blocks `message Name` (a structure outside of any API)
    key 0
    versions 0-9            those we serve
    flexible 9              the first with the flexible encoding; without this line, none has it
    request                 then its fields, indented by two; `response` likewise; in a message the word is `fields`
      transactional_id: string 3+ nullable
      topics: []Topic
        name: string

A field is `name: type`, then in this order, where needed:

    3+  or  0-7  or  4      the versions that have it; without this, all
    tag 1                   it is a tagged field
    nullable  nullable 2+   it may be null, in all versions or in the given ones; an optional in C++, at first null
    default -1              instead of zero, false, empty or null

A type is bool, int8, int16, int32, int64, float64, string, bytes, records, uuid, or a structure: its name in capitals,
with its fields on the next lines, indented by two more. Where the name is used again without fields, it means the same.
`[]` makes a list. Strings and bytes are views into the message in requests and other messages, and copies in responses;
records are views everywhere. A tagged structure is an optional too; other tagged fields are written if they differ from
their default.
"""

import dataclasses
import pathlib
import re
import sys
import textwrap

ALL = (0, 32767)
NEVER_FLEXIBLE = 32767

# type: (C++ type, reader's and writer's function, least bytes in the older and in the flexible encoding)
SCALARS = {
    "bool": ("bool", "boolean", 1, 1),
    "int8": ("int8_t", "int8", 1, 1),
    "int16": ("int16_t", "int16", 2, 2),
    "int32": ("int32_t", "int32", 4, 4),
    "int64": ("int64_t", "int64", 8, 8),
    "float64": ("double", "float64", 8, 8),
    "uuid": ("Uuid", "uuid", 16, 16),
    "string": ("std::string", "string", 2, 1),
    "bytes": ("std::string", "bytes", 4, 1),
    "records": ("RecordsView", "records", 4, 1),
}
TEXTS = ("string", "bytes", "records")


class DeclarationError(Exception):
    pass


@dataclasses.dataclass
class Struct:
    name: str
    fields: list = dataclasses.field(default_factory=list)
    outer: "Struct" = None
    structs: dict = dataclasses.field(default_factory=dict)

    def find(self, name):
        scope = self
        while scope:
            if name in scope.structs:
                return scope.structs[name]
            scope = scope.outer
        return None

    def path(self):
        return f"{self.outer.path()}::{self.name}" if self.outer else self.name


@dataclasses.dataclass
class Field:
    name: str
    type: str
    is_list: bool
    versions: tuple
    tag: int = None
    nullable: tuple = None
    default: str = None
    struct: Struct = None

    def is_optional_struct(self):
        return self.struct is not None and not self.is_list and self.nullable is not None

    def present(self, version):
        return self.versions[0] <= version <= self.versions[1]


@dataclasses.dataclass
class Message:
    name: str
    kind: str  # request, response or message
    root: Struct
    declaration: "Declaration"

    def text_type(self):
        return "std::string" if self.kind == "response" else "std::string_view"


@dataclasses.dataclass
class Declaration:
    name: str
    comment: list
    key: int = None
    versions: tuple = None
    flexible: int = NEVER_FLEXIBLE
    messages: list = dataclasses.field(default_factory=list)


def parse_versions(word):
    first, dash, last = word.rstrip("+").partition("-")
    return (int(first), int(last) if dash else ALL[1] if word.endswith("+") else int(first))


def is_versions(word):
    return re.fullmatch(r"\d+(\+|-\d+)?", word) is not None


def parse_field(text, scope):
    name, colon, rest = text.partition(":")
    words = rest.split()
    if not colon or not words or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DeclarationError(f"expected `name: type ...`, found `{text}`")
    type_name = words.pop(0)
    is_list = type_name.startswith("[]")
    field = Field(name, type_name.removeprefix("[]"), is_list, ALL)
    if words and is_versions(words[0]):
        field.versions = parse_versions(words.pop(0))
    if words and words[0] == "tag":
        field.tag = int(words[1])
        del words[:2]
    if words and words[0] == "nullable":
        words.pop(0)
        field.nullable = parse_versions(words.pop(0)) if words and is_versions(words[0]) else ALL
    if words and words[0] == "default":
        field.default = words[1]
        del words[:2]
    if words:
        raise DeclarationError(f"field {name}: what is `{words[0]}` here?")
    if any(other.name == name for other in scope.fields):
        raise DeclarationError(f"field {name} stands twice in {scope.name}")
    if field.type not in SCALARS:
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", field.type):
            raise DeclarationError(f"field {name}: there is no type `{field.type}`")
    if field.default is not None and (is_list or field.type not in SCALARS):
        raise DeclarationError(f"field {name}: lists and structures have no default")
    if field.type == "records" and (is_list or not field.nullable):
        raise DeclarationError(f"field {name}: records are nullable and not in lists")
    if field.tag is not None and field.type not in SCALARS and not is_list:
        field.nullable = ALL  # a tagged structure: absent or there
    return field


def parse_file(path):
    declarations = []
    scopes = []  # the structure whose fields have the indentation 2 * (index + 1)
    comment = []
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            if line.startswith("#"):
                comment.append(line.removeprefix("#").strip())
                continue
            text = line.split("#")[0].rstrip()
            if not text:
                continue
            indentation = len(text) - len(text.lstrip())
            words = text.split()
            if indentation == 0:
                if words[0] in ("api", "message"):
                    declarations.append(Declaration(words[1], comment))
                    comment = []
                    continue
                current = declarations[-1]
                if words[0] == "key":
                    current.key = int(words[1])
                elif words[0] == "versions":
                    current.versions = parse_versions(words[1])
                elif words[0] == "flexible":
                    current.flexible = int(words[1])
                elif words[0] in ("request", "response", "fields"):
                    suffix = "" if words[0] == "fields" else words[0].capitalize()
                    root = Struct(current.name + suffix)
                    kind = "message" if words[0] == "fields" else words[0]
                    current.messages.append(Message(root.name, kind, root, current))
                    scopes = [root]
                else:
                    raise DeclarationError(f"what is `{words[0]}`?")
                continue
            depth = indentation // 2
            if indentation % 2 or depth > len(scopes):
                raise DeclarationError("the indentation fits no structure")
            del scopes[depth:]
            scope = scopes[-1]
            field = parse_field(text.strip(), scope)
            scope.fields.append(field)
            if field.type in SCALARS:
                continue
            if number < len(lines) and lines[number].startswith(" " * (indentation + 2)):  # its fields follow
                field.struct = Struct(field.type, outer=scope)
                scope.structs[field.type] = field.struct
                scopes.append(field.struct)
            else:
                field.struct = scope.find(field.type)
                if not field.struct:
                    raise DeclarationError(f"structure {field.type} has no fields")
        except (DeclarationError, IndexError, ValueError) as error:
            sys.exit(f"{path}:{number}: {error}")
    for declaration in declarations:
        for message in declaration.messages:
            clip(message.root, declaration.versions)
    return declarations


def clip(struct, served):
    """Leaves out the fields that no served version has, and forgets limits that served versions never meet."""
    if not struct.fields:
        sys.exit(f"structure {struct.path()} has no fields")
    for field in struct.fields:
        field.versions = (max(field.versions[0], served[0]), min(field.versions[1], served[1]))
        if field.nullable:
            first, last = max(field.nullable[0], field.versions[0]), min(field.nullable[1], field.versions[1])
            field.nullable = (first, last)
    struct.fields = [field for field in struct.fields if field.versions[0] <= field.versions[1]]
    for nested in struct.structs.values():
        clip(nested, served)


def condition(versions, within):
    """The C++ condition for `version` to be in `versions`, given that it is in `within`; None if it always is."""
    parts = []
    if versions[0] > within[0]:
        parts.append(f"version >= {versions[0]}")
    if versions[1] < within[1]:
        parts.append(f"version <= {versions[1]}")
    return " && ".join(parts) or None


def least_bytes(struct, declaration, flexible):
    """The least number of bytes that the structure takes in any served version of the encoding; 1 if there is none."""
    sizes = []
    for version in range(declaration.versions[0], declaration.versions[1] + 1):
        if (version >= declaration.flexible) == flexible:
            sizes.append(struct_bytes(struct, version, flexible))
    return max(1, min(sizes, default=1))


def struct_bytes(struct, version, flexible):
    total = 1 if flexible else 0
    for field in struct.fields:
        if not field.present(version) or field.tag is not None:
            continue
        if field.is_list:
            total += 1 if flexible else 4
        elif field.struct:
            total += 1 if field.nullable else struct_bytes(field.struct, version, flexible)
        else:
            total += SCALARS[field.type][3 if flexible else 2]
    return total


class Codec:
    """The code of one message."""

    def __init__(self, message):
        self.message = message
        self.declaration = message.declaration
        self.served = message.declaration.versions

    def element_type(self, field):
        if field.struct:
            return field.struct.name
        return self.message.text_type() if field.type in ("string", "bytes") else SCALARS[field.type][0]

    def type(self, field):
        result = self.element_type(field)
        if field.is_list:
            result = f"std::vector<{result}>"
        return f"std::optional<{result}>" if field.nullable else result

    def initializer(self, field):
        if field.is_list or field.struct:
            return ""
        if field.default is not None:
            value = field.default
            if value == "-2147483648":
                value = "std::numeric_limits<int32_t>::min()"
            return f" = {value}"
        if field.nullable or field.type in TEXTS or field.type == "uuid":
            return ""
        return " = false" if field.type == "bool" else " = 0"

    def header(self):
        declaration, message = self.declaration, self.message
        lines = [f"struct {message.name} {{"]
        if message.kind != "message":
            lines.append(f"  static constexpr int16_t kKey = {declaration.key};")
        lines += [
            f'  static constexpr std::string_view kName = "{declaration.name}";',
            f"  static constexpr int16_t kMinVersion = {self.served[0]};",
            f"  static constexpr int16_t kMaxVersion = {self.served[1]};",
        ]
        if message.kind != "message":
            lines.append(f"  static constexpr int16_t kFirstFlexible = {first_flexible(declaration)};")
        return [*lines, "", *self.struct_body(message.root, "  "), "};"]

    def struct_body(self, struct, indent):
        lines = []
        for nested in struct.structs.values():
            lines.append(f"{indent}struct {nested.name} {{")
            if any(field.is_optional_struct() and field.struct is nested for field in struct.fields):
                # The initializers of a nested structure's fields are not known yet where the outer one says optional.
                lines.append(f"{indent}  {nested.name}();")
            lines += self.struct_body(nested, indent + "  ")
            lines += [f"{indent}}};", ""]
        for field in struct.fields:
            first, last = field.versions
            remark = ""
            if last < self.served[1]:
                remark = f"  // versions {first} to {last}"
            elif first > self.served[0]:
                remark = f"  // since version {first}"
            lines.append(f"{indent}{self.type(field)} {field.name}{self.initializer(field)};{remark}")
        names = ", ".join(field.name for field in struct.fields)
        wrapped = textwrap.wrap(f"f({names});", 118 - len(indent), subsequent_indent="  ")
        lines += [
            "",
            f"{indent}void read(KafkaReader& in, int16_t version);",
            f"{indent}void write(KafkaWriter& out, int16_t version) const;",
            f"{indent}template <typename F>",
            f"{indent}void fields(F&& f) {{",
            *[f"{indent}  {line}" for line in wrapped],
            f"{indent}}}",
        ]
        return lines

    def source(self):
        return self.struct_source(self.message.root)

    def struct_source(self, struct):
        lines = []
        for nested in struct.structs.values():
            if any(field.is_optional_struct() and field.struct is nested for field in struct.fields):
                lines += [f"{nested.path()}::{nested.name}() = default;", ""]
            lines += self.struct_source(nested)
        top = struct is self.message.root
        checked = ["  check_version(kName, version, kMinVersion, kMaxVersion);"] if top else []
        flexible = "version >= kFirstFlexible" if self.message.kind != "message" else "false"
        plain = [field for field in struct.fields if field.tag is None]
        tagged = sorted((field for field in struct.fields if field.tag is not None), key=lambda field: field.tag)

        body = list(checked)
        if top:
            body.append(f"  in.set_flexible({flexible});")
        for field in plain:
            body += self.guarded(field, self.read(field))
        body += self.read_tags(tagged)
        lines += self.function(f"void {struct.path()}::read(KafkaReader& in, int16_t version) {{", body)

        body = list(checked)
        if top:
            body.append(f"  out.set_flexible({flexible});")
        for field in plain:
            body += self.guarded(field, self.write(field))
        body += self.write_tags(tagged)
        lines += self.function(f"void {struct.path()}::write(KafkaWriter& out, int16_t version) const {{", body)
        return lines

    @staticmethod
    def function(signature, body):
        if not any(re.search(r"\bversion\b", line) for line in body):
            signature = signature.replace("int16_t version", "int16_t /*version*/")
        return [signature, *body, "}", ""]

    def guarded(self, field, statements):
        within = condition(field.versions, self.served)
        if not within:
            return ["  " + line for line in statements]
        if len(statements) == 1:
            return [f"  if ({within}) {statements[0]}"]
        return [f"  if ({within}) {{", *["    " + line for line in statements], "  }"]

    def allowed(self, field):
        """The last argument of the nullable functions: whether this version may have null."""
        return condition(field.nullable, field.versions)

    def count_arguments(self, field):
        if field.struct:
            sizes = [least_bytes(field.struct, self.declaration, flexible) for flexible in (False, True)]
        else:
            sizes = list(SCALARS[field.type][2:])
        return ", ".join(str(size) for size in sizes)

    def read(self, field):
        if field.is_list:
            each = "element.read(in, version);" if field.struct else f"element = in.{SCALARS[field.type][1]}();"
            loop = f"for ({self.element_type(field)}& element : "
            arguments = self.count_arguments(field)
            if not field.nullable:
                return [f"{field.name}.resize(in.count({arguments}));", f"{loop}{field.name}) {each}"]
            allowed = self.allowed(field)
            arguments += f", {allowed}" if allowed else ""
            return [
                f"if (const std::optional<size_t> element_count = in.nullable_count({arguments})) {{",
                f"  {loop}{field.name}.emplace(*element_count)) {each}",
                "} else {",
                f"  {field.name}.reset();",
                "}",
            ]
        if field.struct:
            if field.tag is not None:
                return [f"{field.name}.emplace().read(in, version);"]
            if not field.nullable:
                return [f"{field.name}.read(in, version);"]
            return [f"if (in.present()) {field.name}.emplace().read(in, version);"]
        function = SCALARS[field.type][1]
        if field.nullable:
            return [f"{field.name} = in.nullable_{function}({self.allowed(field) or ''});"]
        return [f"{field.name} = in.{function}();"]

    def write(self, field):
        if field.is_list:
            each = "element.write(out, version);" if field.struct else f"out.{SCALARS[field.type][1]}(element);"
            loop = f"for (const {self.element_type(field)}& element : "
            if not field.nullable:
                return [f"out.count({field.name}.size());", f"{loop}{field.name}) {each}"]
            return [
                f"if ({field.name}) {{",
                f"  out.count({field.name}->size());",
                f"  {loop}*{field.name}) {each}",
                "} else {",
                f"  out.null_count({self.allowed(field) or ''});",
                "}",
            ]
        if field.struct:
            if field.tag is not None:
                return [f"{field.name}->write(out, version);"]
            if not field.nullable:
                return [f"{field.name}.write(out, version);"]
            return [f"out.present({field.name}.has_value());", f"if ({field.name}) {field.name}->write(out, version);"]
        function = SCALARS[field.type][1]
        if field.nullable:
            allowed = self.allowed(field)
            return [f"out.nullable_{function}({field.name}{', ' + allowed if allowed else ''});"]
        return [f"out.{function}({field.name});"]

    def read_tags(self, tagged):
        if not tagged:
            return ["  in.skip_tags();"] if self.declaration.flexible != NEVER_FLEXIBLE else []
        lines = ["  in.tags([&](uint32_t tag) {", "    switch (tag) {"]
        for field in tagged:
            lines.append(f"      case {field.tag}:")
            lines += ["        " + line for line in self.read(field)]
            lines.append("        return true;")
        lines += ["      default: return false;", "    }", "  });"]
        return lines

    def write_tags(self, tagged):
        if not tagged:
            return ["  out.no_tags();"] if self.declaration.flexible != NEVER_FLEXIBLE else []
        for field in tagged:
            if field.versions[0] > self.declaration.flexible or field.versions[1] < self.served[1]:
                sys.exit(f"{field.name}: tagged fields that only some flexible versions have are not implemented")
        lines = ["  if (!out.flexible()) return;"]
        counted = []
        for field in tagged:
            lines.append(f"  const bool has_{field.name} = {self.differs(field)};")
            counted.append(f"has_{field.name}")
        total = " + ".join(counted) if len(counted) > 1 else counted[0]
        lines.append(f"  out.tag_count(static_cast<size_t>({total}));")
        for field in tagged:
            statements = self.write(field)
            if len(statements) == 1:
                lines.append(f"  if (has_{field.name}) out.tag({field.tag}, [&] {{ {statements[0]} }});")
                continue
            lines += [f"  if (has_{field.name}) {{", f"    out.tag({field.tag}, [&] {{"]
            lines += ["      " + line for line in statements]
            lines += ["    });", "  }"]
        return lines

    def differs(self, field):
        if field.nullable:
            return f"{field.name}.has_value()"
        if field.is_list or field.type in TEXTS:
            return f"!{field.name}.empty()"
        if field.type == "uuid":
            return f"{field.name} != Uuid()"
        return f"{field.name} != {field.default or ('false' if field.type == 'bool' else '0')}"


def first_flexible(declaration):
    return "kNeverFlexible" if declaration.flexible == NEVER_FLEXIBLE else str(declaration.flexible)


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def file_header(source):
    return f"// Generated by tools/kafka_messages.py from src/kafka/messages/{source}."


def write_header(declarations, source):
    lines = [file_header(source)]
    for declaration in declarations:
        lines += [f"// {line}" for line in declaration.comment]
    bodies = []
    for declaration in declarations:
        for message in declaration.messages:
            bodies += [*Codec(message).header(), ""]
    text = "\n".join(bodies)
    lines += ["#pragma once", ""]
    for header, word in [
        ("cstdint", "int"), ("limits", "numeric_limits"), ("optional", "optional"), ("string", "std::string "),
        ("string_view", "string_view"), ("vector", "vector"),
    ]:
        if word in text or (header == "string" and "std::string>" in text):
            lines.append(f"#include <{header}>")
    lines += ["", '#include "kafka/wire.h"', "", "namespace headrace::kafka {", "", *bodies]
    return "\n".join([*lines, "}  // namespace headrace::kafka", ""])


def write_source(files, kinds):
    lines = [
        file_header("*.txt"),
        "// One file for many messages: compiling the headers that each needs would take longer than their own code.",
        *[f'#include "kafka/messages/{stem}.h"' for stem in sorted(files)],
        "",
        "namespace headrace::kafka {",
        "",
    ]
    for stem in sorted(files):
        for declaration in files[stem]:
            for message in declaration.messages:
                if message.kind in kinds:
                    lines += Codec(message).source()
    return "\n".join([*lines, "}  // namespace headrace::kafka", ""])


def write_served_apis(declarations):
    apis = sorted((declaration for declaration in declarations if declaration.key is not None), key=lambda api: api.key)
    lines = [
        file_header("*.txt"),
        "// What the server speaks, in the order of the keys.",
        "#pragma once",
        "",
        "#include <cstdint>",
        "#include <string_view>",
        "",
        '#include "kafka/wire.h"',
        "",
        "namespace headrace::kafka {",
        "",
        "struct ServedApi {",
        "  int16_t key;",
        "  std::string_view name;",
        "  int16_t min_version;",
        "  int16_t max_version;",
        "  int16_t first_flexible;  // kNeverFlexible if no version is",
        "};",
        "",
        "inline constexpr ServedApi kServedApis[] = {",
    ]
    for api in apis:
        lines.append(f'    {{{api.key}, "{api.name}", {api.versions[0]}, {api.versions[1]}, {first_flexible(api)}}},')
    lines += [
        "};",
        "",
        "// Null if the API is not served.",
        "constexpr const ServedApi* find_served_api(int16_t key) {",
        "  for (const ServedApi& api : kServedApis) {",
        "    if (api.key == key) return &api;",
        "  }",
        "  return nullptr;",
        "}",
        "",
        "}  // namespace headrace::kafka",
        "",
    ]
    return "\n".join(lines)


def write_all_messages(files):
    lines = [
        file_header("*.txt"),
        "// Every message that there is, for tests and fuzzers.",
        "#pragma once",
        "",
        *[f'#include "kafka/messages/{stem}.h"' for stem in sorted(files)],
        "",
        "namespace headrace::kafka {",
        "",
    ]
    for kind, plural in (("request", "requests"), ("response", "responses"), ("message", "other_messages")):
        lines += ["// Calls f.operator()<M>() for each.", "template <typename F>", f"void for_all_{plural}(F&& f) {{"]
        for stem in sorted(files):
            for declaration in files[stem]:
                for message in declaration.messages:
                    if message.kind == kind:
                        lines.append(f"  f.template operator()<{message.name}>();")
        lines += ["}", ""]
    lines += ["}  // namespace headrace::kafka", ""]
    return "\n".join(lines)


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    files = {path.stem: parse_file(path) for path in map(pathlib.Path, sys.argv[2:])}
    for stem, declarations in files.items():
        for declaration in declarations:
            if declaration.key is not None and snake(declaration.name) != stem:
                sys.exit(f"{stem}.txt declares {declaration.name}: name the file {snake(declaration.name)}.txt")
        write_if_changed(output / f"{stem}.h", write_header(declarations, f"{stem}.txt"))
    every = [declaration for declarations in files.values() for declaration in declarations]
    write_if_changed(output / "served_apis.h", write_served_apis(every))
    write_if_changed(output / "requests.cc", write_source(files, ("request", "message")))
    write_if_changed(output / "responses.cc", write_source(files, ("response",)))
    write_if_changed(output / "all_messages.h", write_all_messages(files))


if __name__ == "__main__":
    main()
