// What time and ends bring: expiry, life time, heartbeats, drains, shutdown,
// forgotten tenants.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hub_harness.h"

namespace pathcast {
namespace {

constexpr uint8_t kDrained = static_cast<uint8_t>(CloseReason::kDrain);

TEST(HubUpkeep, AStreamExpires) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) { o.clock = &clock; });
  StreamRequest request = hub.Request();
  request.expires_at_ms = clock.now() + 1'000;
  Browser browser = hub.Open(std::move(request));
  clock.Advance(999);
  hub.Sync();
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
  clock.Advance(1);
  browser.ReadToEnd();
  const SseMessage last = browser.stream().messages.back();
  EXPECT_EQ(last.event, "server_close");
  EXPECT_EQ(last.Text("reason"), "auth_expired");
  EXPECT_EQ(last.IdSeq(), 0u);
  EXPECT_FALSE(browser.was_reset());
}

TEST(HubUpkeep, OneThatHasExpiredGetsItsHelloAndNobodysSeat) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.limits.max_per_user = 1;
    o.limits.evict_oldest = true;
  });
  StreamRequest living = hub.Request();
  living.instance = "tab";
  Browser other = hub.Open(std::move(living));
  const std::string epoch = hub.Publish("acme", "a1").outcomes[0].epoch;
  StreamRequest request = hub.Request();
  request.instance = "tab";
  request.expires_at_ms = clock.now();
  request.resume.last_event_id = epoch + ".0";
  Browser browser = hub.Open(std::move(request));
  browser.ReadToEnd();
  const auto messages = browser.stream().messages;
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].type(), "hello");
  EXPECT_EQ(messages[0].id, epoch + ".0");
  EXPECT_EQ(messages[1].Text("reason"), "auth_expired");
  EXPECT_TRUE(messages[1].id.empty() || messages[1].id == epoch + ".0");
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
  EXPECT_EQ(hub.metrics().opened.Get(), 2u);
  EXPECT_EQ(hub.ends(CloseReason::kAuthExpired), 1u);
  hub.Publish("acme", "a2");
  EXPECT_TRUE(other.ReadMessages(3));
}

TEST(HubUpkeep, AnExpiredPeerThatIsGoneIsClosedOnce) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) { o.clock = &clock; });
  for (int i = 0; i < 20; ++i) {
    Loopback pair = ConnectLoopback();
    pair.client.Reset();
    OpenSocketCommand command;
    command.request = hub.Request("acme", "u" + std::to_string(i));
    command.request.expires_at_ms = clock.now() - 1;
    command.socket = std::move(pair.server);
    hub.Post(std::move(command));
  }
  hub.Until([&] {
    return hub.ends(kEndGone) + hub.ends(CloseReason::kAuthExpired) == 20;
  });
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
}

TEST(HubUpkeep, ALifeTimeEndsWithinItsLastFifth) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.lifetime_ms = 10'000;
  });
  std::vector<Browser> browsers;
  for (int i = 0; i < 20; ++i) {
    browsers.push_back(hub.Open("acme", std::to_string(i)));
  }
  clock.Advance(7'999);
  hub.Sync();
  EXPECT_EQ(hub.metrics().connections.Get(), 20u);
  clock.Advance(1'000);
  hub.Until([&] { return hub.metrics().connections.Get() < 20; });
  hub.Sync();
  EXPECT_GT(hub.metrics().connections.Get(), 0u);
  clock.Advance(1'001);
  hub.Until([&] { return hub.metrics().connections.Get() == 0; });
  EXPECT_EQ(hub.ends(CloseReason::kDrain), 20u);
}

TEST(HubUpkeep, HeartbeatsGoOnWhileTheWallClockIsBehind) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.core.heartbeat_ms = 1'000;
  });
  Browser browser = hub.Open();
  for (uint64_t beats = 1; beats <= 3; ++beats) {
    clock.AdvanceSteady(1'000);
    ASSERT_TRUE(browser.ReadMessages(beats + 1));
  }
  const auto messages = browser.stream().messages;
  EXPECT_EQ(messages[1].event, "ping");
  EXPECT_EQ(messages[1].Number("timestamp"), 1'700'000'000'000u);
  EXPECT_EQ(messages[1].id, messages[0].id);
  hub.Until([&] { return hub.metrics().heartbeats.Get() == 3; });
}

