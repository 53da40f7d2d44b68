// Histogram, Random and Clock: the small parts that measure.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/clock.h"
#include "core/histogram.h"
#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

TEST(HistogramTest, BoundsAreInclusiveAndGrow) {
  for (size_t i = 1; i < Histogram::kBoundsUs.size(); ++i) {
    EXPECT_LT(Histogram::kBoundsUs[i - 1], Histogram::kBoundsUs[i]);
  }
  Histogram histogram;
  for (size_t i = 0; i < Histogram::kBoundsUs.size(); ++i) {
    const auto bound = static_cast<int64_t>(Histogram::kBoundsUs[i]);
    histogram.Record(bound);
    EXPECT_EQ(histogram.count(i), i == 0 ? 1u : 2u);
    histogram.Record(bound + 1);
    EXPECT_EQ(histogram.count(i + 1), 1u);
  }
}

TEST(HistogramTest, SumsAndCounts) {
  Histogram histogram;
  histogram.Record(-5);
  histogram.Record(0);
  histogram.Record(10);
  histogram.Record(int64_t{60} * 1000 * 1000);
  EXPECT_EQ(histogram.count(0), 3u);
  EXPECT_EQ(histogram.count(Histogram::kBuckets - 1), 1u);
  EXPECT_EQ(histogram.total(), 4u);
  EXPECT_EQ(histogram.sum_us(), 60'000'010u);
}

TEST(RandomTest, IsTheSameForTheSameSeed) {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    differs = differs || value != c.Next();
  }
  EXPECT_TRUE(differs);
  EXPECT_NE(Random::SystemSeed(), Random::SystemSeed());
}

TEST(RandomTest, StaysInItsRangeAndReachesBothEnds) {
  Random random(TestSeed());
  std::set<uint64_t> seen;
  for (int i = 0; i < 2000; ++i) seen.insert(random.Between(3, 9));
  EXPECT_EQ(seen, (std::set<uint64_t>{3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(random.Between(5, 5), 5u);
  random.Between(0, UINT64_MAX);
  seen.clear();
  for (int i = 0; i < 2000; ++i) seen.insert(random.Jitter(10));
  EXPECT_EQ(*seen.begin(), 5u);
  EXPECT_EQ(*seen.rbegin(), 15u);
  EXPECT_EQ(random.Jitter(0), 0u);
  EXPECT_EQ(random.Jitter(1), 1u);
}

TEST(RandomTest, MakesHexIds) {
  Random random(TestSeed());
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random.HexId(12);
    EXPECT_EQ(id.size(), 12u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_EQ(random.HexId(40).size(), 40u);
  EXPECT_EQ(random.HexId(0), "");
}

TEST(ClockTest, TheMachinesClocksDoNotGoBack) {
  MachineClock clock;
  int64_t ms = clock.NowMs();
  int64_t us = clock.NowUs();
  EXPECT_GT(ms, int64_t{1'600'000'000'000});
  for (int i = 0; i < 1000; ++i) {
    const int64_t next_ms = clock.NowMs();
    const int64_t next_us = clock.NowUs();
    EXPECT_GE(next_ms, ms);
    EXPECT_GE(next_us, us);
    ms = next_ms;
    us = next_us;
  }
}

TEST(ClockTest, TheManualOneMovesWhenTold) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.NowMs(), 1000);
  EXPECT_EQ(clock.NowUs(), 1'000'000);
  clock.AdvanceUs(999);
  EXPECT_EQ(clock.NowMs(), 1000);
  clock.AdvanceMs(5);
  EXPECT_EQ(clock.NowMs(), 1005);
}

TEST(ClockTest, AJumpMovesTheWallAloneAndTheHubsNeverGoesBack) {
  ManualClock clock(1000);
  clock.JumpMs(500);
  EXPECT_EQ(clock.WallMs(), 1500);
  EXPECT_EQ(clock.NowMs(), 1500);
  EXPECT_EQ(clock.NowUs(), 1'000'000);
  clock.JumpMs(-700);
  EXPECT_EQ(clock.WallMs(), 800);
  EXPECT_EQ(clock.NowMs(), 1500);
  clock.AdvanceMs(1);
  EXPECT_EQ(clock.NowUs(), 1'001'000);
}

}  // namespace
}  // namespace pathcast
