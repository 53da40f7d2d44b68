// The path table, lib/SPEC.md §8.
#include "paths/path_table.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "counted_new.h"
#include "naive_paths.h"
#include "seed.h"

namespace pathcast {
namespace {

using Strings = std::vector<std::string>;

// A table with its scratch, asked in vectors.
class Table {
 public:
  explicit Table(const Strings& queries, uint32_t max_paths = 256)
      : table(Views(queries), max_paths), scratch(table) {}

  Ids Cover(const Ids& nodes) {
    for (const uint32_t node : nodes) scratch.nodes.Add(node);
    Ids out(table.max_cover());
    out.resize(table.Cover(&scratch, out));
    EXPECT_EQ(scratch.nodes.Next(0), NodeSet::kNone);
    return out;
  }
  Ids Expand(const Ids& nodes) {
    for (const uint32_t node : nodes) scratch.nodes.Add(node);
    Ids out(table.query_count());
    out.resize(table.Expand(&scratch, out));
    EXPECT_EQ(scratch.nodes.Next(0), NodeSet::kNone);
    return out;
  }
  Strings Names() const {
    Strings names;
    for (uint32_t i = 0; i < table.node_count(); ++i) {
      names.push_back(table.NameOf(i));
    }
    return names;
  }
  // Of paths that exist.
  Ids Nodes(const Strings& paths) const {
    Ids ids;
    for (const std::string& path : paths) {
      ids.push_back(table.Find(path));
      EXPECT_NE(ids.back(), PathTable::kNone) << path;
    }
    return ids;
  }
  Strings CoverOf(const Strings& paths) {
    Strings names;
    for (const uint32_t node : Cover(Nodes(paths))) {
      names.push_back(table.NameOf(node));
    }
    return names;
  }

