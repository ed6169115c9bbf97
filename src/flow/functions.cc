// The table of functions, and the choice between functions of one name: what PostgreSQL 15 does in
// func_select_candidate() and binary_oper_exact(), over a table that is small enough to be searched.
#include "flow/functions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/error.h"
#include "flow/functions_table.h"
#include "fmt/format.h"

namespace headrace {
namespace {

struct Table {
  FunctionTable functions;
  std::map<std::string_view, std::vector<const Function*>> by_name;
  std::vector<std::string_view> names;

  Table() {
    add_comparison_functions(functions);
    add_conditional_functions(functions);
    add_arithmetic_functions(functions);
    add_math_functions(functions);
    add_text_functions(functions);
    add_pattern_functions(functions);
    add_time_functions(functions);
    add_interval_functions(functions);
    add_json_functions(functions);
    for (const Function& function : functions) by_name[function.name].push_back(&function);
    for (const auto& [name, candidates] : by_name) names.push_back(name);
  }
};

const Table& table() {
  static const Table instance;
  return instance;
}

// The arguments of one call while its candidates are compared.
struct Arguments {
  std::span<const Type> types;
  std::span<const bool> unknown;

  size_t size() const { return types.size(); }
  bool is_unknown(size_t i) const { return i < unknown.size() && unknown[i]; }
};

bool is_operator(std::string_view name) {
  return !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) == 0;
}

Kind parameter_kind(const Function& function, size_t argument) {
  return function.parameters[std::min(argument, function.parameters.size() - 1)];
}

// The array type among the arguments, which others of the same call must have too: elements are not converted.
std::optional<Type> array_type(const Arguments& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments.is_unknown(i) && arguments.types[i].kind == Kind::kArray) return arguments.types[i];
  }
  return std::nullopt;
}

bool accepts(const Function& function, const Arguments& arguments) {
  const size_t parameters = function.parameters.size();
  if (function.variadic ? arguments.size() < parameters : arguments.size() != parameters) return false;
  const std::optional<Type> array = array_type(arguments);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments.is_unknown(i)) continue;
    const Kind kind = parameter_kind(function, i);
    if (kind == Kind::kArray ? arguments.types[i] != array
                             : !can_cast(arguments.types[i], Type{.kind = kind}, CastContext::kImplicit)) {
      return false;
    }
  }
  return true;
}

// Keeps the candidates for which `score` is highest.
template <typename Score>
void keep_best(std::vector<const Function*>& candidates, Score score) {
  int best = 0;
  for (const Function* candidate : candidates) best = std::max(best, score(*candidate));
  std::erase_if(candidates, [&](const Function* candidate) { return score(*candidate) < best; });
}

template <typename Matches>
int count_known(const Arguments& arguments, Matches matches) {
  int count = 0;
  for (size_t i = 0; i < arguments.size(); ++i) count += !arguments.is_unknown(i) && matches(i) ? 1 : 0;
  return count;
}

// Untyped literals are strings if a candidate takes one, else of the category that all candidates agree on, and then of
// its preferred type. False when the candidates do not agree.
bool narrow_by_category(std::vector<const Function*>& candidates, const Arguments& arguments) {
  std::vector<const Function*> narrowed = candidates;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments.is_unknown(i)) continue;
    const auto category_of = [&](const Function* candidate) { return category(parameter_kind(*candidate, i)); };
    char wanted = category_of(candidates[0]);
    for (const Function* candidate : candidates) {
      if (category_of(candidate) == 'S') wanted = 'S';
    }
    if (wanted != 'S' && !std::ranges::all_of(candidates, [&](auto c) { return category_of(c) == wanted; })) {
      return false;
    }
    const bool prefer = std::ranges::any_of(candidates, [&](const Function* candidate) {
      return category_of(candidate) == wanted && is_preferred(parameter_kind(*candidate, i));
    });
    std::erase_if(narrowed, [&](const Function* candidate) {
      return category_of(candidate) != wanted || (prefer && !is_preferred(parameter_kind(*candidate, i)));
    });
  }
  if (!narrowed.empty()) candidates = std::move(narrowed);
  return true;
}

// The one kind that all typed arguments have, if they agree.
std::optional<Kind> only_known_kind(const Arguments& arguments) {
  std::optional<Kind> kind;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments.is_unknown(i)) continue;
    if (kind && *kind != arguments.types[i].kind) return std::nullopt;
    kind = arguments.types[i].kind;
  }
  return kind;
}

bool takes_only(const Function& function, Kind kind, size_t arguments) {
  for (size_t i = 0; i < arguments; ++i) {
    if (parameter_kind(function, i) != kind) return false;
  }
  return true;
}

std::string signature(std::string_view name, const Arguments& arguments) {
  std::vector<std::string> types;
  types.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    types.push_back(arguments.is_unknown(i) ? "unknown" : kind_name(arguments.types[i].kind));
  }
  if (!is_operator(name)) return fmt::format("{}({})", name, fmt::join(types, ", "));
  if (types.size() == 1) return fmt::format("{} {}", name, types[0]);
  return fmt::format("{} {} {}", types[0], name, types[1]);
}

