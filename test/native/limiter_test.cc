#include "core/limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "alive.h"

namespace pathcast {
namespace {

constexpr LimiterOptions kReject{.max_per_user = 2, .max_per_tenant = 3};
constexpr LimiterOptions kEvict{
    .max_per_user = 2, .max_per_tenant = 3, .evict_oldest = true};

LeaseRequest Ask(std::string_view tenant, std::string_view user,
                 int64_t now_ms = 0) {
  return LeaseRequest{.tenant = tenant,
                      .user = user,
                      .instance = {},
                      .evictable = true,
                      .now_ms = now_ms};
}

LeaseRequest AskAs(std::string_view tenant, std::string_view user,
                   std::string_view instance, int64_t now_ms = 0) {
  LeaseRequest request = Ask(tenant, user, now_ms);
  request.instance = instance;
  return request;
}

LeaseRequest AskToKeep(std::string_view tenant, std::string_view user) {
  LeaseRequest request = Ask(tenant, user);
  request.evictable = false;
  return request;
}

TEST(LimiterTest, RefusesTheUserBeforeTheTenant) {
  Limiter limiter(kReject);
  EXPECT_NE(limiter.Acquire(Ask("acme", "ann")).lease, 0u);
  EXPECT_NE(limiter.Acquire(Ask("acme", "ann")).lease, 0u);
  const AdmissionResult user = limiter.Acquire(Ask("acme", "ann"));
  EXPECT_EQ(user.admission, Admission::kUserLimit);
  EXPECT_EQ(user.lease, 0u);
  EXPECT_EQ(user.limit, 2u);
  EXPECT_EQ(user.current, 2u);
  EXPECT_EQ(limiter.Acquire(Ask("acme", "bob")).admission,
            Admission::kAdmitted);
  EXPECT_EQ(limiter.Acquire(Ask("acme", "ann")).admission,
            Admission::kUserLimit);
  const AdmissionResult tenant = limiter.Acquire(Ask("acme", "bob"));
  EXPECT_EQ(tenant.admission, Admission::kTenantLimit);
  EXPECT_EQ(tenant.limit, 3u);
  EXPECT_EQ(tenant.current, 3u);
  EXPECT_EQ(limiter.HeldTotal(), 3u);
  EXPECT_EQ(limiter.HeldByTenant("acme"), 3u);
  EXPECT_EQ(limiter.HeldByUser("acme", "ann"), 2u);
  EXPECT_EQ(limiter.HeldByUser("acme", "eve"), 0u);
  EXPECT_EQ(limiter.HeldByTenant("other"), 0u);
}

TEST(LimiterTest, RefusedNewcomersLeaveNoResidue) {
  Limiter limiter(LimiterOptions{.max_per_tenant = 1});
  ASSERT_NE(limiter.Acquire(Ask("acme", "ann")).lease, 0u);
  const size_t bytes = limiter.Bytes();
  EXPECT_EQ(limiter.Acquire(Ask("acme", "bob")).lease, 0u);
  EXPECT_EQ(limiter.Bytes(), bytes);
}

TEST(LimiterTest, ReleasesOnce) {
  Alive alive;
  Limiter limiter(kReject);
  const uint64_t first = limiter.Acquire(Ask("acme", "ann")).lease;
  EXPECT_TRUE(limiter.Release(first));
  EXPECT_FALSE(limiter.Release(first));
  EXPECT_FALSE(limiter.Release(0));
  EXPECT_FALSE(limiter.Release(UINT64_MAX));
  // The slot is used again, the old name of it is not.
  const uint64_t second = limiter.Acquire(Ask("acme", "ann")).lease;
  EXPECT_NE(second, first);
  EXPECT_FALSE(limiter.Release(first));
  EXPECT_EQ(limiter.HeldTotal(), 1u);
  alive.Touch(&limiter, first, 5);
  EXPECT_TRUE(limiter.Release(second));
  EXPECT_EQ(limiter.HeldTotal(), 0u);
}

TEST(LimiterTest, NoTwoPairsShareACount) {
  Limiter limiter(LimiterOptions{.max_per_user = 1});
  const std::pair<std::string, std::string> pairs[] = {
      {"a:b", "c"},
      {"a", "b:c"},
      {"a", ""},
      {"", "a"},
      {"ab", "c"},
      {"a", "bc"},
      {"__proto__", "x"},
      {"{x}", "x"},
      {std::string("a\0", 2), "b"},
      {"a", std::string("\0b", 2)},
      {"", ""}};
  std::vector<uint64_t> leases;
  for (const auto& [tenant, user] : pairs) {
    leases.push_back(limiter.Acquire(Ask(tenant, user)).lease);
    EXPECT_NE(leases.back(), 0u) << tenant << '/' << user;
  }
  for (const auto& [tenant, user] : pairs) {
    EXPECT_EQ(limiter.HeldByUser(tenant, user), 1u) << tenant << '/' << user;
  }
  for (const uint64_t lease : leases) EXPECT_TRUE(limiter.Release(lease));
  EXPECT_EQ(limiter.HeldTotal(), 0u);
}

TEST(LimiterTest, ZeroMeansNoLimit) {
  Limiter limiter(LimiterOptions{});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NE(limiter.Acquire(Ask("acme", "ann")).lease, 0u);
  }
  EXPECT_EQ(limiter.HeldByUser("acme", "ann"), 1000u);
}

TEST(LimiterTest, AnInstanceReplacesItselfEvenAtTheLimit) {
  Limiter limiter(kReject);
  const uint64_t old = limiter.Acquire(AskAs("acme", "ann", "tab")).lease;
  ASSERT_NE(limiter.Acquire(Ask("acme", "ann")).lease, 0u);
  ASSERT_NE(limiter.Acquire(Ask("acme", "bob")).lease, 0u);
  const AdmissionResult again = limiter.Acquire(AskAs("acme", "ann", "tab"));
  EXPECT_EQ(again.admission, Admission::kAdmitted);
  EXPECT_EQ(again.replaced, std::vector<uint64_t>{old});
  EXPECT_TRUE(again.evicted.empty());
  EXPECT_FALSE(limiter.Release(old));
  EXPECT_EQ(limiter.HeldTotal(), 3u);
}

TEST(LimiterTest, AnInstanceIsOneOfItsUserAndTenant) {
  Limiter limiter(LimiterOptions{});
  limiter.Acquire(AskAs("acme", "ann", "tab"));
  EXPECT_TRUE(limiter.Acquire(AskAs("acme", "bob", "tab")).replaced.empty());
  EXPECT_TRUE(limiter.Acquire(AskAs("beta", "ann", "tab")).replaced.empty());
  EXPECT_TRUE(limiter.Acquire(AskAs("acme", "ann", "tab2")).replaced.empty());
  EXPECT_EQ(limiter.Acquire(AskAs("acme", "ann", "tab")).replaced.size(), 1u);
}

TEST(LimiterTest, ALoneInstanceReplacesItselfThoughItsRecordsGo) {
  Limiter limiter(kEvict);
  uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const AdmissionResult result = limiter.Acquire(AskAs("a", "b", "tab", i));
    EXPECT_EQ(result.replaced,
              i == 0 ? std::vector<uint64_t>{} : std::vector<uint64_t>{last});
    last = result.lease;
    EXPECT_EQ(limiter.HeldTotal(), 1u);
  }
}