  PathTable table;
  PathScratch scratch;
};

TEST(PathTableTest, NumbersInPreOrderByFirstUse) {
  const Table t({"guests.getAll", "budget.getSummary", "guests.byId", "ping"});
  EXPECT_EQ(t.Names(), (Strings{"*", "guests", "guests.getAll", "guests.byId",
                                "budget", "budget.getSummary", "ping"}));
  Ids ends, exact;
  for (uint32_t i = 0; i < t.table.node_count(); ++i) {
    ends.push_back(t.table.end(i));
    exact.push_back(t.table.exact(i) ? 1 : 0);
  }
  EXPECT_EQ(ends, (Ids{7, 4, 3, 4, 6, 6, 7}));
  EXPECT_EQ(exact, (Ids{0, 0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(t.table.query_count(), 4u);
}

TEST(PathTableTest, AnEmptyRouterHasOnlyItsRoot) {
  Table t({});
  EXPECT_EQ(t.Names(), Strings{"*"});
  EXPECT_EQ(t.table.Find("*"), 0u);
  EXPECT_EQ(t.table.Find("a"), PathTable::kNone);
  EXPECT_EQ(t.table.Find(""), PathTable::kNone);
  EXPECT_EQ(t.Cover({0, 0}), Ids{0});
  EXPECT_EQ(t.Cover({}), Ids{});
  EXPECT_EQ(t.Expand({0}), Ids{});
}

TEST(PathTableTest, AQueryMayBeAPrefixOfAnother) {
  Table t({"a.b", "a", "c.d.e", "c.d"});
  EXPECT_EQ(t.Names(), (Strings{"*", "a", "a.b", "c", "c.d", "c.d.e"}));
  EXPECT_TRUE(t.table.exact(1));
  EXPECT_FALSE(t.table.exact(3));
  EXPECT_TRUE(t.table.exact(4));
  EXPECT_EQ(t.Expand({1}), (Ids{1, 2}));
  EXPECT_EQ(t.Expand({2, 3}), (Ids{2, 4, 5}));
  EXPECT_EQ(t.Cover({5, 4, 2}), (Ids{2, 4}));
}

TEST(PathTableTest, PhantomsHaveNoNode) {
  const Table t({"guests.getAll", "guest.list"});
  for (const char* phantom :
       {"", ".", "g", "gues", "guests.", ".guests", "guests.getAl",
        "guests.getAll.", "guests.getAllX", "guest.getAll", "guests.list",
        "getAll", "Guests.getAll", "guests getAll", "guests..getAll", "**",
        "*.guests", "guests.*"}) {
    EXPECT_EQ(t.table.Find(phantom), PathTable::kNone) << phantom;
  }
  EXPECT_EQ(t.table.Find(std::string_view("guests\0", 7)), PathTable::kNone);
}

TEST(PathTableTest, TakesAnyName) {
  const Strings queries{"__proto__.constructor", "constructor.__proto__",
                        "toString", "größe.日本", std::string(256, 'x')};
  const Table t(queries);
  for (const std::string& query : queries) {
    const uint32_t node = t.table.Find(query);
    ASSERT_NE(node, PathTable::kNone) << query;
    EXPECT_EQ(t.table.NameOf(node), query);
    EXPECT_TRUE(t.table.exact(node));
  }
}

TEST(PathTableTest, GoesAsDeepAsItMust) {
  std::string deep = "s";
  for (int i = 0; i < 5'000; ++i) deep += ".s";
  Table t({deep});
  ASSERT_EQ(t.table.node_count(), 5'002u);
  EXPECT_EQ(t.table.NameOf(5'001), deep);
  EXPECT_EQ(t.table.Find(deep), 5'001u);
  EXPECT_EQ(t.table.Find("s.s.s"), 3u);
  EXPECT_EQ(t.Expand({5}), Ids{5'001});
  EXPECT_EQ(t.Cover({5'001, 7, 9}), Ids{7});
}

TEST(PathTableTest, ACoverBeyondItsBoundCollapsesTheLargestFirst) {
  const Strings queries{"a.1", "a.2", "b.1", "b.2", "b.3",
                        "c.1", "c.2", "c.3", "d"};
  Table three(queries, 7);
  // b and c have three each: b comes first, and is enough.
  EXPECT_EQ(three.CoverOf(queries),
            (Strings{"a.1", "a.2", "b", "c.1", "c.2", "c.3", "d"}));
  Table two(queries, 5);
  EXPECT_EQ(two.CoverOf(queries), (Strings{"a.1", "a.2", "b", "c", "d"}));
  Table one(queries, 4);
  EXPECT_EQ(one.CoverOf(queries), (Strings{"a", "b", "c", "d"}));
  Table none(queries, 3);
  EXPECT_EQ(none.CoverOf(queries), Strings{"*"});
  EXPECT_EQ(none.CoverOf({"a.1", "d", "c.3"}), (Strings{"a.1", "c.3", "d"}));
  Table least(queries, 1);
  EXPECT_EQ(least.CoverOf({"a.1", "a.2"}), Strings{"a"});
  EXPECT_EQ(least.CoverOf({"a.1", "d"}), Strings{"*"});
}

TEST(PathTableTest, WhatFitsIsNotCollapsed) {
  Table t({"a.1", "a.2", "b.1"}, 3);
  EXPECT_EQ(t.CoverOf({"b.1", "a.2", "a.1", "a.1"}),
            (Strings{"a.1", "a.2", "b.1"}));
}

TEST(PathTableTest, TwentyThousandQueriesStaySmall) {
  Strings queries;
  for (int i = 0; i < 20'000; ++i) {
    queries.push_back("module" + std::to_string(i / 20) + ".procedure" +
                      std::to_string(i % 20));
  }
  const Table t(queries);
  EXPECT_EQ(t.table.node_count(), 21'001u);
  EXPECT_LT(t.table.Bytes(), 2u << 20);
}

#if PATHCAST_COUNTS_NEW
TEST(PathTableTest, AllocatesNothingOnceItIsMade) {
  Strings queries;
  for (int i = 0; i < 500; ++i) {
    queries.push_back("module" + std::to_string(i / 20) + ".procedure" +
                      std::to_string(i % 20));
  }
  PathTable table(Views(queries), 30);
  PathScratch scratch(table);
  Ids out(table.node_count());
  const uint64_t before = allocations;
  uint32_t found = 0;
  for (const std::string& query : queries) found += table.Find(query);
  // All queries one by one: more than 30, so that it collapses.
  for (uint32_t i = 0; i < table.node_count(); ++i) {
    if (table.exact(i)) scratch.nodes.Add(i);
  }
  const size_t covered = table.Cover(&scratch, out);
  scratch.nodes.Add(0);
  const size_t expanded = table.Expand(&scratch, out);
  EXPECT_EQ(allocations, before);
  EXPECT_GT(found, 0u);
  EXPECT_LE(covered, 30u);
  EXPECT_EQ(expanded, 500u);
  const auto one = std::make_unique<int>(1);
  EXPECT_GT(allocations, before) << "the count does not count";
}
#endif

TEST(PathTableTest, AgreesWithTheNaiveOneOnRandomRouters) {
  Random random(TestSeed());
  for (int round = 0; round < 150; ++round) {
    const Strings queries = RandomQueries(&random, random.Between(0, 80));
    const auto max_paths = static_cast<uint32_t>(random.Between(1, 12));
    const NaivePaths naive(queries, max_paths);
    Table t(queries, max_paths);
    ASSERT_EQ(t.Names(), naive.names());
    for (uint32_t node = 0; node < t.table.node_count(); ++node) {
      const std::string& name = naive.names()[node];
      ASSERT_EQ(t.table.end(node), naive.End(node)) << name;
      ASSERT_EQ(t.table.exact(node), naive.Exact(node)) << name;
      ASSERT_EQ(t.table.Find(name), node) << name;
    }
    for (const std::string& other : RandomQueries(&random, 40)) {
      ASSERT_EQ(t.table.Find(other), naive.Find(other)) << other;
    }
    for (int i = 0; i < 10; ++i) {
      const Ids nodes = RandomIds(&random, t.table.node_count(), 30);
      ASSERT_EQ(t.Cover(nodes), naive.Cover(nodes));
      ASSERT_EQ(t.Expand(nodes), naive.Expand(nodes));
    }
  }
}

TEST(NodeSetTest, HoldsItsBounds) {
  for (const uint32_t bound : {1u, 63u, 64u, 65u, 4095u, 4096u, 4097u}) {
    NodeSet set(bound);
    EXPECT_EQ(set.Next(0), NodeSet::kNone);
    EXPECT_EQ(set.Next(bound), NodeSet::kNone);
    set.Add(bound - 1);
    EXPECT_EQ(set.Next(0), bound - 1);
    EXPECT_EQ(set.Next(bound - 1), bound - 1);
    EXPECT_EQ(set.Next(bound), NodeSet::kNone);
    set.Add(0);
    EXPECT_EQ(set.Next(0), 0u);
    set.Clear();
    EXPECT_EQ(set.Next(0), NodeSet::kNone);
  }
}

}  // namespace
}  // namespace pathcast
