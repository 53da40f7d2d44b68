// Cascades over a path table, lib/SPEC.md §8.
#include "paths/cascades.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/random.h"
#include "counted_new.h"
#include "naive_paths.h"
#include "seed.h"

namespace pathcast {
namespace {

using Strings = std::vector<std::string>;

std::shared_ptr<const PathTable> TableOf(const Strings& queries,
                                         uint32_t max_paths = 256) {
  return std::make_shared<const PathTable>(Views(queries), max_paths);
}

// Cascades whose modules and nodes are named.
class Named {
 public:
  using Modules = std::vector<std::pair<std::string, Strings>>;
  using Edges = std::vector<std::pair<std::string, std::string>>;

  Named(const Strings& queries, const Modules& modules, const Edges& edges)
      : table_(TableOf(queries)), modules_(modules) {
    CascadeSpec spec;
    for (const auto& [name, paths] : modules) spec.modules.push_back(Of(paths));
    for (const auto& [from, to] : edges) {
      spec.edges.emplace_back(Module(from), Module(to));
    }
    cascades_ = std::make_unique<Cascades>(table_, spec);
  }

  Strings Close(const Strings& paths) {
    const Ids nodes = Of(paths);
    Ids out(table_->max_cover());
    return Names(out, cascades_->Close(nodes, out));
  }
  Strings CloseFrom(const Strings& paths, const Strings& from) {
    Ids modules;
    for (const std::string& name : from) modules.push_back(Module(name));
    Ids out(table_->max_cover());
    return Names(out, cascades_->CloseFrom(Of(paths), modules, out));
  }

 private:
  Ids Of(const Strings& paths) const {
    Ids nodes;
    for (const std::string& path : paths) nodes.push_back(table_->Find(path));
    return nodes;
  }
  uint32_t Module(const std::string& name) const {
    uint32_t at = 0;
    while (modules_[at].first != name) ++at;
    return at;
  }
  Strings Names(const Ids& ids, size_t count) const {
    Strings names;
    for (size_t i = 0; i < count; ++i) names.push_back(table_->NameOf(ids[i]));
    return names;
  }

