// Memory goes back. `shrink_to_fit` is a no-op where exceptions are off, which
// they are in src: what claims to give something back is measured here.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/action_log.h"
#include "core/filter.h"
#include "core/shrink.h"
#include "core_world.h"

namespace pathcast {
namespace {

TEST(Memory, ShrinkToFitIsExact) {
  std::vector<std::string> strings(1'000, "a text that does not fit inside");
  strings.resize(3);
  ShrinkToFit(&strings);
  EXPECT_EQ(strings.capacity(), 3u);
  EXPECT_EQ(strings.back(), "a text that does not fit inside");
  strings.clear();
  ShrinkToFit(&strings);
  EXPECT_EQ(strings.capacity(), 0u);
}

TEST(Memory, AFilterHasNoRoomToSpare) {
  std::vector<std::string> modules;
  for (int i = 0; i < 1'000; ++i) modules.emplace_back("m");
  const Filter filter{FilterSpec{.modules = modules}};
  const Filter one{FilterSpec{.modules = {{"m"}}}};
  EXPECT_EQ(filter.Bytes(), one.Bytes());
}

class ChannelMemory : public ::testing::Test {
 protected:
  void Expire() {
    world_.Advance(world_.context.options.log.ttl_ms + 1);
    channel_.TrimLog(world_.context);
  }

  World world_;
  Channel channel_{"acme", "e1", 0};
};

TEST_F(ChannelMemory, AnIdleOneWhoseActionsAreGoneIsAsOneThatNeverHadAny) {
  {
    Client client(world_, channel_);
    world_.Publish(channel_, {}, 1'000);
    world_.FanOut(channel_);
    EXPECT_GT(channel_.TableBytes(), 16'000u);
  }
  Expire();
  EXPECT_EQ(channel_.log().size(), 0u);
  EXPECT_LT(channel_.TableBytes(), 64u);
  // It goes on where it was.
  world_.Publish(channel_);
  EXPECT_EQ(channel_.log().head_seq(), 1'001u);
}

TEST_F(ChannelMemory, AnImportLeavesAWindowOfItsOldSize) {
  world_.context.options.log.max_actions = 100;
  Client client(world_, channel_);
  world_.Publish(channel_, {}, 10'000);
  EXPECT_GT(channel_.TableBytes(), 10'000u * 8);
  world_.FanOut(channel_);
  // What is left: 100 places, twice over at most, and as many buckets.
  EXPECT_LT(channel_.TableBytes(), 6'000u);
}

TEST_F(ChannelMemory, AWindowThatIsNeverEmptyShrinksToo) {
  world_.context.options.log.max_actions = 10;
  Client client(world_, channel_);
  world_.Publish(channel_, {}, 10'000);
  SliceBudget budget;
  budget.visits = 1;
  // The pass begins, one more comes, the pass ends.
  Client second(world_, channel_);
  EXPECT_FALSE(channel_.RunSlice(world_.context, budget));
  world_.Publish(channel_);
  EXPECT_FALSE(channel_.RunSlice(world_.context, budget));
  EXPECT_TRUE(channel_.needs_pass());
  EXPECT_LT(channel_.TableBytes(), 6'000u);
}

TEST_F(ChannelMemory, ALogThatWasMuchLongerGivesItsPlacesBack) {
  world_.Publish(channel_, {}, 1'000);
  world_.Advance(1'000);
  world_.Publish(channel_, {}, 70);
  world_.FanOut(channel_);
  const size_t before = channel_.log().TableBytes();
  world_.Advance(world_.context.options.log.ttl_ms - 500);
  channel_.TrimLog(world_.context);
  EXPECT_EQ(channel_.log().size(), 70u);
  EXPECT_LT(channel_.log().TableBytes(), before / 4);
  EXPECT_EQ(channel_.log().FindId("acme-1001"), 1'001u);
  EXPECT_EQ(channel_.log().At(1'070)->seq, 1'070u);
}

// SPEC §1: what is kept is bounded by bytes of JSON, whatever the bytes around.
TEST_F(ChannelMemory, TheLogCountsBytesOfJson) {
  uint64_t json = 0;
  for (int i = 0; i < 50; ++i) {
    world_.Publish(channel_, {.data = "\"" + std::string(i * 7, 'x') + "\""});
    json += channel_.log().At(channel_.log().head_seq())->Json().size();
    EXPECT_EQ(channel_.log().bytes(), json);
    EXPECT_EQ(world_.metrics.log_bytes.Get(), json);
  }
  world_.context.options.log.max_bytes = json - 1;
  channel_.TrimLog(world_.context);
  EXPECT_EQ(channel_.log().size(), 49u);
  Expire();
  EXPECT_EQ(world_.metrics.log_bytes.Get(), 0u);
}

TEST_F(ChannelMemory, CatchUpsAreRememberedForThirtyTwoPositionsOfAllTenants) {
  world_.context.options.compact_after = 2;
  world_.Publish(channel_, {}, 60);
  world_.FanOut(channel_);
  for (int i = 0; i < 50; ++i) {
    Client client(world_, channel_, kPlain, {"e1." + std::to_string(i)});
    EXPECT_EQ(client.Events().back().Number("from"),
              static_cast<uint64_t>(i + 1));
  }
  EXPECT_EQ(world_.context.catch_ups.size(), CatchUpCache::kUnions);
}

}  // namespace
}  // namespace pathcast
