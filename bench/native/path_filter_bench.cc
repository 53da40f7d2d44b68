// A stream that asks for query paths: what each action costs it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/name_table.h"
#include "core/path_filter.h"

namespace pathcast {
namespace {

constexpr uint32_t kRouters = 100;
constexpr uint32_t kPerRouter = 20;

std::string PathOf(uint32_t i) {
  return "module" + std::to_string(i / kPerRouter) + ".procedure" +
         std::to_string(i % kPerRouter);
}

// A bound router of 2,000 procedures, one action of five paths of its first
// module, and a filter of `count` others.
struct Hub {
  explicit Hub(uint32_t count) : names(1u << 16), filter(Wanted(count)) {
    for (uint32_t i = 0; i < kRouters * kPerRouter; ++i) {
      (void)names.Intern("module" + std::to_string(i / kPerRouter));
      (void)names.Intern(PathOf(i));
    }
    for (uint32_t i = 0; i < 5; ++i) ids.push_back(names.Find(PathOf(i * 3)));
  }
  static std::vector<std::string> Wanted(uint32_t count) {
    std::vector<std::string> paths;
    for (uint32_t i = 0; i < count; ++i) {
      paths.push_back(PathOf(kPerRouter + i * 7 % (kPerRouter * 50)));
    }
    return paths;
  }

  NameTable names;
  std::vector<uint32_t> ids;
  PathFilter filter;
};

void BM_Meets(benchmark::State& state) {
  Hub hub(static_cast<uint32_t>(state.range(0)));
  const ActionPaths action(hub.ids, hub.names);
  for (auto _ : state) {
    const bool meets = hub.filter.Meets(action);
    if (meets) state.SkipWithError("nothing is in both");
    benchmark::DoNotOptimize(meets);
  }
}
BENCHMARK(BM_Meets)->Arg(1)->Arg(16)->Arg(256);

// The first stream that looks at an action works its side out.
void BM_FirstLook(benchmark::State& state) {
  Hub hub(16);
  for (auto _ : state) {
    const ActionPaths action(hub.ids, hub.names);
    benchmark::DoNotOptimize(hub.filter.Meets(action));
  }
}
BENCHMARK(BM_FirstLook);

}  // namespace
}  // namespace pathcast
