#include "core/stretch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

constexpr size_t kAmple = 8192;

class StretchTest : public testing::Test {
 protected:
  // One action per call, seq counting from where it stood.
  void Act(const std::vector<std::string>& paths, std::string_view module) {
    std::vector<uint32_t> ids;
    for (const std::string& path : paths) ids.push_back(paths_.Intern(path));
    stretch_.Add(++seq_, 17, ids, modules_.Intern(module));
  }

  std::string Encode(size_t max_bytes = kAmple) {
    std::string json = "untouched";
    encoded_ = EncodeInvalidate(stretch_, paths_, modules_, max_bytes, &json);
    return json;
  }

  // The text between the brackets of "queryPaths".
  std::string Paths(size_t max_bytes = kAmple) {
    const std::string json = Encode(max_bytes);
    const size_t start = json.find('[') + 1;
    return encoded_ ? json.substr(start, json.find(']') - start) : "none";
  }

  NameTable paths_{1000};
  NameTable modules_{100};
  Stretch stretch_;
  uint64_t seq_ = 40;
  bool encoded_ = false;
};

TEST_F(StretchTest, EncodesInTheSpecsKeyOrder) {
  Act({"guests.getAll", "guests.getStats"}, "guests");
  Act({"budget.list"}, "budget");
  Act({"guests.getAll"}, "guests");
  EXPECT_EQ(Encode(),
            "{\"type\":\"invalidate\",\"timestamp\":17,\"queryPaths\":["
            "\"guests.getAll\",\"guests.getStats\",\"budget.list\"],"
            "\"from\":41,\"to\":43,\"count\":3,"
            "\"modules\":[\"guests\",\"budget\"]}");
  EXPECT_TRUE(encoded_);
}

TEST_F(StretchTest, JoinsInAnyOrder) {
  Stretch early, late, empty;
  const uint32_t one[] = {1};
  const uint32_t two[] = {2};
  early.Add(5, 50, one, 0);
  late.Add(9, 90, two, 1);
  late.Add(12, 120, two, 1);
  Stretch joined = late;
  joined.Join(early);
  joined.Join(empty);
  EXPECT_EQ(joined.from, 5u);
  EXPECT_EQ(joined.to, 12u);
  EXPECT_EQ(joined.first_ms, 50);
  EXPECT_EQ(joined.last_ms, 120);
  EXPECT_EQ(joined.count, 3u);
  EXPECT_TRUE(joined.paths.Contains(1) && joined.paths.Contains(2));
  EXPECT_TRUE(joined.modules.Contains(0) && joined.modules.Contains(1));
  empty.Join(late);
  EXPECT_EQ(empty.from, 9u);
}

TEST_F(StretchTest, AnActionWithoutPathsStillCounts) {
  Act({}, "guests");
  EXPECT_EQ(Paths(), "");
  EXPECT_TRUE(encoded_);
}

TEST_F(StretchTest, LeavesOutWhatAPrefixCovers) {
  Act({"guests.getAll", "guests", "guests.rows.byId", "guestTransport.getAll"},
      "guests");
  EXPECT_EQ(Paths(), "\"guests\",\"guestTransport.getAll\"");
}

TEST_F(StretchTest, APrefixOfSeveralSegmentsCoversToo) {
  Act({"a.b.c", "a.b", "a.bc", "a.b.d.e"}, "m");
  EXPECT_EQ(Paths(), "\"a.b\",\"a.bc\"");
}

TEST_F(StretchTest, StarCoversEverything) {
  Act({"guests.getAll", "budget"}, "guests");
  Act({"*"}, "guests");
  EXPECT_EQ(Paths(), "\"*\"");
}

TEST_F(StretchTest, CollapsesTheModuleWithMostPathsFirst) {
  Act({"small.one", "big.one", "small.two", "big.two", "big.three"}, "m");
  const size_t whole = Encode().size();
  EXPECT_EQ(Paths(whole),
            "\"small.one\",\"big.one\",\"small.two\",\"big.two\","
            "\"big.three\"");
  EXPECT_EQ(Paths(whole - 1), "\"small.one\",\"big\",\"small.two\"");
  const size_t less = Encode(whole - 1).size();
  EXPECT_EQ(Paths(less - 1), "\"small\",\"big\"");
  const size_t least = Encode(less - 1).size();
  EXPECT_TRUE(encoded_);
  EXPECT_EQ(Encode(least - 1), "untouched");
  EXPECT_FALSE(encoded_);
}