TEST(LimiterTest, EvictsTheLeastRecentlyAliveOfTheUser) {
  Alive alive;
  Limiter limiter(kEvict);
  const uint64_t first = limiter.Acquire(Ask("acme", "ann", 10)).lease;
  const uint64_t second = limiter.Acquire(Ask("acme", "ann", 20)).lease;
  limiter.Acquire(Ask("acme", "bob", 1));
  alive.Touch(&limiter, first, 30);
  const AdmissionResult result = limiter.Acquire(Ask("acme", "ann", 40));
  EXPECT_EQ(result.admission, Admission::kAdmitted);
  EXPECT_EQ(result.evicted, std::vector<uint64_t>{second});
  EXPECT_EQ(limiter.HeldTotal(), 3u);
  EXPECT_FALSE(limiter.Release(second));
}

TEST(LimiterTest, EvictsTheLeastRecentlyAliveOfTheTenant) {
  Alive alive;
  Limiter limiter(kEvict);
  const uint64_t ann = limiter.Acquire(Ask("acme", "ann", 10)).lease;
  const uint64_t bob = limiter.Acquire(Ask("acme", "bob", 20)).lease;
  const uint64_t eve = limiter.Acquire(Ask("acme", "eve", 30)).lease;
  alive.Touch(&limiter, ann, 50);
  alive.Touch(&limiter, bob, 40);
  EXPECT_EQ(limiter.Acquire(Ask("acme", "dan", 60)).evicted,
            std::vector<uint64_t>{eve});
  EXPECT_EQ(limiter.Acquire(Ask("acme", "fay", 60)).evicted,
            std::vector<uint64_t>{bob});
  EXPECT_EQ(limiter.HeldByTenant("acme"), 3u);
}

