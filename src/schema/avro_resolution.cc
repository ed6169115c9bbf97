// Avro's schema resolution ("Schema Resolution" in the specification), where the reader's side is a row type: which
// writer's field fills which column, by which step, and what the columns take that the writer did not know.

#include <array>

#include "base/check.h"
#include "fmt/format.h"
#include "schema/avro_program.h"
#include "schema/json_form.h"

namespace headrace {
namespace {

AvroStep step_of(AvroAction action, const AvroNode& writer, const Type& reader) {
  return {.action = action, .type = reader, .scale = writer.scale, .size = writer.size, .node = &writer};
}

bool is_integer(const AvroNode& node) {
  return node.kind == AvroKind::kInt || node.kind == AvroKind::kLong;
}
bool is_plain(const AvroNode& node) {
  return node.logical == AvroLogical::kNone;
}
bool is_string(const AvroNode& node) {
  return node.kind == AvroKind::kString;
}

// Numbers that stand for an instant or a time are not numbers to count with.
bool is_count(const AvroNode& node) {
  return is_integer(node) && is_plain(node);
}

std::optional<AvroAction> to_numeric(const AvroNode& writer, const Type& reader) {
  if (is_count(writer)) return AvroAction::kIntegerToDecimal;
  if (is_string(writer) && writer.sql_type == "numeric") return AvroAction::kNumericText;
  if (writer.logical != AvroLogical::kDecimal) return std::nullopt;
  // A smaller scale would round, and resolution must not change a value.
  if (writer.scale > (reader.precision == 0 ? Decimal::kDigitsMax : int{reader.scale})) return std::nullopt;
  return AvroAction::kDecimal;
}

std::optional<AvroAction> to_text(const AvroNode& writer) {
  if (is_string(writer) || (writer.kind == AvroKind::kBytes && is_plain(writer))) return AvroAction::kText;
  if (writer.kind == AvroKind::kEnum) return AvroAction::kEnum;
  return std::nullopt;
}

std::optional<AvroAction> to_bytea(const AvroNode& writer) {
  if (is_string(writer) || (writer.kind == AvroKind::kBytes && is_plain(writer))) return AvroAction::kBytes;
  if (writer.kind == AvroKind::kFixed && writer.logical != AvroLogical::kDecimal) return AvroAction::kFixed;
  return std::nullopt;
}

std::optional<AvroAction> to_timestamp(const AvroNode& writer) {
  switch (writer.logical) {
    case AvroLogical::kTimestampMicros:
    case AvroLogical::kLocalTimestampMicros: return AvroAction::kMicros;
    case AvroLogical::kTimestampMillis:
    case AvroLogical::kLocalTimestampMillis: return AvroAction::kMillis;
    default: return std::nullopt;
  }
}

std::optional<AvroAction> action_of(const AvroNode& writer, const Type& reader) {
  const auto when = [](bool condition, AvroAction action) { return condition ? std::optional(action) : std::nullopt; };
  switch (reader.kind) {
    case Kind::kBoolean: return when(writer.kind == AvroKind::kBoolean, AvroAction::kBoolean);
    case Kind::kSmallint:
    case Kind::kInteger: return when(writer.kind == AvroKind::kInt && is_count(writer), AvroAction::kInt);
    case Kind::kBigint:
      // Times of day and instants are read as the numbers that they are.
      if (writer.kind == AvroKind::kLong) return AvroAction::kLong;
      return when(writer.kind == AvroKind::kInt, AvroAction::kInt);
    case Kind::kReal:
      if (is_count(writer)) return AvroAction::kIntegerToFloat;
      return when(writer.kind == AvroKind::kFloat, AvroAction::kFloat);
    case Kind::kDouble:
      if (is_count(writer)) return AvroAction::kIntegerToFloat;
      if (writer.kind == AvroKind::kFloat) return AvroAction::kFloat;
      return when(writer.kind == AvroKind::kDouble, AvroAction::kDouble);
    case Kind::kNumeric: return to_numeric(writer, reader);
    case Kind::kText: return to_text(writer);
    case Kind::kBytea: return to_bytea(writer);
    case Kind::kUuid:
      if (is_string(writer)) return AvroAction::kUuidText;
      return when(writer.logical == AvroLogical::kUuid, AvroAction::kUuidFixed);
    case Kind::kDate:
      return when(writer.kind == AvroKind::kInt && (is_plain(writer) || writer.logical == AvroLogical::kDate),
                  AvroAction::kInt);
    case Kind::kTimestamptz: return to_timestamp(writer);
    case Kind::kInterval:
      if (is_string(writer)) return AvroAction::kIntervalText;
      return when(writer.logical == AvroLogical::kDuration, AvroAction::kDuration);
    case Kind::kJsonb: return when(is_string(writer), AvroAction::kJson);
    case Kind::kArray: break;
  }
  return std::nullopt;
}

std::optional<AvroStep> resolve_union(const AvroNode& writer, const Type& reader) {
  if (const auto optional = as_optional(writer)) {
    // The two links may be to the same kind of node; a union of null and null cannot be declared.
    std::optional<AvroStep> step = resolve(*optional->value, reader);
    if (!step) return std::nullopt;
    step->null_branch = static_cast<int8_t>(optional->null_branch);
    return step;
  }
  AvroStep step = step_of(AvroAction::kUnion, writer, reader);
  bool any = false;
  for (const AvroNode* branch : writer.branches) {
    if (branch->kind == AvroKind::kNull) {
      step.inner.push_back(step_of(AvroAction::kNull, *branch, reader));
    } else if (std::optional<AvroStep> inner = resolve(*branch, reader)) {
      step.inner.push_back(std::move(*inner));
      any = true;
    } else {
      step.inner.push_back(step_of(AvroAction::kRefuse, *branch, reader));
    }
  }
  return any ? std::optional(std::move(step)) : std::nullopt;
}

// The writer's field for a column: by name, else by one of the field's aliases.
const AvroField* field_for(const std::vector<AvroField>& fields, std::string_view column) {
  for (const AvroField& field : fields) {
    if (field.column() == column) return &field;
  }
  for (const AvroField& field : fields) {
    for (const std::string& alias : field.aliases) {
      if (alias == column) return &field;
    }
  }
  return nullptr;
}

std::string described(const AvroNode& node) {
  if (node.kind == AvroKind::kUnion) {
    std::string text = "union of";
    for (const AvroNode* branch : node.branches) text += " " + described(*branch);
    return text;
  }
  if (node.logical == AvroLogical::kDecimal) return fmt::format("decimal({},{})", node.precision, node.scale);
  return std::string(node.logical != AvroLogical::kNone ? name_of(node.logical) : name_of(node.kind));
}

void set_nullable(AvroStep& step, bool nullable) {
  step.nullable = nullable;
  for (AvroStep& branch : step.inner) branch.nullable = nullable;
}

Value default_of(const Column& column) {
  if (!column.default_json.empty()) {
    try {
      Value value = parse_json(column.default_json, column.type);
      if (!is_null(value) || column.nullable) return value;
    } catch (const Error& error) {
      throw Error(Code::kInvalid, fmt::format("the default of column \"{}\": {}", column.name, error.message()),
                  Where{.column = column.name});
    }
  }
  if (column.nullable) return {};
  throw Error(Code::kInvalid,
              fmt::format("column \"{}\" is NOT NULL and has no default, but the writer's schema has no such field",
                          column.name),
              Where{.column = column.name});
}

}  // namespace

std::optional<AvroStep> resolve(const AvroNode& writer, const Type& reader) {
  if (writer.kind == AvroKind::kUnion) return resolve_union(writer, reader);
  if (reader.kind == Kind::kArray) {
    if (writer.kind != AvroKind::kArray) return std::nullopt;
    std::optional<AvroStep> item = resolve(*writer.items, Type{reader.element});
    if (!item) return std::nullopt;
    AvroStep step = step_of(AvroAction::kArray, writer, reader);
    step.inner.push_back(std::move(*item));
    return step;
  }
  const std::optional<AvroAction> action = action_of(writer, reader);
  if (!action) return std::nullopt;
  return step_of(*action, writer, reader);
}

AvroDecoder::AvroDecoder(AvroSchemaPtr writer, RowTypePtr reader) {
  check(reader->columns.size() <= kColumnsMax, "a row type has at most kColumnsMax columns");
  auto program = std::make_unique<AvroProgram>();
  const std::vector<AvroField>& fields = writer->root().fields;
  std::vector<size_t> column_of_field(fields.size(), SIZE_MAX);
  for (size_t index = 0; index < reader->columns.size(); ++index) {
    const AvroField* field = field_for(fields, reader->columns[index].name);
    if (field == nullptr) {
      program->missing.push_back({index, default_of(reader->columns[index])});
      continue;
    }
    size_t& taken = column_of_field[static_cast<size_t>(field - fields.data())];
    if (taken != SIZE_MAX) {
      throw Error(Code::kInvalid,
                  fmt::format("columns \"{}\" and \"{}\" are both the writer's field \"{}\"; drop one of its aliases",
                              reader->columns[taken].name, reader->columns[index].name, field->name),
                  Where{.column = reader->columns[index].name});
    }
    taken = index;
  }
  for (size_t index = 0; index < fields.size(); ++index) {
    const AvroNode& node = *fields[index].type;
    const size_t at = column_of_field[index];
    if (at == SIZE_MAX) {
      program->steps.push_back({.action = AvroAction::kSkip, .node = &node});
      continue;
    }
    const Column& column = reader->columns[at];
    std::optional<AvroStep> step = resolve(node, column.type);
    if (!step) {
      throw Error(Code::kInvalid,
                  fmt::format("column \"{}\" is {}, which cannot hold what the writer's schema has there: {}",
                              column.name, column.type.name(), described(node)),
                  Where{.column = column.name});
    }
    step->column = static_cast<uint16_t>(at);
    // Elements of arrays may be null whatever the column is.
    if (step->action == AvroAction::kArray) {
      step->nullable = column.nullable;
    } else {
      set_nullable(*step, column.nullable);
    }
    program->steps.push_back(std::move(*step));
  }
  program->writer = std::move(writer);
  program->reader = std::move(reader);
  program_ = std::move(program);
}

AvroDecoder::~AvroDecoder() = default;

}  // namespace headrace
