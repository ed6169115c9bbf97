// Passing over what the reader does not have. The bytes come from strangers: depth, lengths and the number of values
// are bounded, also of values that take no bytes at all.

#include "schema/avro_program.h"

namespace headrace {
namespace {

// Blocks of items until an empty one. A negative count is followed by the block's size in bytes.
void skip_blocks(const AvroNode& node, AvroCursor& in, int depth) {
  while (true) {
    int64_t count = in.varint();
    if (count == 0) return;
    if (count < 0) {
      in.bytes(in.length());
      in.count_value();
      continue;
    }
    for (; count > 0; --count) {
      if (node.kind == AvroKind::kMap) in.bytes(in.length());
      skip_value(*node.items, in, depth + 1);
    }
  }
}

}  // namespace

void skip_value(const AvroNode& node, AvroCursor& in, int depth) {
  if (depth > kAvroDataDepthMax) in.fail("values are nested too deeply");
  in.count_value();
  switch (node.kind) {
    case AvroKind::kNull: return;
    case AvroKind::kBoolean: in.byte(); return;
    case AvroKind::kInt:
    case AvroKind::kLong: in.varint(); return;
    case AvroKind::kEnum:
      if (static_cast<uint64_t>(in.varint()) >= node.symbols.size()) in.fail("the enum has no such symbol");
      return;
    case AvroKind::kFloat: in.bytes(sizeof(float)); return;
    case AvroKind::kDouble: in.bytes(sizeof(double)); return;
    case AvroKind::kBytes:
    case AvroKind::kString: in.bytes(in.length()); return;
    case AvroKind::kFixed: in.bytes(node.size); return;
    case AvroKind::kRecord:
      for (const AvroField& field : node.fields) skip_value(*field.type, in, depth + 1);
      return;
    case AvroKind::kArray:
    case AvroKind::kMap: return skip_blocks(node, in, depth);
    case AvroKind::kUnion: {
      const auto branch = static_cast<uint64_t>(in.varint());
      if (branch >= node.branches.size()) in.fail("the union has no such branch");
      return skip_value(*node.branches[branch], in, depth + 1);
    }
  }
}

}  // namespace headrace
