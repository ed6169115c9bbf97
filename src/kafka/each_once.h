// Requests list what is to be described. As with Kafka, for which such a list is a set, what is named many times is
// described once: otherwise a small request could have an answer of any size.
#pragma once

#include <functional>
#include <set>
#include <type_traits>
#include <vector>

namespace headrace::kafka {

// Keeps the first of those with the same `key(element)`. Keys must not refer into the elements, which are moved.
template <typename T, typename Key = std::identity>
void keep_each_once(std::vector<T>& list, Key key = {}) {
  std::set<std::decay_t<std::invoke_result_t<Key&, const T&>>> seen;
  std::erase_if(list, [&](const T& each) { return !seen.insert(key(each)).second; });
}

}  // namespace headrace::kafka