const Function* choose(std::string_view name, std::vector<const Function*> candidates, const Arguments& arguments) {
  const std::optional<Kind> known = only_known_kind(arguments);
  // An untyped literal beside an operator has the type of the other side, if there is such an operator.
  if (known && arguments.size() == 2 && is_operator(name)) {
    for (const Function* candidate : candidates) {
      if (takes_only(*candidate, *known, 2)) return candidate;
    }
  }
  if (candidates.size() <= 1) return candidates.empty() ? nullptr : candidates[0];
  keep_best(candidates, [&](const Function& function) {
    return count_known(arguments, [&](size_t i) { return parameter_kind(function, i) == arguments.types[i].kind; });
  });
  if (candidates.size() == 1) return candidates[0];
  keep_best(candidates, [&](const Function& function) {
    return count_known(arguments, [&](size_t i) {
      const Kind kind = parameter_kind(function, i);
      return kind == arguments.types[i].kind || is_preferred(kind);
    });
  });
  if (candidates.size() == 1) return candidates[0];
  if (narrow_by_category(candidates, arguments) && candidates.size() == 1) return candidates[0];
  if (known) {
    std::vector<const Function*> same = candidates;
    std::erase_if(same, [&](const Function* candidate) { return !takes_only(*candidate, *known, arguments.size()); });
    if (same.size() == 1) return same[0];
  }
  throw Error(Code::kInvalid,
              fmt::format("{} is not unique; add casts to say which types are meant", signature(name, arguments)));
}

ResolvedFunction resolved(const Function& function, const Arguments& arguments) {
  ResolvedFunction result{&function, {}, Type{.kind = function.result}};
  const std::optional<Type> array = array_type(arguments);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Kind kind = parameter_kind(function, i);
    Type type{.kind = kind};
    if (kind == Kind::kArray && array) {
      type = *array;
    } else if (!arguments.is_unknown(i) && arguments.types[i].kind == kind) {
      type = arguments.types[i];  // keeps its digits: nothing is cast
    }
    result.parameters.push_back(type);
  }
  if (function.result_type != nullptr) result.result = function.result_type(result.parameters);
  return result;
}

std::optional<ResolvedFunction> resolve_polymorphic(const Function& function, const Arguments& arguments) {
  const size_t parameters = function.parameters.size();
  if (function.variadic ? arguments.size() < parameters : arguments.size() != parameters) return std::nullopt;
  ResolvedFunction result{&function, {}, Type{.kind = function.result}};
  if (function.polymorphic == Function::Polymorphic::kAny) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      result.parameters.push_back(arguments.is_unknown(i) ? Type{.kind = Kind::kText} : arguments.types[i]);
    }
  } else if (function.polymorphic == Function::Polymorphic::kEqual) {
    const bool are_integers =
        std::ranges::all_of(arguments.types, &Type::is_integer) && !arguments.is_unknown(0) && !arguments.is_unknown(1);
    if (are_integers) {
      // PostgreSQL compares integers of different width as they are.
      result.parameters.assign(arguments.types.begin(), arguments.types.end());
    } else {
      std::optional<ResolvedFunction> equal = resolve_function("=", arguments.types, arguments.unknown);
      if (!equal) return std::nullopt;
      result.parameters = std::move(equal->parameters);
    }
  } else {
    std::vector<Type> known;
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (!arguments.is_unknown(i)) known.push_back(arguments.types[i]);
    }
    const std::optional<Type> common = common_type(known);
    if (!common) return std::nullopt;
    result.parameters.assign(arguments.size(), *common);
  }
  if (function.result_type != nullptr) result.result = function.result_type(result.parameters);
  return result;
}

// `text || anything` and `anything || text` are the texts of both, as PostgreSQL's anynonarray || text.
bool joins_as_text(std::string_view name, const Arguments& arguments) {
  if (name != "||" || arguments.size() != 2) return false;
  const auto is_text = [&](size_t i) { return arguments.is_unknown(i) || arguments.types[i].kind == Kind::kText; };
  const auto is_scalar = [&](size_t i) {
    if (is_text(i)) return true;
    const bool is_document = arguments.types[i].kind == Kind::kJsonb && arguments.is_unknown(1 - i);
    return arguments.types[i].kind != Kind::kArray && !is_document;
  };
  return (is_text(0) && is_scalar(1)) || (is_text(1) && is_scalar(0));
}

}  // namespace

std::span<const Function> all_functions() {
  return table().functions;
}

std::vector<std::string_view> function_names() {
  return table().names;
}

std::optional<ResolvedFunction> resolve_function(std::string_view name, std::span<const Type> arguments,
                                                 std::span<const bool> unknown) {
  if (name == "!=") name = "<>";
  const auto found = table().by_name.find(name);
  if (found == table().by_name.end() || arguments.size() > kArgumentsMax) return std::nullopt;
  const Arguments call{arguments, unknown};
  std::vector<const Function*> candidates;
  for (const Function* candidate : found->second) {
    if (candidate->polymorphic != Function::Polymorphic::kNo) return resolve_polymorphic(*candidate, call);
    if (accepts(*candidate, call)) candidates.push_back(candidate);
  }
  if (const Function* chosen = choose(name, std::move(candidates), call)) return resolved(*chosen, call);
  if (joins_as_text(name, call)) {
    const std::array<Type, 2> texts{};
    return resolve_function(name, texts, {});
  }
  return std::nullopt;
}

Type type_of_first(std::span<const Type> arguments) {
  return arguments[0];
}

std::string kind_name(Kind kind) {
  if (kind == Kind::kArray) return "array";
  return Type{.kind = kind}.name();
}

}  // namespace headrace
