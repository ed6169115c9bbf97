#include "flow/view_reader.h"

#include <algorithm>

#include "base/check.h"
#include "flow/cursor.h"
#include "flow/state_bytes.h"
#include "fmt/format.h"
#include "schema/key.h"

namespace headrace {
namespace {

constexpr size_t kPairsAtOnce = 256;

}  // namespace

ViewReader::ViewReader(std::shared_ptr<const ViewLayout> layout, TableId table, Store& store)
    : layout_(std::move(layout)), table_(table), store_(store) {
  for (const Column& column : layout_->type()->columns) {
    std::string name = json_names_.empty() ? "{" : ",";
    append_json(name, Value(column.name), Type{.kind = Kind::kText});
    json_names_.push_back(name + ':');
  }
}

std::string ViewReader::encode_key(std::span<const Value> key) const {
  const std::vector<Type>& types = layout_->key_types();
  if (key.size() > types.size())
    throw Error(Code::kInvalid, fmt::format("the key has {} columns, not {}", types.size(), key.size()));
  std::string encoded;
  for (size_t i = 0; i < key.size(); ++i) append_key(encoded, key[i], types[i]);
  return encoded;
}

bool ViewReader::find(const std::string& key, ViewLayout::Pair& pair, const Snapshot* at) const {
  pair.key = key;
  if (layout_->is_counted()) {
    // The looks of the row's values stand behind its key.
    const auto cursor = store_.scan(table_, key, prefix_end(key), at);
    if (!cursor->valid()) return false;
    pair.key = cursor->key();
    pair.value = cursor->value();
    return true;
  }
  return store_.get(table_, key, pair.value, at);
}

std::optional<Batch> ViewReader::read(std::span<const Value> key, const Snapshot* at) const {
  const std::string encoded = encode_key(key);
  if (key.size() != layout_->key_types().size())
    throw Error(Code::kInvalid, fmt::format("the key has {} columns, not {}", layout_->key_types().size(), key.size()));
  ViewLayout::Pair pair;
  if (!find(encoded, pair, at)) return std::nullopt;
  ViewLayout::Rows rows = layout_->decode(std::span(&pair, 1));
  if (rows.batch.rows == 0) return std::nullopt;
  return std::move(rows.batch);
}

std::optional<bool> ViewReader::read_json(std::span<const Value> key, bool may_block, std::string& out) const {
  const std::string encoded = encode_key(key);
  if (key.size() != layout_->key_types().size())
    throw Error(Code::kInvalid, fmt::format("the key has {} columns, not {}", layout_->key_types().size(), key.size()));
  ViewLayout::Pair pair;
  if (may_block) {
    if (!find(encoded, pair, nullptr)) return false;
  } else {
    if (layout_->is_counted()) return std::nullopt;
    const std::optional<bool> found = store_.get_if_cached(table_, encoded, pair.value);
    if (!found) return std::nullopt;
    if (!*found) return false;
    pair.key = encoded;
  }
  std::vector<Value> row;
  if (layout_->decode(pair.key, pair.value, row) == 0) return false;
  const std::vector<Column>& columns = layout_->type()->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    out += json_names_[i];
    append_json(out, row[i], columns[i].type);
  }
  out += columns.empty() ? "{}" : "}";
  return true;
}

// Bounds on a column leave its NULLs out, as a comparison with NULL is not true; without bounds they are in.
ViewReader::KeyRange ViewReader::encode_range(const Flow::Range& range) const {
  const std::string prefix = encode_key(range.prefix);
  KeyRange result{prefix, prefix_end(prefix)};
  if (!range.from && !range.to) return result;
  const std::vector<Type>& types = layout_->key_types();
  if (range.prefix.size() == types.size())
    throw Error(Code::kInvalid, "a range needs a column of the key behind those that are given; the key has no more");
  const Type& type = types[range.prefix.size()];
  const auto bound = [&](const Value& value) {
    if (is_null(value)) throw Error(Code::kInvalid, "a range cannot be bounded by NULL");
    std::string encoded = prefix;
    append_key(encoded, value, type);
    return encoded;
  };
  result.end = prefix;
  append_key(result.end, Value(), type);
  if (range.from) result.from = range.from_exclusive ? prefix_end(bound(*range.from)) : bound(*range.from);
  if (range.to) result.end = range.to_exclusive ? bound(*range.to) : prefix_end(bound(*range.to));
  return result;
}