  std::shared_ptr<const PathTable> table_;
  Modules modules_;
  std::unique_ptr<Cascades> cascades_;
};

const Strings kQueries{"guests.getAll",  "guests.getStats", "hotels.getAll",
                       "timeline.list",  "budget.summary",  "budget.list",
                       "transport.list", "stats.overview"};
const Named::Modules kModules{{"guests", {"guests"}},
                              {"hotels", {"hotels"}},
                              {"timeline", {"timeline"}},
                              {"budget", {"budget.summary"}},
                              {"relay", {}},
                              {"transport", {"transport"}},
                              {"stats", {"stats.overview"}}};

TEST(CascadesTest, FollowsEdgesThroughAndThrough) {
  Named c(kQueries, kModules, {{"guests", "hotels"}, {"hotels", "timeline"}});
  EXPECT_EQ(c.Close({"guests.getAll"}),
            (Strings{"guests.getAll", "hotels", "timeline"}));
  EXPECT_EQ(c.Close({"hotels.getAll"}), (Strings{"hotels.getAll", "timeline"}));
  EXPECT_EQ(c.Close({"timeline.list"}), Strings{"timeline.list"});
  EXPECT_EQ(c.Close({}), Strings{});
}

TEST(CascadesTest, AModuleWithoutNodesPassesOn) {
  Named c(kQueries, kModules, {{"guests", "relay"}, {"relay", "transport"}});
  EXPECT_EQ(c.Close({"guests.getStats"}),
            (Strings{"guests.getStats", "transport"}));
}

TEST(CascadesTest, AModuleOfItsOwnCycleIsReached) {
  Named c(kQueries, kModules,
          {{"guests", "budget"}, {"budget", "stats"}, {"stats", "guests"}});
  EXPECT_EQ(c.Close({"guests.getAll"}),
            (Strings{"guests", "budget.summary", "stats.overview"}));
  EXPECT_EQ(c.Close({"budget.summary"}),
            (Strings{"guests", "budget.summary", "stats.overview"}));
  Named loop(kQueries, kModules, {{"guests", "guests"}});
  EXPECT_EQ(loop.Close({"guests.getAll"}), Strings{"guests"});
  EXPECT_EQ(loop.Close({"hotels"}), Strings{"hotels"});
}

TEST(CascadesTest, TouchesWhatItsQueriesMeet) {
  Named c(kQueries, kModules, {{"budget", "stats"}});
  // Beside the module's query, not it.
  EXPECT_EQ(c.Close({"budget.list"}), Strings{"budget.list"});
  // Above it.
  EXPECT_EQ(c.Close({"budget"}), (Strings{"budget", "stats.overview"}));
  EXPECT_EQ(c.Close({"*"}), Strings{"*"});
}

TEST(CascadesTest, WhatFollowsIsNotTouched) {
  // hotels has a query of guests too, but is reached, not touched by an edge
  // of guests that is there already.
  Named c({"a.1", "b.1", "c.1", "d.1"},
          {{"a", {"a"}}, {"b", {"b"}}, {"c", {"b", "c"}}, {"d", {"d"}}},
          {{"a", "b"}, {"c", "d"}});
  EXPECT_EQ(c.Close({"a.1"}), (Strings{"a.1", "b"}));
  EXPECT_EQ(c.Close({"b.1"}), (Strings{"b.1", "d"}));
}

TEST(CascadesTest, AListOfModulesTakesTheTouchedOnesPlace) {
  Named c(kQueries, kModules, {{"guests", "hotels"}, {"hotels", "timeline"}});
  EXPECT_EQ(c.CloseFrom({"guests.getAll"}, {}), Strings{"guests.getAll"});
  EXPECT_EQ(c.CloseFrom({"guests.getAll"}, {"hotels"}),
            (Strings{"guests.getAll", "hotels", "timeline"}));
  EXPECT_EQ(c.CloseFrom({"guests.getAll"}, {"guests"}),
            (Strings{"guests", "hotels", "timeline"}));
  EXPECT_EQ(c.CloseFrom({}, {"transport", "transport"}), Strings{"transport"});
}

TEST(CascadesTest, NoModulesAndNoRouterWillDo) {
  Named bare(kQueries, {}, {});
  EXPECT_EQ(bare.Close({"guests", "guests.getAll"}), Strings{"guests"});
  Named empty({}, {{"all", {"*"}}, {"none", {}}}, {{"all", "none"}});
  EXPECT_EQ(empty.Close({"*"}), Strings{"*"});
  EXPECT_EQ(empty.CloseFrom({}, {"all"}), Strings{"*"});
  EXPECT_EQ(empty.Close({}), Strings{});
}

TEST(CascadesTest, AClosureBeyondTheBoundCollapses) {
  Strings queries;
  for (const char* module : {"a.", "b.", "c."}) {
    for (int i = 0; i < 5; ++i) queries.push_back(module + std::to_string(i));
  }
  const auto table = TableOf(queries, 6);
  Ids all_of_b;
  for (int i = 0; i < 5; ++i) {
    all_of_b.push_back(table->Find("b." + std::to_string(i)));
  }
  const Ids nodes{table->Find("a.0"), table->Find("a.1")};
  Cascades c(table, {.modules = {nodes, all_of_b}, .edges = {{0, 1}}});
  Ids out(table->max_cover());
  out.resize(c.Close(nodes, out));
  EXPECT_EQ(out, (Ids{nodes[0], nodes[1], table->Find("b")}));
}

TEST(CascadesTest, ManyModulesInALongChain) {
  constexpr uint32_t kCount = 3'000;
  Strings queries;
  CascadeSpec spec;
  for (uint32_t i = 0; i < kCount; ++i) {
    queries.push_back("m" + std::to_string(i) + ".q");
    spec.modules.push_back({1 + 2 * i});
    spec.edges.emplace_back(i, i + 1 < kCount ? i + 1 : kCount - 1);
  }
  const auto table = TableOf(queries, kCount);
  Cascades c(table, spec);
  Ids out(table->max_cover());
  const Ids start{table->Find("m1000.q")};
  EXPECT_EQ(c.Close(start, out), kCount - 1000u);
  EXPECT_EQ(out[0], start[0]);
  EXPECT_EQ(out[1], start[0] + 1);
}

#if PATHCAST_COUNTS_NEW
TEST(CascadesTest, AllocatesNothingOnceItIsMade) {
  Strings queries;
  CascadeSpec spec;
  for (int i = 0; i < 2'000; ++i) {
    queries.push_back("module" + std::to_string(i / 20) + ".procedure" +
                      std::to_string(i % 20));
  }
  const auto table = TableOf(queries, 8);
  for (uint32_t i = 0; i < 100; ++i) {
    spec.modules.push_back({table->Find("module" + std::to_string(i))});
    spec.edges.emplace_back(i, (i * 7 + 1) % 100);
  }
  Cascades c(table, spec);
  Ids out(table->max_cover());
  const Ids from{3, 5};
  const uint64_t before = allocations;
  size_t written = 0;
  for (uint32_t node = 0; node < table->node_count(); ++node) {
    written += c.Close({&node, 1}, out);
    written += c.CloseFrom({&node, 1}, from, out);
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GT(written, 0u);
}
#endif

TEST(CascadesTest, AgreesWithTheNaiveOneOnRandomMaps) {
  Random random(TestSeed());
  for (int round = 0; round < 120; ++round) {
    const Strings queries = RandomQueries(&random, random.Between(0, 60));
    const auto max_paths = static_cast<uint32_t>(random.Between(1, 20));
    const NaivePaths naive(queries, max_paths);
    const auto table = TableOf(queries, max_paths);
    CascadeSpec spec;
    // Beyond 64 modules a set of them takes more than one word.
    spec.modules.resize(random.Between(0, round % 10 == 0 ? 150 : 12));
    for (auto& nodes : spec.modules) {
      nodes = RandomIds(&random, table->node_count(), 4);
    }
    const Ids ends =
        RandomIds(&random, spec.modules.size(), 3 * spec.modules.size());
    for (size_t i = 0; i + 1 < ends.size(); i += 2) {
      spec.edges.emplace_back(ends[i], ends[i + 1]);
    }
    Cascades cascades(table, spec);
    for (int i = 0; i < 10; ++i) {
      const Ids nodes = RandomIds(&random, table->node_count(), 6);
      const Ids from = RandomIds(&random, spec.modules.size(), 3);
      // In place, as the addon does it.
      Ids out(nodes);
      out.resize(std::max<size_t>(nodes.size(), table->max_cover()));
      out.resize(cascades.Close(std::span(out).first(nodes.size()), out));
      ASSERT_EQ(out, naive.Close(spec, nodes));
      out.assign(table->max_cover(), 0);
      out.resize(cascades.CloseFrom(nodes, from, out));
      ASSERT_EQ(out, naive.CloseFrom(spec, nodes, from));
    }
  }
}

}  // namespace
}  // namespace pathcast
