#include "core/path_set.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/name_table.h"
#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

std::vector<uint32_t> Members(const PathSet& set) {
  std::vector<uint32_t> members;
  set.ForEach([&](uint32_t id) { members.push_back(id); });
  return members;
}

TEST(NameTableTest, GivesEachNameOneId) {
  NameTable names(10);
  EXPECT_EQ(names.Intern("guests.getAll"), 0u);
  EXPECT_EQ(names.Intern("budget"), 1u);
  EXPECT_EQ(names.Intern("guests.getAll"), 0u);
  EXPECT_EQ(names.Intern(""), 2u);
  EXPECT_EQ(names.Find("budget"), 1u);
  EXPECT_EQ(names.Find("nobody"), NameTable::kOverflow);
  EXPECT_EQ(names.Name(0), "guests.getAll");
  EXPECT_EQ(names.Name(2), "");
  EXPECT_EQ(names.size(), 3u);
}

TEST(NameTableTest, IsFullAtItsBoundButKnowsWhatItKnew) {
  NameTable names(2);
  EXPECT_EQ(names.Intern("a"), 0u);
  EXPECT_EQ(names.Intern("b"), 1u);
  EXPECT_EQ(names.Intern("c"), NameTable::kOverflow);
  EXPECT_EQ(names.Intern("b"), 1u);
  EXPECT_EQ(names.size(), 2u);
  NameTable none(0);
  EXPECT_EQ(none.Intern("a"), NameTable::kOverflow);
}

TEST(NameTableTest, WhatIsDeclaredHasAPlaceOfItsOwn) {
  NameTable names(2);
  EXPECT_EQ(names.Intern("junk1"), 0u);
  EXPECT_EQ(names.Intern("junk2"), 1u);
  EXPECT_EQ(names.Intern("junk3"), NameTable::kOverflow);
  EXPECT_EQ(names.Declare("real"), 2u);
  EXPECT_EQ(names.Declare("junk1"), 0u);
  EXPECT_EQ(names.Declare("real too"), 3u);
  EXPECT_EQ(names.Declare("one too many"), NameTable::kOverflow);
  EXPECT_EQ(names.Intern("real"), 2u);
  EXPECT_EQ(names.Intern("junk3"), NameTable::kOverflow);

  NameTable first(1);
  EXPECT_EQ(first.Declare("real"), 0u);
  EXPECT_EQ(first.Intern("junk1"), 1u);
  EXPECT_EQ(first.Intern("junk2"), NameTable::kOverflow);
}

TEST(NameTableTest, ViewsHoldWhileItGrows) {
  NameTable names(5000);
  const std::string_view first = names.Name(names.Intern("short"));
  for (int i = 0; i < 4000; ++i) names.Intern("name" + std::to_string(i));
  EXPECT_EQ(first, "short");
  EXPECT_EQ(names.Find("short"), 0u);
  EXPECT_EQ(names.Name(names.Find("name3999")), "name3999");
  EXPECT_GT(names.Bytes(), 4000 * 8u);
}

TEST(PathSetTest, HoldsWhatWasAdded) {
  PathSet set;
  EXPECT_EQ(set.Bytes(), 0u);
  for (const uint32_t id : {200u, 0u, 63u, 64u, 200u}) set.Add(id);
  EXPECT_EQ(Members(set), (std::vector<uint32_t>{0, 63, 64, 200}));
  EXPECT_TRUE(set.Contains(63));
  EXPECT_FALSE(set.Contains(62));
  EXPECT_FALSE(set.Contains(1'000'000));
}

TEST(PathSetTest, MeansEverythingOnceItOverflew) {
  PathSet set;
  set.Add(NameTable::kOverflow);
  EXPECT_TRUE(set.overflow());
  EXPECT_TRUE(set.Contains(12345));
  EXPECT_EQ(Members(set), std::vector<uint32_t>());
  EXPECT_EQ(set.Bytes(), 0u);

  PathSet other;
  other.Add(3);
  other.Merge(set);
  EXPECT_TRUE(other.overflow());
}

TEST(PathSetTest, AgreesWithAStdSet) {
  Random random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    PathSet a, b;
    std::set<uint32_t> model_a, model_b;
    const uint64_t top = random.Between(1, 500);
    for (uint64_t i = random.Between(0, 60); i > 0; --i) {
      const auto id = static_cast<uint32_t>(random.Between(0, top));
      if (random.Between(0, 1) == 0) {
        a.Add(id);
        model_a.insert(id);
      } else {
        b.Add(id);
        model_b.insert(id);
      }
    }
    a.Merge(b);
    model_a.insert(model_b.begin(), model_b.end());
    EXPECT_EQ(Members(a),
              std::vector<uint32_t>(model_a.begin(), model_a.end()));
    EXPECT_EQ(Members(b),
              std::vector<uint32_t>(model_b.begin(), model_b.end()));
  }
}

}  // namespace
}  // namespace pathcast
