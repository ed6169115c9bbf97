#include "flow/state_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace headrace {
namespace {

TEST(StateCache, NeverTellsAnythingButTheLastState) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    StateCache cache(8 * 1024);
    std::map<std::string, std::string> last;
    size_t known = 0;
    for (int step = 0; step < 20'000; ++step) {
      const std::string key = "key " + std::to_string(random.below(300));
      if (random.one_in(10)) {
        cache.remove(key);
        last.erase(key);
      } else if (random.one_in(2)) {
        const std::string state(random.below(random.one_in(20) ? 2000 : 40), static_cast<char>('a' + random.below(26)));
        cache.put(key, state);
        last[key] = state;
      }
      const std::string asked = "key " + std::to_string(random.below(300));
      const auto found = cache.find(asked);
      if (!found) continue;
      ++known;
      ASSERT_TRUE(last.contains(asked));
      ASSERT_EQ(*found, last[asked]);
    }
    EXPECT_GT(known, 1'000U);
  }
}

TEST(StateCache, KeepsWhatWasWrittenLastWithinItsBytes) {
  StateCache cache(64 * 1024);
  for (int i = 0; i < 100'000; ++i) {
    cache.put("key " + std::to_string(i), "state " + std::to_string(i));
    const int recent = std::max(0, i - 200);
    ASSERT_EQ(cache.find("key " + std::to_string(recent)), "state " + std::to_string(recent));
    ASSERT_LE(cache.memory_bytes(), 2U * 64 * 1024);
  }
}

}  // namespace
}  // namespace headrace