TEST(HubUpkeep, EachStreamGetsOneHeartbeatAnInterval) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.core.heartbeat_ms = 1'000;
  });
  std::vector<Browser> browsers;
  for (int i = 0; i < 150; ++i) {
    browsers.push_back(hub.Open("acme", std::to_string(i)));
  }
  for (int step = 0; step < 60; ++step) {
    const uint64_t before = hub.metrics().heartbeats.Get();
    clock.AdvanceSteady(20);
    // The tick is the machine's; it has to have seen this step.
    hub.Until([&] { return hub.metrics().heartbeats.Get() > before; });
  }
  EXPECT_LT(hub.metrics().heartbeats.Get(), 300u);
  for (Browser& browser : browsers) ASSERT_TRUE(browser.ReadMessages(2));
  // After a stall of ten intervals each is due once, not ten times.
  const uint64_t before = hub.metrics().heartbeats.Get();
  clock.AdvanceSteady(10'000);
  hub.Until([&] { return hub.metrics().heartbeats.Get() >= before + 150; });
  hub.Sync();
  EXPECT_LT(hub.metrics().heartbeats.Get(), before + 200);
}

TEST(HubUpkeep, ADrainIsEvenlyPaced) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) { o.clock = &clock; });
  std::vector<Browser> browsers;
  for (int i = 0; i < 40; ++i) {
    browsers.push_back(hub.Open("acme", std::to_string(i)));
  }
  const Ticket ticket = hub.NextTicket();
  hub.Post(DrainCommand{ticket, 1'000});
  hub.Sync();
  EXPECT_EQ(hub.metrics().connections.Get(), 40u);
  for (uint64_t quarter = 1; quarter <= 3; ++quarter) {
    clock.AdvanceSteady(250);
    hub.Until(
        [&] { return hub.metrics().connections.Get() <= 40 - quarter * 10; });
    EXPECT_EQ(hub.metrics().connections.Get(), 40 - quarter * 10);
  }
  EXPECT_FALSE(
      std::any_of(hub.seen.begin(), hub.seen.end(), [&](const Reply& r) {
        const auto* done = std::get_if<DoneReply>(&r);
        return done != nullptr && done->ticket == ticket;
      }));
  clock.AdvanceSteady(250);
  (void)hub.WaitTicket<DoneReply>(ticket);
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
  EXPECT_EQ(hub.ends(kDrained), 40u);
  for (Browser& browser : browsers) {
    browser.ReadToEnd();
    EXPECT_FALSE(browser.was_reset());
    EXPECT_EQ(browser.stream().messages.back().Text("reason"), "drain");
    EXPECT_FALSE(browser.stream().messages.back().id.empty());
  }
}

TEST(HubUpkeep, EveryDrainIsAnswered) {
  TestClock clock;
  {
    TestHub hub([&](HubOptions& o) { o.clock = &clock; });
    EXPECT_EQ(hub.Ask(DrainCommand{0, 60'000}), 0u);  // nobody is there
    EXPECT_EQ(hub.Ask(DrainCommand{0, 0}), 0u);
    (void)hub.Ask(ShutdownCommand{});
    (void)hub.Ask(DrainCommand{0, 60'000});
  }
  TestHub hub([&](HubOptions& o) { o.clock = &clock; });
  Browser one = hub.Open();
  Browser two = hub.Open("acme", "u2");
  const Ticket slow = hub.NextTicket();
  hub.Post(DrainCommand{slow, 1'000'000});
  const Ticket quick = hub.NextTicket();
  hub.Post(DrainCommand{quick, 1'000});
  two.Close();  // leaves by itself
  hub.Sync();
  clock.AdvanceSteady(1'000);
  (void)hub.WaitTicket<DoneReply>(slow);
  (void)hub.WaitTicket<DoneReply>(quick);

  TestHub other([&](HubOptions& o) { o.clock = &clock; });
  Browser third = other.Open();
  const Ticket ticket = other.NextTicket();
  other.Post(DrainCommand{ticket, 1'000});
  (void)other.Ask(ShutdownCommand{});
  (void)other.WaitTicket<DoneReply>(ticket);
  clock.AdvanceSteady(2'000);
  other.Sync();
}

TEST(HubUpkeep, DisconnectClosesWhatMatchesAllParts) {
  TestHub hub;
  std::vector<Browser> browsers;
  const std::vector<std::pair<std::string, std::string>> who = {
      {"acme", "u1"}, {"acme", "u1"}, {"acme", "u2"}, {"other", "u1"}};
  std::vector<uint64_t> numbers;
  for (const auto& [tenant, user] : who) {
    StreamRequest request = hub.Request(tenant, user);
    numbers.push_back(request.number);
    browsers.push_back(hub.Open(std::move(request)));
  }
  DisconnectCommand none;
  none.tenant = "acme";
  none.number = numbers[3];
  EXPECT_EQ(hub.Ask(none), 0u);
  DisconnectCommand unknown;
  unknown.tenant = "nobody";
  EXPECT_EQ(hub.Ask(unknown), 0u);
  DisconnectCommand user;
  user.tenant = "acme";
  user.user = "u1";
  EXPECT_EQ(hub.Ask(user), 2u);
  browsers[0].ReadToEnd();
  EXPECT_EQ(browsers[0].stream().messages.back().Text("reason"), "revoked");
  DisconnectCommand number;
  number.number = numbers[3];
  EXPECT_EQ(hub.Ask(number), 1u);
  EXPECT_EQ(hub.Ask(DisconnectCommand{}), 1u);
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
}

TEST(HubUpkeep, AForgottenTenantBeginsANewLife) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.max_tenants = 3;
  });
  Browser kept = hub.Open("kept", "u");
  const std::string epoch = hub.Publish("first", "a1").outcomes[0].epoch;
  const int64_t seen_at = clock.now();
  for (int i = 0; i < 10; ++i) {
    hub.Publish("c" + std::to_string(i), "a");
    EXPECT_LE(hub.metrics().tenants.Get(), 3u);
    EXPECT_LE(hub.metrics().log_actions.Get(), 3u);
  }
  const auto reason = [&](const ResumePoint& point) {
    StreamRequest request = hub.Request("first", "u");
    request.resume = point;
    Browser browser = hub.Open(std::move(request));
    EXPECT_TRUE(browser.ReadMessages(2));
    EXPECT_EQ(browser.stream().messages[1].type(), "resync");
    return browser.stream().messages[0].Text("reason");
  };
  EXPECT_EQ(reason({epoch + ".1", false, 0}), "epoch_changed");
  // In the very millisecond in which it was forgotten, too.
  EXPECT_EQ(reason({"", true, seen_at}), "epoch_changed");
  hub.Publish("kept", "k1");
  EXPECT_TRUE(kept.ReadMessages(2));
}

TEST(HubUpkeep, TenantsAreForgottenWhileTheirFanOutWaits) {
  TestHub hub([](HubOptions& o) { o.max_tenants = 4; });
  Browser browser = hub.Open("kept", "u");
  std::vector<PublishItem> items;
  for (int i = 0; i < 2'000; ++i) {
    items.push_back(TestHub::Item("c" + std::to_string(i), "a"));
    items.push_back(TestHub::Item("kept", "k" + std::to_string(i)));
  }
  const PublishedReply reply = hub.Publish(std::move(items));
  for (const PublishOutcome& outcome : reply.outcomes) {
    ASSERT_EQ(outcome.code, PublishCode::kOk);
  }
  ASSERT_TRUE(browser.ReadMessages(2));  // one import
  EXPECT_EQ(browser.stream().messages[1].Number("count"), 2'000u);
  EXPECT_EQ(hub.metrics().tenants.Get(), 4u);
  hub.Until([&] { return hub.metrics().window_bytes.Get() == 0; });
  EXPECT_EQ(hub.metrics().log_actions.Get(), 1'003u);
}

// Each newcomer at the bound of tenants used to begin the round over the logs
// anew, so that most of them were never looked at.
TEST(HubUpkeep, OldActionsGoThoughNewTenantsKeepComing) {
  constexpr int kTenants = 600;
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.max_tenants = kTenants;
    o.core.log.ttl_ms = 1'000;
    o.core.heartbeat_ms = 10;  // the shortest tick
  });
  for (int i = 0; i < kTenants; ++i) {
    const std::string tenant = "c" + std::to_string(i);
    OpenHostSinkCommand sink;
    sink.request = hub.Request(tenant);
    hub.Post(std::move(sink));
    hub.Publish(tenant, "a");
  }
  EXPECT_EQ(hub.metrics().log_actions.Get(), uint64_t{kTenants});
  clock.Advance(2'000);
  int newcomers = 0;
  hub.Until([&] {
    hub.Publish("n" + std::to_string(++newcomers), "a");
    return hub.metrics().log_actions.Get() <= 2;
  });
}

TEST(HubUpkeep, AnExpiredIdIsNoDuplicate) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.clock = &clock;
    o.core.log.ttl_ms = 1'000;
  });
  EXPECT_EQ(hub.Publish("acme", "a").outcomes[0].seq, 1u);
  clock.Advance(999);
  EXPECT_EQ(hub.Publish("acme", "a").outcomes[0].code, PublishCode::kDuplicate);
  clock.Advance(1);
  EXPECT_EQ(hub.Publish("acme", "a").outcomes[0].seq, 2u);
}

}  // namespace
}  // namespace pathcast
