// How the rows of a view lie in its table. Either as they are, under their key; or, when the plan is an aggregate with
// nothing but filters and projects above it that keep its groups, as the aggregate's own groups: these are there
// anyway, so the state *is* the view, written once, and reading a row finishes it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "flow/group_layout.h"
#include "flow/plan.h"
#include "flow/row_codec.h"

namespace headrace {

class ViewLayout {
 public:
  explicit ViewLayout(const QueryPlan& plan);

  const RowTypePtr& type() const { return type_; }
  const std::vector<Type>& key_types() const { return key_types_; }

  // Set when the view is kept as groups.
  const std::shared_ptr<const GroupLayout>& groups() const { return groups_; }
  // The filters and projects above the groups, from the aggregate up.
  const std::vector<PlanPtr>& above() const { return above_; }
  // Otherwise: as rows.
  const RowCodec& rows() const { return *rows_; }
  bool is_counted() const { return is_counted_; }

  // One stored pair. How many rows it stands for: 0 (filtered out) or 1, or more when equal rows are counted. Throws
  // Error(kCorrupt).
  int64_t decode(std::string_view key, std::string_view value, std::vector<Value>& row) const;

  // Many at once. Groups that filters remove, or that cannot be evaluated, are left out.
  struct Rows {
    Batch batch;
    std::vector<uint32_t> origin;  // of each row: which pair it came from
  };
  struct Pair {
    std::string key;
    std::string value;
  };
  Rows decode(std::span<const Pair> pairs) const;

 private:
  bool find_groups(const QueryPlan& plan);

  RowTypePtr type_;
  std::vector<Type> key_types_;
  std::shared_ptr<const GroupLayout> groups_;
  std::vector<PlanPtr> above_;
  // When all of above_ only picks columns: which one of the aggregate's each is.
  std::optional<std::vector<size_t>> picked_;
  std::optional<RowCodec> rows_;
  bool is_counted_ = false;
};

}  // namespace headrace