Flow::Page ViewReader::scan(const Flow::Range& range, const Snapshot* at) const {
  KeyRange keys = encode_range(range);
  Flow::Page page;
  int64_t repeats_before = 0;  // copies of the first row that an earlier page had
  std::string repeated_key;
  if (!range.after.empty()) {
    const Cursor cursor = Cursor::parse(range.after, table_);
    if (cursor.key < keys.from || (!keys.end.empty() && cursor.key >= keys.end))
      throw Error(Code::kInvalid, "the cursor is of a page with another prefix or range; send the same ones with it");
    keys.from = cursor.key;
    if (cursor.repeats == 0) keys.from += '\0';  // the next key there can be
    repeats_before = cursor.repeats;
    repeated_key = cursor.key;
  }

  BatchBuilder builder(layout_->type());
  std::vector<Value> row;
  std::vector<ViewLayout::Pair> pairs;
  const size_t limit = std::max<size_t>(range.limit, 1);
  size_t groups_read = 0;
  if (!keys.end.empty() && keys.from >= keys.end) {
    page.rows = builder.finish();
    return page;
  }
  auto cursor = store_.scan(table_, keys.from, keys.end, at);

  while (builder.rows() < limit) {
    for (; cursor->valid() && pairs.size() < std::min(kPairsAtOnce, limit - builder.rows()); cursor->next())
      pairs.push_back({std::string(cursor->key()), std::string(cursor->value())});
    if (pairs.empty()) break;
    const ViewLayout::Rows rows = layout_->decode(pairs);
    for (size_t i = 0; i < rows.batch.rows; ++i) {
      const ViewLayout::Pair& pair = pairs[rows.origin[i]];
      int64_t count = 1;
      int64_t given = 0;
      if (layout_->is_counted()) {
        std::string_view value = pair.value;
        count = take_varint(value);
        if (pair.key == repeated_key) given = repeats_before;
      }
      row.clear();
      for (const ColumnPtr& column : rows.batch.columns) row.push_back(column->value_at(i));
      for (; given < count && builder.rows() < limit; ++given) builder.append_row(row);
      if (given < count) {
        // Without a copy of this row on the page, the page ended with all of the one before.
        page.cursor = Cursor{given > 0 ? pair.key : pairs[rows.origin[i - 1]].key, given}.to_string(table_);
        page.rows = builder.finish();
        return page;
      }
    }
    groups_read += pairs.size();
    if ((builder.rows() >= limit || groups_read >= kGroupsPerPageMax) && cursor->valid()) {
      page.cursor = Cursor{pairs.back().key, 0}.to_string(table_);
      break;
    }
    pairs.clear();
  }
  page.rows = builder.finish();
  return page;
}

// A pair is a row, but for a filter above groups, and where equal rows are counted: there the first pairs say how many
// rows a pair stands for.
uint64_t ViewReader::approximate_rows() const {
  const bool is_filtered =
      std::ranges::any_of(layout_->above(), [](const PlanPtr& node) { return node->node == Plan::Node::kFilter; });
  uint64_t pairs = 0;
  uint64_t rows = 0;
  std::vector<ViewLayout::Pair> groups;
  auto cursor = store_.scan(table_, {}, {});
  for (; cursor->valid() && pairs < kPairsSampled; cursor->next()) {
    ++pairs;
    std::string_view value = cursor->value();
    if (is_filtered) {
      groups.push_back({std::string(cursor->key()), std::string(value)});
    } else {
      rows += layout_->is_counted() ? static_cast<uint64_t>(take_varint(value)) : 1;
    }
  }
  if (is_filtered) rows = layout_->decode(groups).batch.rows;
  if (!cursor->valid() || pairs == 0) return rows;
  const auto rows_per_pair = static_cast<double>(rows) / static_cast<double>(pairs);
  return std::max(rows, static_cast<uint64_t>(static_cast<double>(store_.approximate_keys(table_)) * rows_per_pair));
}

}  // namespace headrace
