// Bounds of a hub, and what gives back: bytes that wait, tenants that nobody
// needs, seats, hints of when to come back.
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/heartbeats.h"
#include "engine/turn_away.h"
#include "hub_harness.h"

namespace pathcast {
namespace {

constexpr size_t kWaitingBytes = 128u << 20;

EphemeralCommand EventOf(const std::string& tenant, size_t bytes) {
  EphemeralCommand command;
  command.tenant = tenant;
  command.json = "{\"x\":\"" + std::string(bytes - 8, 'x') + "\"}";
  return command;
}

TEST(HubBounds, EphemeralEventsGiveTheirBytesBack) {
  TestHub hub;
  constexpr size_t kBytes = 64 * 1024;
  for (size_t sent = 0; sent <= kWaitingBytes + 10 * kBytes; sent += kBytes) {
    ASSERT_TRUE(hub.Post(EventOf("acme", kBytes)));
    if (sent % (100 * kBytes) == 0) hub.Sync();
  }
  hub.Sync();
  EXPECT_EQ(hub.Publish("acme", "a1").outcomes[0].code, PublishCode::kOk);
}

// Holds the hub's thread where it rings.
class HoldingHost final : public Host {
 public:
  void OnReplies() override {
    std::unique_lock<std::mutex> lock(mu_);
    held_ = true;
    bell_.notify_all();
    bell_.wait(lock, [&] { return released_; });
  }
  void WaitUntilHeld() {
    std::unique_lock<std::mutex> lock(mu_);
    EXPECT_TRUE(bell_.wait_for(lock, kDeadline, [&] { return held_; }));
  }
  void Release() {
    const std::lock_guard<std::mutex> lock(mu_);
    released_ = true;
    bell_.notify_all();
  }