TEST_F(StretchTest, OfTwoWithAsManyTheFirstInternedCollapses) {
  Act({"b.one", "a.one", "a.two", "b.two"}, "m");
  EXPECT_EQ(Paths(Encode().size() - 1), "\"b\",\"a.one\",\"a.two\"");
}

TEST_F(StretchTest, NeverCollapsesToNothing) {
  Act({".hidden", "..x"}, "m");
  const size_t whole = Encode().size();
  EXPECT_EQ(Encode(whole - 1), "untouched");
  EXPECT_FALSE(encoded_);
}

TEST_F(StretchTest, CannotEncodePathsThatOverflew) {
  stretch_.Add(1, 17, std::vector<uint32_t>{NameTable::kOverflow}, 0);
  EXPECT_EQ(Encode(), "untouched");
  EXPECT_FALSE(encoded_);
}

TEST_F(StretchTest, TrimsModulesToAQuarter) {
  for (int i = 0; i < 50; ++i) Act({"a.b"}, "module" + std::to_string(i));
  const std::string json = Encode(400);
  ASSERT_TRUE(encoded_);
  EXPECT_LE(json.size(), 400u);
  const size_t start = json.find("\"modules\":[") + 11;
  const std::string modules = json.substr(start, json.size() - start - 2);
  EXPECT_LE(modules.size(), 100u);
  EXPECT_EQ(modules.substr(0, 20), "\"module0\",\"module1\",");
  EXPECT_EQ(modules.back(), '"');
}

TEST_F(StretchTest, ModulesThatOverflewAreLeftOut) {
  stretch_.Add(1, 17, std::vector<uint32_t>{paths_.Intern("a")},
               NameTable::kOverflow);
  EXPECT_NE(Encode().find("\"modules\":[]"), std::string::npos);
  EXPECT_TRUE(encoded_);
}

TEST_F(StretchTest, EscapesNames) {
  Act({"a\"\n.b"}, "m\\");
  EXPECT_EQ(Paths(), "\"a\\\"\\n.b\"");
  EXPECT_NE(Encode().find("[\"m\\\\\"]"), std::string::npos);
}

// Splits a list of names that need no escapes.
std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> names;
  for (size_t at = 0; at < list.size();) {
    const size_t end = list.find('"', at + 1);
    names.push_back(list.substr(at + 1, end - at - 1));
    at = end + 2;
  }
  return names;
}

bool Covers(const std::string& prefix, const std::string& path) {
  return prefix == "*" || prefix == path || path.starts_with(prefix + ".");
}

// However short the event has to be: no stale path is lost, nothing is said
// twice, and the bound holds.
TEST_F(StretchTest, CoversEachPathAtEachLength) {
  Random random(TestSeed());
  for (int round = 0; round < 200; ++round) {
    stretch_ = Stretch();
    std::set<std::string> stale;
    for (uint64_t i = random.Between(1, 40); i > 0; --i) {
      std::string path = "r" + std::to_string(random.Between(0, 6));
      for (uint64_t j = random.Between(0, 2); j > 0; --j) {
        path += ".p" + std::to_string(random.Between(0, 9));
      }
      stale.insert(path);
      Act({path}, path.substr(0, 2));
    }
    const size_t max_bytes = random.Between(120, 900);
    const std::string json = Encode(max_bytes);
    if (!encoded_) {
      EXPECT_LT(max_bytes, 300u);
      continue;
    }
    EXPECT_LE(json.size(), max_bytes);
    const std::vector<std::string> told = Split(Paths(max_bytes));
    for (const std::string& path : stale) {
      EXPECT_TRUE(
          std::any_of(told.begin(), told.end(),
                      [&](const auto& name) { return Covers(name, path); }))
          << path << " is lost in " << json;
    }
    for (size_t a = 0; a < told.size(); ++a) {
      for (size_t b = 0; b < told.size(); ++b) {
        EXPECT_FALSE(a != b && Covers(told[a], told[b])) << json;
      }
    }
  }
}

}  // namespace
}  // namespace pathcast
