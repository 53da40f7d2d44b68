// Admission: one newcomer and one leaver, among `range` streams of one company.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/limiter.h"

namespace pathcast {
namespace {

struct Crowd {
  Crowd(const LimiterOptions& options, int64_t count)
      : limiter(options), alive(static_cast<size_t>(count)) {
    for (int64_t i = 0; i < count; ++i) {
      names.push_back("1b4e28ba-2fa1-11d2-883f-" + std::to_string(i));
      leases.push_back(Acquire(names.back(), i));
      limiter.Watch(leases.back(), &alive[static_cast<size_t>(i)]);
    }
  }
  uint64_t Acquire(const std::string& name, int64_t now_ms) {
    return limiter
        .Acquire({.company = "acme",
                  .user = name,
                  .instance = name,
                  .evictable = true,
                  .now_ms = now_ms})
        .lease;
  }
  Limiter limiter;
  std::vector<std::string> names;
  std::vector<uint64_t> leases;
  // When each was last alive.
  std::vector<int64_t> alive;
};

void BM_AcquireRelease(benchmark::State& state) {
  Crowd crowd(LimiterOptions{.max_per_user = 5}, state.range(0));
  size_t at = 0;
  for (auto _ : state) {
    crowd.limiter.Release(crowd.leases[at]);
    crowd.leases[at] = crowd.Acquire(crowd.names[at], 0);
    at = (at + 1) % crowd.leases.size();
  }
  state.counters["bytes_per_lease"] =
      static_cast<double>(crowd.limiter.Bytes() / crowd.leases.size());
}
BENCHMARK(BM_AcquireRelease)->Arg(50)->Arg(10000);

void BM_Replace(benchmark::State& state) {
  Crowd crowd(LimiterOptions{.max_per_user = 5}, state.range(0));
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(crowd.Acquire(crowd.names[at], 0));
    at = (at + 1) % crowd.names.size();
  }
}
BENCHMARK(BM_Replace)->Arg(50)->Arg(10000);

// Each fan-out touches everybody, then somebody new comes to a full company.
void BM_EvictAfterTouchingAll(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  Crowd crowd(LimiterOptions{.max_per_company = count, .evict_oldest = true},
              state.range(0));
  int64_t now_ms = state.range(0);
  for (auto _ : state) {
    ++now_ms;
    for (int64_t& at : crowd.alive) at = now_ms;
    const AdmissionResult result =
        crowd.limiter.Acquire({.company = "acme",
                               .user = "newcomer" + std::to_string(now_ms),
                               .instance = {},
                               .evictable = true,
                               .now_ms = now_ms});
    benchmark::DoNotOptimize(result.lease);
  }
}
BENCHMARK(BM_EvictAfterTouchingAll)->Arg(50)->Arg(10000);

}  // namespace
}  // namespace pathcast
