#include "base/crc32c.h"

#include <string>

#include "benchmark/benchmark.h"

namespace headrace {
namespace {

template <uint32_t (*kFunction)(std::string_view, uint32_t)>
void checksum(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(kFunction(bytes, 0));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum<crc32c>)->Arg(64)->Arg(1024)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK(checksum<detail::crc32c_by_table>)->Arg(1024)->Arg(1 << 20);

}  // namespace
}  // namespace headrace
