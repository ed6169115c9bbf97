// The order of values within a column: PostgreSQL's, for the five forms in which values are held. NaN equals itself and
// is greater than every other number.
#pragma once

#include <compare>
#include <string_view>

#include "schema/interval.h"
#include "schema/value.h"

namespace headrace {

struct Equal {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return left == right;
  }
  bool operator()(double left, double right) const { return (left == right) | ((left != left) & (right != right)); }
  bool operator()(const Decimal& left, const Decimal& right) const {
    if (left.scale == right.scale) return left.coefficient == right.coefficient;
    return left == right;
  }
  bool operator()(const Interval& left, const Interval& right) const {
    return interval_span(left) == interval_span(right);
  }
};

struct Less {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return left < right;
  }
  bool operator()(double left, double right) const { return (left < right) | ((right != right) & (left == left)); }
  bool operator()(const Decimal& left, const Decimal& right) const {
    if (left.scale == right.scale) return left.coefficient < right.coefficient;
    return left < right;
  }
  bool operator()(const Interval& left, const Interval& right) const {
    return interval_span(left) < interval_span(right);
  }
};

struct NotEqual {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return !Equal()(left, right);
  }
};
struct Greater {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return Less()(right, left);
  }
};
struct LessOrEqual {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return !Less()(right, left);
  }
};
struct GreaterOrEqual {
  template <typename T>
  bool operator()(const T& left, const T& right) const {
    return !Less()(left, right);
  }
};

// JSON documents and arrays, whose order is more than that of their bytes: -1, 0 or 1.
inline int compare_documents(std::string_view left, std::string_view right, const Type& type) {
  if (left == right) return 0;
  return compare(Value(std::string(left)), Value(std::string(right)), type);
}
inline bool is_document(const Type& type) {
  return type.kind == Kind::kJsonb || type.kind == Kind::kArray;
}

}  // namespace headrace
