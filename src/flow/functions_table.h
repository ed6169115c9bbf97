// How the table of functions is put together: every theme adds its part. Internal to functions*.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "flow/functions.h"

namespace headrace {

using FunctionTable = std::vector<Function>;

void add_comparison_functions(FunctionTable& table);
void add_conditional_functions(FunctionTable& table);
void add_arithmetic_functions(FunctionTable& table);
void add_math_functions(FunctionTable& table);
void add_text_functions(FunctionTable& table);
void add_text_making_functions(FunctionTable& table);  // called by add_text_functions
void add_pattern_functions(FunctionTable& table);
void add_time_functions(FunctionTable& table);
void add_extract_functions(FunctionTable& table);  // called by add_time_functions
void add_interval_functions(FunctionTable& table);
void add_json_functions(FunctionTable& table);

// result_type of functions that return what they are given.
Type type_of_first(std::span<const Type> arguments);

// "integer", or "numeric" without its digits: a kind as signatures show it.
std::string kind_name(Kind kind);

// PostgreSQL's categories, as far as Headrace has types for them (pg_type.typcategory).
char category(Kind kind);
bool is_preferred(Kind kind);

}  // namespace headrace
