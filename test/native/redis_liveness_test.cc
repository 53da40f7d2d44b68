#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "core/random.h"
#include "redis/backoff.h"
#include "redis/liveness.h"

namespace pathcast::redis {
namespace {

using Verdict = Liveness::Verdict;

constexpr int64_t kMs = 1000;

// Looks each 25 ms from `from` to `to`, both in ms; the last verdict.
Verdict LookUntil(Liveness* liveness, int64_t from, int64_t to,
                  int64_t last_read, std::optional<int64_t> owed_since,
                  std::optional<Liveness::Partial> partial = {}) {
  Verdict verdict = Verdict::kFine;
  for (int64_t now = from; now <= to; now += 25) {
    verdict =
        liveness->Look(now * kMs, last_read * kMs,
                       owed_since ? *owed_since * kMs : owed_since, partial);
  }
  return verdict;
}

TEST(RedisLivenessTest, ProbesAQuietConnection) {
  Liveness liveness(200, 100);
  EXPECT_EQ(liveness.LookMs(), 25);
  liveness.Begin(0);
  EXPECT_EQ(LookUntil(&liveness, 25, 175, 0, std::nullopt), Verdict::kFine);
  EXPECT_EQ(LookUntil(&liveness, 200, 200, 0, std::nullopt), Verdict::kProbe);
  EXPECT_EQ(LookUntil(&liveness, 225, 350, 160, std::nullopt), Verdict::kFine);
}

TEST(RedisLivenessTest, WhoOwesAnAnswerAndSaysNothingIsSilent) {
  Liveness liveness(200, 100);
  liveness.Begin(0);
  EXPECT_EQ(LookUntil(&liveness, 25, 125, 0, 50), Verdict::kFine);
  EXPECT_EQ(LookUntil(&liveness, 150, 150, 0, 50), Verdict::kSilent);
  // A byte is a sign of life, however old the debt.
  EXPECT_EQ(LookUntil(&liveness, 175, 225, 150, 50), Verdict::kFine);
  EXPECT_EQ(LookUntil(&liveness, 250, 250, 150, 50), Verdict::kSilent);
}

TEST(RedisLivenessTest, TimeThatNobodyWatchedDoesNotCount) {
  Liveness liveness(200, 100);
  liveness.Begin(0);
  EXPECT_EQ(LookUntil(&liveness, 25, 25, 0, 0), Verdict::kFine);
  // Away for an hour.
  constexpr int64_t kBack = 3'600'000;
  EXPECT_EQ(LookUntil(&liveness, kBack, kBack + 75, 0, 0), Verdict::kFine);
  EXPECT_EQ(LookUntil(&liveness, kBack + 100, kBack + 100, 0, 0),
            Verdict::kSilent);
}

TEST(RedisLivenessTest, AReplyThatBeganHasToEnd) {
  const Liveness::Partial begun{.since = 50 * kMs, .bytes = 10};
  // Of a subscription nothing is owed, and bytes come all the time.
  for (const std::optional<int64_t> owed : {std::optional<int64_t>(), {0}}) {
    Liveness liveness(200, 100);
    liveness.Begin(0);
    for (int64_t now = 25; now < 250; now += 25) {
      EXPECT_EQ(LookUntil(&liveness, now, now, now, owed, begun),
                Verdict::kFine);
    }
    EXPECT_EQ(LookUntil(&liveness, 250, 250, 250, owed, begun),
              Verdict::kEndless);
  }
  // A long one has more time: 16 KiB a second.
  Liveness liveness(200, 100);
  liveness.Begin(0);
  const Liveness::Partial more{.since = 50 * kMs, .bytes = 16 << 10};
  for (int64_t now = 25; now < 1'250; now += 25)
    EXPECT_EQ(LookUntil(&liveness, now, now, now, 0, more), Verdict::kFine);
  EXPECT_EQ(LookUntil(&liveness, 1'250, 1'250, 1'250, 0, more),
            Verdict::kEndless);
  // What nobody watched does not count here either.
  EXPECT_EQ(LookUntil(&liveness, 9'000, 9'000, 9'000, 0, begun),
            Verdict::kFine);
}

TEST(RedisLivenessTest, WaitsSpreadBelowABoundThatDoubles) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    Backoff backoff(10, 100);
    for (const int64_t bound : {10, 20, 40, 80, 100, 100}) {
      const int64_t wait = backoff.NextMs(&random);
      EXPECT_GE(wait, 1);
      EXPECT_LE(wait, bound);
    }
    backoff.Reset();
    EXPECT_LE(backoff.NextMs(&random), 10);
  }
  // Full jitter: every value of the last bound comes, and none doubles past it.
  Backoff backoff(1, 20);
  std::set<int64_t> seen;
  for (int i = 0; i < 2'000; ++i) seen.insert(backoff.NextMs(&random));
  EXPECT_EQ(seen.size(), 20u);
}

}  // namespace
}  // namespace pathcast::redis
