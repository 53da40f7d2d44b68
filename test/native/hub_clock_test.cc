// The machine's clock is set, by a lot and either way: who may listen goes by
// what it says now, and nothing that waits a while notices.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "hub_harness.h"

namespace pathcast {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kWeekMs = 7 * 24 * kHourMs;

class HubClock : public testing::Test {
 protected:
  Browser OpenUntil(int64_t expires_at_ms) {
    StreamRequest request = hub_.Request();
    request.expires_at_ms = expires_at_ms;
    return hub_.Open(std::move(request));
  }

  TestClock clock_;
  TestHub hub_{[this](HubOptions& o) {
    o.clock = &clock_;
    o.lifetime_ms = 24 * kHourMs;
  }};
};

TEST_F(HubClock, AJumpAheadEndsNoLifeAndLocksNobodyOutAfterwards) {
  Browser lives = hub_.Open();
  clock_.Jump(kWeekMs);
  hub_.Sync();
  // Their tokens have run out as far as anybody can tell.
  Browser expired = OpenUntil(clock_.now() - 1);
  expired.ReadToEnd();
  EXPECT_EQ(hub_.ends(CloseReason::kAuthExpired), 1u);
  clock_.Jump(-kWeekMs);
  Browser good = OpenUntil(clock_.now() + kHourMs);
  hub_.Publish("acme", "a1");
  EXPECT_TRUE(good.ReadMessages(2));
  EXPECT_TRUE(lives.ReadMessages(2));
  EXPECT_EQ(hub_.ends(CloseReason::kDrain), 0u);
  EXPECT_EQ(hub_.ends(CloseReason::kAuthExpired), 1u);
  // It still ends when its own hour is over.
  clock_.Advance(kHourMs);
  good.ReadToEnd();
  EXPECT_EQ(good.stream().messages.back().Text("reason"), "auth_expired");
}

TEST_F(HubClock, AJumpBackKeepsNobodyInLongerThanItsLife) {
  Browser browser = hub_.Open();
  clock_.Jump(-kWeekMs);
  clock_.AdvanceSteady(24 * kHourMs);
  browser.ReadToEnd();
  EXPECT_EQ(browser.stream().messages.back().Text("reason"), "drain");
}

TEST_F(HubClock, StampsNeverGoBack) {
  Browser browser = hub_.Open();
  hub_.Publish("acme", "a1");
  clock_.Jump(kHourMs);
  hub_.Publish("acme", "a2");
  clock_.Jump(-2 * kHourMs);
  hub_.Publish("acme", "a3");
  // Whoever was there for the second has seen no later time since.
  StreamRequest request = hub_.Request("acme", "u2");
  request.resume.has_since = true;
  request.resume.since_ms = clock_.now() + 2 * kHourMs;
  Browser back = hub_.Open(std::move(request));
  ASSERT_TRUE(back.ReadMessages(3));
  EXPECT_EQ(back.stream().messages[0].Text("reason"), "resumed");
  EXPECT_EQ(back.stream().messages[1].IdSeq(), 2u);
  EXPECT_EQ(back.stream().messages[2].IdSeq(), 3u);
}

}  // namespace
}  // namespace pathcast
