// The path registry: routers of 20 procedures each, 100 to 20,000 procedures in
// all, a cascade over each router's prefix.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "paths/cascades.h"
#include "paths/path_table.h"

namespace pathcast {
namespace {

constexpr int64_t kPerRouter = 20;
constexpr uint32_t kMaxPaths = 256;

std::vector<std::string> Queries(int64_t count) {
  std::vector<std::string> queries;
  for (int64_t i = 0; i < count; ++i) {
    queries.push_back("module" + std::to_string(i / kPerRouter) + ".procedure" +
                      std::to_string(i % kPerRouter));
  }
  return queries;
}

std::shared_ptr<const PathTable> MakeTable(
    const std::vector<std::string>& queries) {
  const std::vector<std::string_view> views(queries.begin(), queries.end());
  return std::make_shared<const PathTable>(views, kMaxPaths);
}

// One module a router; each leads to the next ten, one after another.
CascadeSpec Chain(const PathTable& table, int64_t routers) {
  CascadeSpec spec;
  for (int64_t i = 0; i < routers; ++i) {
    spec.modules.push_back({table.Find("module" + std::to_string(i))});
    if (i % 11 != 10 && i + 1 < routers) {
      spec.edges.emplace_back(static_cast<uint32_t>(i),
                              static_cast<uint32_t>(i + 1));
    }
  }
  return spec;
}

// Only routers of 100 procedures have fewer than ten others to lead to.
void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(100)->Arg(2'000)->Arg(20'000);
}

void BM_Build(benchmark::State& state) {
  const std::vector<std::string> queries = Queries(state.range(0));
  size_t bytes = 0;
  for (auto _ : state) {
    const auto table = MakeTable(queries);
    bytes = table->Bytes();
    benchmark::DoNotOptimize(bytes);
  }
  state.counters["heap_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Build)->Apply(Sizes)->Unit(benchmark::kMicrosecond);

void BM_BuildCascades(benchmark::State& state) {
  const auto table = MakeTable(Queries(state.range(0)));
  const CascadeSpec spec = Chain(*table, state.range(0) / kPerRouter);
  size_t bytes = 0;
  for (auto _ : state) {
    const Cascades cascades(table, spec);
    bytes = cascades.Bytes();
    benchmark::DoNotOptimize(bytes);
  }
  state.counters["heap_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_BuildCascades)->Apply(Sizes)->Unit(benchmark::kMicrosecond);

void BM_Find(benchmark::State& state) {
  const std::vector<std::string> queries = Queries(state.range(0));
  const auto table = MakeTable(queries);
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->Find(queries[at]));
    // Not in order: nobody asks in order.
    at = (at + 7919) % queries.size();
  }
}
BENCHMARK(BM_Find)->Apply(Sizes);

void BM_FindPhantom(benchmark::State& state) {
  std::vector<std::string> queries = Queries(state.range(0));
  const auto table = MakeTable(queries);
  for (std::string& query : queries) query += "s";
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->Find(queries[at]));
    at = (at + 7919) % queries.size();
  }
}
BENCHMARK(BM_FindPhantom)->Apply(Sizes);

void BM_ExpandPrefix(benchmark::State& state) {
  const auto table = MakeTable(Queries(state.range(0)));
  PathScratch scratch(*table);
  std::vector<uint32_t> out(table->query_count());
  const uint32_t prefix = table->Find("module3");
  for (auto _ : state) {
    scratch.nodes.Add(prefix);
    benchmark::DoNotOptimize(table->Expand(&scratch, out));
  }
}
BENCHMARK(BM_ExpandPrefix)->Apply(Sizes);

void BM_ExpandAll(benchmark::State& state) {
  const auto table = MakeTable(Queries(state.range(0)));
  PathScratch scratch(*table);
  std::vector<uint32_t> out(table->query_count());
  for (auto _ : state) {
    scratch.nodes.Add(PathTable::kRoot);
    benchmark::DoNotOptimize(table->Expand(&scratch, out));
  }
}
BENCHMARK(BM_ExpandAll)->Apply(Sizes);

// The union of ten actions of five paths each.
void BM_Union(benchmark::State& state) {
  const auto table = MakeTable(Queries(state.range(0)));
  PathScratch scratch(*table);
  std::vector<uint32_t> out(table->max_cover());
  std::array<uint32_t, 50> nodes;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = i * 7919 % table->node_count();
    if (nodes[i] == PathTable::kRoot) nodes[i] = 1;
  }
  for (auto _ : state) {
    for (const uint32_t node : nodes) scratch.nodes.Add(node);
    benchmark::DoNotOptimize(table->Cover(&scratch, out));
  }
}
BENCHMARK(BM_Union)->Apply(Sizes);

// Every query by itself: more than a cover may have.
void BM_CoverCollapses(benchmark::State& state) {
  const auto table = MakeTable(Queries(state.range(0)));
  PathScratch scratch(*table);
  std::vector<uint32_t> out(table->max_cover());
  for (auto _ : state) {
    for (uint32_t node = 0; node < table->node_count(); ++node) {
      if (table->exact(node)) scratch.nodes.Add(node);
    }
    benchmark::DoNotOptimize(table->Cover(&scratch, out));
  }
}
BENCHMARK(BM_CoverCollapses)->Apply(Sizes)->Unit(benchmark::kMicrosecond);

// One action: five paths of one router, and the ten (of 100 procedures: four)
// that follow from it. With the look-ups of its paths, and without.
void CloseOne(benchmark::State& state, bool lookups) {
  const auto table = MakeTable(Queries(state.range(0)));
  Cascades cascades(table, Chain(*table, state.range(0) / kPerRouter));
  const std::array<std::string, 5> paths{
      "module0.procedure3", "module0.procedure7", "module0.procedure11",
      "module0.procedure15", "module0.procedure19"};
  std::array<uint32_t, 5> nodes;
  for (size_t i = 0; i < paths.size(); ++i) nodes[i] = table->Find(paths[i]);
  std::vector<uint32_t> out(table->max_cover());
  size_t closed = 0;
  for (auto _ : state) {
    if (lookups) {
      for (size_t i = 0; i < paths.size(); ++i) {
        nodes[i] = table->Find(paths[i]);
      }
    }
    closed = cascades.Close(nodes, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["paths"] = static_cast<double>(closed);
}
void BM_Action(benchmark::State& state) { CloseOne(state, true); }
BENCHMARK(BM_Action)->Apply(Sizes);
void BM_Close(benchmark::State& state) { CloseOne(state, false); }
BENCHMARK(BM_Close)->Apply(Sizes);

}  // namespace
}  // namespace pathcast