 private:
  std::mutex mu_;
  std::condition_variable bell_;
  bool held_ = false;      // guarded by mu_
  bool released_ = false;  // guarded by mu_
};

TEST(HubBounds, WhatWaitsForAHubThatIsBehindIsBounded) {
  HoldingHost host;
  HubOptions options;
  options.hub_id = "h";
  auto created = Hub::Create(std::move(options), &host);
  ASSERT_TRUE(created.ok());
  const std::unique_ptr<Hub> hub = std::move(created).value();
  ASSERT_TRUE(hub->Post({ReleaseCommand{1, 0}}));
  host.WaitUntilHeld();
  constexpr size_t kBytes = 1u << 20;
  size_t taken = 0;
  while (taken < 2 * kWaitingBytes && hub->Post({EventOf("acme", kBytes)})) {
    taken += kBytes;
  }
  EXPECT_GE(taken, kWaitingBytes);
  EXPECT_LE(taken, kWaitingBytes + 2 * kBytes);
  // What has no bytes to speak of gets through.
  EXPECT_TRUE(hub->Post({ReleaseCommand{2, 0}}));
  host.Release();
}

// The epoch of a tenant's log; empty where it has none.
std::string EpochOf(TestHub& hub, const std::string& tenant) {
  ReadLogCommand command;
  command.ticket = hub.NextTicket();
  command.tenant = tenant;
  const Ticket ticket = command.ticket;
  hub.Post(std::move(command));
  return hub.WaitTicket<LogReply>(ticket).epoch;
}

TEST(HubBounds, OfTheIdleTenantsTheOneThatPublishedLongestAgoIsForgotten) {
  TestHub hub([](HubOptions& o) { o.max_tenants = 2; });
  hub.Publish("first", "a1");
  hub.Publish("second", "a1");
  hub.Publish("first", "a2");
  hub.Publish("third", "a1");
  EXPECT_NE(EpochOf(hub, "first"), "");
  EXPECT_EQ(EpochOf(hub, "second"), "");
}

TEST(HubBounds, ATenantWhoseStreamsHaveGoneIsForgottenAsAnyOther) {
  TestHub hub([](HubOptions& o) { o.max_tenants = 2; });
  for (uint64_t i = 1; i <= 5; ++i) {
    Browser browser = hub.Open("c" + std::to_string(i), "u");
    browser.Close();
    hub.Until([&] { return hub.ends(kEndGone) == i; });
  }
  hub.Publish("another", "a1");
  EXPECT_LE(hub.metrics().tenants.Get(), 2u);
}

TEST(HubBounds, ADrainTurnsObserversAwayToo) {
  TestHub hub;
  Browser living = hub.Open();
  hub.Post(DrainCommand{hub.NextTicket(), 1'000'000});
  StreamRequest request = hub.Request("acme", "inside");
  request.uncounted = true;
  Browser observer = hub.Open(std::move(request));
  observer.ReadToEnd();
  EXPECT_EQ(observer.stream().messages.back().Text("reason"), "drain");
  EXPECT_EQ(hub.metrics().opened.Get(), 1u);
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
}

// A lease's id is its serial number and its slot.
TEST(HubBounds, AStreamsSeatIsNotTheHostsToRelease) {
  TestHub hub([](HubOptions& o) { o.limits.max_per_user = 1; });
  Browser browser = hub.Open();
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
  for (uint64_t serial = 0; serial < 8; ++serial) {
    for (uint64_t slot = 0; slot < 4; ++slot) {
      EXPECT_EQ(hub.Ask(ReleaseCommand{0, serial << 32 | slot}), 0u);
    }
  }
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
  // One that the host did take is among those numbers.
  const LeaseReply taken = hub.Acquire("acme", "u2");
  EXPECT_LT(taken.lease >> 32, 8u);
  EXPECT_LT(taken.lease & UINT32_MAX, 4u);
  EXPECT_EQ(hub.Ask(ReleaseCommand{0, taken.lease}), 1u);
}

TEST(HubBounds, WhatLastsComesBackFiveTimesLater) {
  Context context(1);
  context.options.retry_ms = 1'000;
  const auto within = [&](CloseReason reason, uint64_t mean) {
    uint64_t sum = 0;
    for (int i = 0; i < 200; ++i) {
      const uint64_t hint = RetryMsFor(&context, reason);
      EXPECT_GE(hint, mean / 2);
      EXPECT_LE(hint, mean + mean / 2);
      sum += hint;
    }
    EXPECT_NEAR(static_cast<double>(sum) / 200, static_cast<double>(mean),
                static_cast<double>(mean) / 10);
  };
  for (const CloseReason reason : {CloseReason::kLimit, CloseReason::kEvicted,
                                   CloseReason::kReplaced, CloseReason::kSlow})
    within(reason, 5'000);
  for (const CloseReason reason :
       {CloseReason::kDrain, CloseReason::kAuthExpired, CloseReason::kRevoked})
    within(reason, 1'000);
}

// The ticks of a hub are the machine's; here they are the test's.
TEST(HubBounds, AfterAStallEachHeartbeatIsDueOnceAndNoneComesLater) {
  Context context(1);
  Metrics metrics;
  context.metrics = &metrics;
  context.now_ms = context.steady_ms = 1'000'000;
  Channel channel("acme", "e1", 0);
  std::vector<Reply> replies;
  Heartbeats heartbeats(&context, 1'000);
  std::vector<std::unique_ptr<Connection>> connections;
  for (uint64_t number = 1; number <= 150; ++number) {
    ConnectionSink sink(std::make_unique<HostSink>(number, 1u << 20, &replies));
    StreamRequest request;
    request.number = number;
    request.user = "u";
    connections.push_back(std::make_unique<Connection>(
        &request, &channel, std::move(sink), nullptr, context.now_ms));
    heartbeats.Join(connections.back().get());
  }
  context.steady_ms += 10'000;
  heartbeats.OnTick();
  EXPECT_EQ(metrics.heartbeats.Get(), 150u);
  for (int i = 0; i < 100; ++i) heartbeats.OnTick();
  EXPECT_EQ(metrics.heartbeats.Get(), 150u);
  for (auto& connection : connections) heartbeats.Leave(connection.get());
}

}  // namespace
}  // namespace pathcast
