// Conflation: what a slow stream's backlog costs per action, and the one event
// it ends in.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/name_table.h"
#include "core/path_set.h"
#include "core/random.h"
#include "core/stretch.h"

namespace pathcast {
namespace {

// An app of ten modules with `paths` query paths in all.
struct App {
  explicit App(int64_t count) : paths(1u << 16), modules(64) {
    for (int64_t i = 0; i < count; ++i) {
      const std::string module = "module" + std::to_string(i % 10);
      modules.Intern(module);
      paths.Intern(module + ".procedure" + std::to_string(i / 10));
    }
  }
  NameTable paths;
  NameTable modules;
};

void BM_Intern(benchmark::State& state) {
  App app(state.range(0));
  std::vector<std::string> names;
  for (uint32_t id = 0; id < app.paths.size(); ++id) {
    names.emplace_back(app.paths.Name(id));
  }
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(app.paths.Intern(names[at]));
    at = (at + 1) % names.size();
  }
}
BENCHMARK(BM_Intern)->Arg(100)->Arg(1000);

void BM_StretchAdd(benchmark::State& state) {
  App app(state.range(0));
  Random random(1);
  std::vector<uint32_t> ids(5);
  for (uint32_t& id : ids) {
    id = static_cast<uint32_t>(random.Between(0, app.paths.size() - 1));
  }
  Stretch stretch;
  uint64_t seq = 0;
  for (auto _ : state) {
    ++seq;
    stretch.Add(seq, static_cast<int64_t>(seq), ids, 3);
    benchmark::DoNotOptimize(stretch.count);
  }
  state.counters["heap_bytes"] =
      static_cast<double>(stretch.paths.Bytes() + stretch.modules.Bytes());
}
BENCHMARK(BM_StretchAdd)->Arg(100)->Arg(1000)->Arg(10000);

void BM_Merge(benchmark::State& state) {
  PathSet a, b;
  for (int64_t i = 0; i < state.range(0); i += 3) {
    b.Add(static_cast<uint32_t>(i));
  }
  for (auto _ : state) {
    a.Merge(b);
    benchmark::DoNotOptimize(a);
  }
}
BENCHMARK(BM_Merge)->Arg(100)->Arg(1000)->Arg(10000);

// From 1,000 paths on the event is over 8 KiB and collapses.
void BM_EncodeInvalidate(benchmark::State& state) {
  App app(state.range(0));
  Stretch stretch;
  for (uint32_t id = 0; id < app.paths.size(); ++id) {
    stretch.Add(id + 1, id, {&id, 1}, id % 10);
  }
  std::string json;
  for (auto _ : state) {
    if (!EncodeInvalidate(stretch, app.paths, app.modules, 8192, &json)) {
      state.SkipWithError("does not fit");
    }
    benchmark::DoNotOptimize(json.data());
  }
  state.counters["event_bytes"] = static_cast<double>(json.size());
}
BENCHMARK(BM_EncodeInvalidate)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace pathcast
