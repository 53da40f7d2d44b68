#include "core/action_log.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

EntryRef Action(uint64_t seq, int64_t arrived, int64_t timestamp = 0,
                std::string id = {}) {
  if (id.empty()) id = "a" + std::to_string(seq);
  EntryRef entry = EntryBuilder::Action("e", seq, {"{", "}", {}, {}}, {id, {}});
  entry->arrived_ms = arrived;
  entry->timestamp_ms = timestamp;
  return entry;
}

LogLimits Limits(uint64_t actions, int64_t ttl = 1'000'000,
                 uint64_t bytes = 1u << 30) {
  return {actions, ttl, bytes};
}

TEST(ActionLog, IsEmptyAtFirst) {
  ActionLog log("e", 5);
  EXPECT_EQ(log.head_seq(), 0u);
  EXPECT_EQ(log.first_seq(), 1u);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.FirstSince(0), 1u);
  EXPECT_EQ(log.FindId("a1"), 0u);
  EXPECT_EQ(log.lost_through_ms(), INT64_MIN);
}

TEST(ActionLog, TheOldestGoFirstAndTheHeadStays) {
  ActionLog log("e", 0);
  for (uint64_t seq = 1; seq <= 5; ++seq) log.Append(Action(seq, 10));
  log.Trim(Limits(3), 10);
  EXPECT_EQ(log.first_seq(), 3u);
  EXPECT_EQ(log.head_seq(), 5u);
  EXPECT_EQ(log.FindId("a2"), 0u);
  EXPECT_EQ(log.FindId("a3"), 3u);
  log.Trim(Limits(0), 10);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_EQ(log.first_seq(), 6u);
  log.Append(Action(6, 10));
  EXPECT_EQ(log.At(6)->seq, 6u);
}

TEST(ActionLog, ActionsLiveForTheirTimeFromArrival) {
  ActionLog log("e", 0);
  log.Append(Action(1, 100, 999'999));
  log.Append(Action(2, 150));
  log.Trim(Limits(10, 50), 149);
  EXPECT_EQ(log.size(), 2u);
  log.Trim(Limits(10, 50), 150);
  EXPECT_EQ(log.first_seq(), 2u);
  EXPECT_EQ(log.lost_through_ms(), 999'999);  // the greater of the two
}

TEST(ActionLog, BytesAreWhatWasAddedEvenIfAFrameIsMadeLater) {
  ActionLog log("e", 0);
  log.Append(Action(1, 1));
  const uint64_t one = log.bytes();
  log.Append(Action(2, 1));
  (void)log.At(1)->Frame(true, true, Framing::kRaw, {"{\"json\":", "}"});
  log.Trim(Limits(10, 1000, one), 1);
  EXPECT_EQ(log.first_seq(), 2u);
  EXPECT_EQ(log.bytes(), one);
}

TEST(ActionLog, FirstSinceTakesTheLaterOfTimestampAndArrival) {
  ActionLog log("e", 0);
  log.Append(Action(1, 100, 50));
  log.Append(Action(2, 110, 500));  // a clock that is ahead
  log.Append(Action(3, 120, 115));
  EXPECT_EQ(log.FirstSince(100), 1u);
  EXPECT_EQ(log.FirstSince(101), 2u);
  EXPECT_EQ(log.FirstSince(500), 2u);
  EXPECT_EQ(log.FirstSince(501), 4u);
}

TEST(ActionLog, KeepsToAModelOverManyRandomSteps) {
  Random random(TestSeed());
  ActionLog log("e", 0);
  std::deque<EntryRef> model;
  int64_t now = 0;
  uint64_t seq = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += static_cast<int64_t>(random.Between(0, 3));
    if (random.Between(0, 9) < 8) {
      EntryRef entry = Action(++seq, now);
      model.push_back(entry);
      log.Append(std::move(entry));
    }
    const LogLimits limits =
        Limits(random.Between(100, 400),
               static_cast<int64_t>(random.Between(50, 900)));
    log.Trim(limits, now);
    while (!model.empty() &&
           (model.size() > limits.max_actions ||
            model.front()->arrived_ms + limits.ttl_ms <= now)) {
      EXPECT_EQ(log.FindId(model.front()->id), 0u);
      model.pop_front();
    }
    ASSERT_EQ(log.size(), model.size());
    ASSERT_EQ(log.head_seq(), seq);
    if (model.empty()) continue;
    ASSERT_EQ(log.first_seq(), model.front()->seq);
    ASSERT_EQ(log.At(seq).get(), model.back().get());
    const uint64_t any = random.Between(log.first_seq(), seq);
    ASSERT_EQ(log.FindId("a" + std::to_string(any)), any);
  }
}

}  // namespace
}  // namespace pathcast