// So many stale entries that the order is rebuilt at once.
TEST(LimiterTest, FindsTheOldestAfterEverybodyWasAlive) {
  constexpr uint32_t kCount = 300;
  Alive alive;
  Limiter limiter(
      LimiterOptions{.max_per_tenant = kCount, .evict_oldest = true});
  std::vector<uint64_t> leases;
  for (uint32_t i = 0; i < kCount; ++i) {
    const std::string user = "u" + std::to_string(i);
    leases.push_back(limiter.Acquire(Ask("acme", user, 0)).lease);
  }
  // Alive in the reverse of the order they came in, the last two at once.
  for (uint32_t i = 0; i < kCount; ++i) {
    alive.Touch(&limiter, leases[i], std::max<int64_t>(kCount - i, 2));
  }
  std::vector<uint64_t> expected = {leases[kCount - 2], leases[kCount - 1]};
  for (uint32_t i = kCount - 2; i-- > 0;) expected.push_back(leases[i]);
  for (const uint64_t oldest : expected) {
    EXPECT_EQ(limiter.Acquire(Ask("acme", "new", 1000)).evicted,
              std::vector<uint64_t>{oldest});
  }
}

TEST(LimiterTest, ALifeBeforeTheLeaseDoesNotCount) {
  // What a stream has not written yet says nothing: its lease says when it
  // came.
  const int64_t written_by_first = 7;
  const int64_t written_by_second = 5;
  Limiter limiter(LimiterOptions{.max_per_user = 2, .evict_oldest = true});
  const uint64_t first =
      limiter
          .Acquire(
              {.tenant = "acme", .user = "ann", .instance = {}, .now_ms = 10})
          .lease;
  const uint64_t second =
      limiter
          .Acquire(
              {.tenant = "acme", .user = "ann", .instance = {}, .now_ms = 20})
          .lease;
  limiter.Watch(first, &written_by_first);
  limiter.Watch(second, &written_by_second);
  const AdmissionResult third = limiter.Acquire(
      {.tenant = "acme", .user = "ann", .instance = {}, .now_ms = 30});
  EXPECT_EQ(third.evicted, std::vector<uint64_t>{first});
}

TEST(LimiterTest, TimeThatGoesBackMovesNothing) {
  Alive alive;
  Limiter limiter(LimiterOptions{.max_per_tenant = 2, .evict_oldest = true});
  const uint64_t ann = limiter.Acquire(Ask("acme", "ann", 10)).lease;
  limiter.Acquire(Ask("acme", "bob", 20));
  alive.Touch(&limiter, ann, 30);
  alive.Touch(&limiter, ann, 5);
  EXPECT_NE(limiter.Acquire(Ask("acme", "eve", 40)).evicted,
            std::vector<uint64_t>{ann});
}

TEST(LimiterTest, OfTwoEquallyOldTheLongerHeldGoes) {
  Limiter limiter(kEvict);
  const uint64_t first = limiter.Acquire(Ask("acme", "ann", 10)).lease;
  limiter.Acquire(Ask("acme", "ann", 10));
  EXPECT_EQ(limiter.Acquire(Ask("acme", "ann", 10)).evicted,
            std::vector<uint64_t>{first});
}

TEST(LimiterTest, NeverEvictsWhatTheCallerHolds) {
  Limiter limiter(kEvict);
  limiter.Acquire(AskToKeep("acme", "ann"));
  limiter.Acquire(AskToKeep("acme", "ann"));
  EXPECT_EQ(limiter.Acquire(Ask("acme", "ann")).admission,
            Admission::kUserLimit);
  limiter.Acquire(AskToKeep("acme", "bob"));
  EXPECT_EQ(limiter.Acquire(Ask("acme", "bob")).admission,
            Admission::kTenantLimit);
  // What is held by hand may evict a stream, though.
  Limiter other(LimiterOptions{.max_per_tenant = 1, .evict_oldest = true});
  other.Acquire(Ask("acme", "ann"));
  EXPECT_EQ(other.Acquire(AskToKeep("acme", "bob")).evicted.size(), 1u);
}

TEST(LimiterTest, TenThousandInOneTenantStaySmallAndLeaveNothing) {
  for (const bool evict : {false, true}) {
    Alive alive;
    Limiter limiter(LimiterOptions{.evict_oldest = evict});
    constexpr int kCount = 10000;
    std::vector<uint64_t> leases;
    for (int i = 0; i < kCount; ++i) {
      const std::string id = "1b4e28ba-2fa1-11d2-883f-" + std::to_string(i);
      leases.push_back(limiter.Acquire(AskAs("acme", id, id, i)).lease);
    }
    EXPECT_LE(limiter.Bytes() / kCount, 200u);
    for (const uint64_t lease : leases) alive.Touch(&limiter, lease, kCount);
    for (const uint64_t lease : leases) EXPECT_TRUE(limiter.Release(lease));
    EXPECT_EQ(limiter.HeldTotal(), 0u);
    EXPECT_EQ(limiter.Bytes(), 0u);
  }
}

}  // namespace
}  // namespace pathcast
