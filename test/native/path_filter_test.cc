// Streams that ask for query paths: lib/internal/engine.ts, EngineFilter.
#include "core/path_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/filter.h"
#include "core/random.h"
#include "core_world.h"
#include "naive_paths.h"
#include "seed.h"

namespace pathcast {
namespace {

using Strings = std::vector<std::string>;

// Actions of one hub, held against filters.
class Paths : public ::testing::Test {
 protected:
  EntryRef Action(const Strings& paths) {
    return world_.MakeAction(channel_, {.paths = paths});
  }
  bool Passes(const Filter& filter, const EntryRef& action) {
    return filter.Passes(*action, channel_.names().paths);
  }
  bool Passes(const Strings& filter, const Strings& action) {
    return Passes(Filter{FilterSpec{.query_paths = filter}}, Action(action));
  }

  World world_;
  Channel channel_{"acme", "e", 0};
};

TEST_F(Paths, MeetWhereOneIsTheOtherAboveItOrBelowIt) {
  EXPECT_TRUE(Passes({"guests.getAll"}, {"guests.getAll"}));
  EXPECT_TRUE(Passes({"guests"}, {"guests.getAll"}));
  EXPECT_TRUE(Passes({"guests.getAll"}, {"guests"}));
  EXPECT_TRUE(Passes({"a.b.c.d"}, {"a.b"}));
  EXPECT_TRUE(Passes({"a"}, {"a.b.c.d"}));
  EXPECT_TRUE(Passes({"budget", "guests"}, {"timeline", "guests.byId"}));
  EXPECT_FALSE(Passes({"guests.getAll"}, {"guests.byId"}));
  EXPECT_FALSE(Passes({"guest"}, {"guests"}));
  EXPECT_FALSE(Passes({"guests"}, {"guest.guests"}));
  EXPECT_FALSE(Passes({"a.b"}, {"a.c", "b"}));
}

TEST_F(Paths, StarMeetsEverything) {
  EXPECT_TRUE(Passes({"*"}, {"guests.getAll"}));
  EXPECT_TRUE(Passes({"guests.getAll"}, {"*"}));
  EXPECT_TRUE(Passes({"*"}, {"*"}));
}

TEST_F(Paths, NoPathMeetsNothing) {
  EXPECT_FALSE(Passes(Strings{}, {"guests"}));
  EXPECT_FALSE(Passes(Strings{}, {"*"}));
  EXPECT_FALSE(Passes({"*"}, Strings{}));
}

TEST_F(Paths, TheOtherRulesHoldToo) {
  const Filter filter{
      FilterSpec{.modules = {{"budget"}}, .query_paths = Strings{"guests"}}};
  EXPECT_FALSE(Passes(filter, Action({"guests.getAll"})));
  const Filter only{FilterSpec{.query_paths = Strings{"guests"}}};
  EXPECT_GT(only.Bytes(), 0u);
}

TEST_F(Paths, NamesThatComeLaterAreFound) {
  // Nobody has named `a.b` or `a` when the action is made and first asked
  // about.
  const EntryRef action = Action({"a.b.c"});
  const Filter other{FilterSpec{.query_paths = Strings{"x"}}};
  EXPECT_FALSE(Passes(other, action));
  const Filter above{FilterSpec{.query_paths = Strings{"a.b"}}};
  EXPECT_TRUE(Passes(above, action));
  EXPECT_FALSE(Passes(other, action));
  // And the other way round: the filter has been asked before `p` has a name.
  const Filter below{FilterSpec{.query_paths = Strings{"p.q.r"}}};
  EXPECT_FALSE(Passes(below, action));
  EXPECT_TRUE(Passes(below, Action({"p"})));
  EXPECT_TRUE(Passes(below, Action({"*"})));
}

TEST_F(Paths, WhatFoundNoPlaceMeetsEverything) {
  const EntryRef known = Action({"known.path"});
  const Filter early{FilterSpec{.query_paths = Strings{"early"}}};
  EXPECT_FALSE(Passes(early, known));
  for (uint32_t i = 0; i < kMaxPathNames; ++i) {
    (void)channel_.PathId(world_.context, "junk" + std::to_string(i));
  }
  const EntryRef nameless = Action({"nameless.path"});
  EXPECT_TRUE(Passes(early, nameless));
  EXPECT_FALSE(Passes(early, known));
  const Filter late{FilterSpec{.query_paths = Strings{"late"}}};
  EXPECT_FALSE(Passes(late, known));
  EXPECT_FALSE(Passes(Filter{FilterSpec{.query_paths = Strings{}}}, nameless));
  // Names of the bound router have a place all the same.
  world_.context.router_paths = {"guests.getAll"};
  EXPECT_FALSE(Passes(early, Action({"guests.getAll"})));
  // And so has everything in another tenant.
  Channel other("other", "e2", 0);
  const EntryRef elsewhere = world_.MakeAction(other, {.paths = {"new.path"}});
  EXPECT_FALSE(early.Passes(*elsewhere, other.names().paths));
}

TEST_F(Paths, AFilterTakesNoNamesAndFewBytes) {
  const EntryRef action = Action({"a.b"});
  for (int i = 0; i < 1'000; ++i) {
    (void)channel_.PathId(world_.context, "name" + std::to_string(i));
  }
  const uint32_t names = channel_.names().paths.size();
  const Filter one{FilterSpec{.query_paths = Strings{"guests.getAll"}}};
  EXPECT_FALSE(Passes(one, action));
  const size_t asked = one.Bytes();
  Strings many;
  for (int i = 0; i < 256; ++i) {
    many.push_back("client" + std::to_string(i) + ".made.up");
  }
  const Filter large{FilterSpec{.query_paths = many}};
  EXPECT_FALSE(Passes(large, action));
  EXPECT_EQ(channel_.names().paths.size(), names);
  // Its text; the hash of the path, and of it, `guests` and `*`.
  EXPECT_EQ(asked - Filter{FilterSpec{.query_paths = Strings{}}}.Bytes(),
            sizeof(std::string) + 32u);
  EXPECT_LE(large.Bytes() - asked, 256u * (sizeof(std::string) + 32 + 8 * 4));
}

TEST_F(Paths, LargeSidesMeetAsSmallOnesDo) {
  Random random(TestSeed());
  Strings names;
  for (int i = 0; i < 300; ++i) {
    names.push_back("m" + std::to_string(i % 20) + ".q" + std::to_string(i));
  }
  for (int round = 0; round < 300; ++round) {
    const auto some = [&](size_t count) {
      Strings picked;
      for (size_t i = 0; i < count; ++i) {
        picked.push_back(names[random.Between(0, names.size() - 1)]);
      }
      return picked;
    };
    const Strings wanted = some(random.Between(1, 256));
    const Strings had = some(random.Between(1, 256));
    const bool meet =
        std::any_of(wanted.begin(), wanted.end(), [&](const auto& path) {
          return std::find(had.begin(), had.end(), path) != had.end();
        });
    ASSERT_EQ(Passes(wanted, had), meet);
  }
}

TEST_F(Paths, AStreamGetsWhatMeetsAndAConflatedStretchHoldsNoMore) {
  const FilterSpec filter{.query_paths = Strings{"guests"}};
  world_.context.options.connection_cap_bytes = 300;
  Client client(world_, channel_, kPlain, {}, &filter);
  world_.Publish(channel_, {.paths = {"budget.list"}});
  world_.Publish(channel_, {.paths = {"guests.byId", "hotels.list"}});
  world_.FanOut(channel_);
  ASSERT_EQ(client.Events().size(), 1u);
  EXPECT_EQ(client.Events()[0].Number("seq"), 2u);

  client.sink.room = 0;
  for (int i = 0; i < 10; ++i) {
    world_.Publish(channel_, {.paths = {"guests.getAll"}});
    world_.Publish(channel_, {.paths = {"budget.list"}});
  }
  world_.FanOut(channel_);
  client.Unblock();
  ASSERT_EQ(client.Events().size(), 2u);
  const SseMessage invalidate = client.Events()[1];
  EXPECT_EQ(invalidate.type(), "invalidate");
  EXPECT_EQ(invalidate.Number("count"), 10u);
  EXPECT_NE(invalidate.data.find("[\"guests.getAll\"]"), std::string::npos)
      << invalidate.data;
}

TEST_F(Paths, ACatchUpHoldsWhatMeets) {
  world_.Publish(channel_, {.paths = {"guests.getAll"}});
  world_.Publish(channel_, {.paths = {"budget.list"}});
  world_.Publish(channel_, {.paths = {"*"}});
  const FilterSpec filter{.query_paths = Strings{"guests.getAll.x"}};
  Client client(world_, channel_, kPlain, {"e.0", false, 0}, &filter);
  ASSERT_EQ(client.Events().size(), 2u);
  EXPECT_EQ(client.Events()[0].Number("seq"), 1u);
  EXPECT_EQ(client.Events()[1].Number("seq"), 3u);
}

TEST_F(Paths, AgreeWithTheNaiveReading) {
  Random random(TestSeed());
  for (int round = 0; round < 30; ++round) {
    World world;
    struct Asked {
      Strings paths;
      EntryRef entry;
    };
    std::vector<Asked> actions;
    std::vector<std::pair<Strings, Filter>> filters;
    const auto some = [&] {
      Strings paths = RandomQueries(&random, 4);
      if (random.Between(0, 9) == 0) paths.push_back("*");
      return paths;
    };
    // Both sides come as they come, and each is asked again and again.
    for (int i = 0; i < 20; ++i) {
      if (random.Between(0, 1) == 0) {
        const Strings paths = some();
        actions.push_back(
            {paths, world.MakeAction(channel_, {.paths = paths})});
      } else {
        const Strings paths = some();
        filters.emplace_back(paths, Filter{FilterSpec{.query_paths = paths}});
      }
      for (const auto& [wanted, filter] : filters) {
        for (const Asked& action : actions) {
          const bool meet = std::any_of(
              wanted.begin(), wanted.end(), [&](const std::string& want) {
                return std::any_of(action.paths.begin(), action.paths.end(),
                                   [&](const std::string& path) {
                                     return Covers(want, path) ||
                                            Covers(path, want);
                                   });
              });
          ASSERT_EQ(filter.Passes(*action.entry, channel_.names().paths), meet);
        }
      }
    }
  }
}

}  // namespace
}  // namespace pathcast
