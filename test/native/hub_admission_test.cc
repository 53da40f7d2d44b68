// Who waits for a seat, and who is known to come back.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/instances.h"
#include "hub_harness.h"

namespace pathcast {
namespace {

class HubAdmission : public testing::Test {
 protected:
  StreamRequest Of(const std::string& instance,
                   const std::string& user = "u1") {
    StreamRequest request = hub_.Request("acme", user);
    request.instance = instance;
    return request;
  }
  std::string HelloOf(Browser& browser) {
    EXPECT_TRUE(browser.ReadMessages(1));
    return browser.stream().messages[0].Text("reason");
  }

  TestClock clock_;
  TestHub hub_{[this](HubOptions& o) {
    o.clock = &clock_;
    o.limits.max_per_user = 2;
    o.core.log.ttl_ms = 60'000;
  }};
};

TEST_F(HubAdmission, ASeatThatGetsFreeGoesToWhoWaitsLongest) {
  Browser first = hub_.Open();
  Browser second = hub_.Open();
  Browser third = hub_.Open();
  Browser fourth = hub_.Open();
  EXPECT_EQ(hub_.metrics().connections.Get(), 2u);
  EXPECT_EQ(hub_.metrics().refusals[0].Get(), 0u);
  // Each wait makes the hub write to the two that have seats.
  hub_.Until([&] { return hub_.metrics().heartbeats.Get() >= 2; });
  first.Close();
  EXPECT_EQ(HelloOf(third), "fresh");
  clock_.Advance(1'000);
  fourth.ReadToEnd();
  EXPECT_EQ(fourth.stream().messages.back().Text("reason"), "limit");
  EXPECT_EQ(hub_.metrics().refusals[0].Get(), 1u);
  EXPECT_EQ(hub_.metrics().connections.Get(), 2u);
  EXPECT_EQ(hub_.metrics().leases.Get(), 2u);
}

TEST_F(HubAdmission, OnlyAFewWait) {
  Browser first = hub_.Open();
  Browser second = hub_.Open();
  std::vector<Browser> waiting;
  for (size_t i = 0; i < 8; ++i) waiting.push_back(hub_.Open());
  EXPECT_EQ(hub_.metrics().refusals[0].Get(), 0u);
  Browser refused = hub_.Open();
  refused.ReadToEnd();
  EXPECT_EQ(hub_.metrics().refusals[0].Get(), 1u);
  // Another user does not wait for this one.
  Browser other = hub_.Open("acme", "u2");
  EXPECT_EQ(HelloOf(other), "fresh");
}

TEST_F(HubAdmission, WhereOnlyLeasesOfTheHostHoldTheSeatsNobodyWaits) {
  EXPECT_EQ(hub_.Acquire("acme", "u1").code, LeaseCode::kHeld);
  EXPECT_EQ(hub_.Acquire("acme", "u1").code, LeaseCode::kHeld);
  Browser refused = hub_.Open();
  refused.ReadToEnd();
  EXPECT_EQ(hub_.metrics().refusals[0].Get(), 1u);
  // An answer to acquire() never waits.
  EXPECT_EQ(hub_.Acquire("acme", "u1").code, LeaseCode::kUserLimit);
}

TEST_F(HubAdmission, ALeaseThatIsGivenBackLetsAWaiterIn) {
  Browser first = hub_.Open();
  const LeaseReply lease = hub_.Acquire("acme", "u1");
  Browser waiter = hub_.Open();
  EXPECT_EQ(hub_.metrics().connections.Get(), 1u);
  (void)hub_.Ask(ReleaseCommand{0, lease.lease});
  EXPECT_EQ(HelloOf(waiter), "fresh");
}

TEST_F(HubAdmission, ANewcomerOfTheSameTurnDoesNotTakeTheSeatOfWhoWaits) {
  Browser first = hub_.Open();
  const LeaseReply lease = hub_.Acquire("acme", "u1");
  Browser waiter = hub_.Open();
  // The hub thread is not woken for it: it comes with the next command.
  hub_.hub().PostLater({ReleaseCommand{0, lease.lease}});
  Browser newcomer = hub_.Open();
  EXPECT_EQ(HelloOf(waiter), "fresh");
  EXPECT_EQ(hub_.metrics().connections.Get(), 2u);
}

TEST_F(HubAdmission, AWaiterIsToldOfADrainOfARevocationAndOfTheEnd) {
  Browser first = hub_.Open();
  Browser second = hub_.Open();
  Browser revoked = hub_.Open();
  DisconnectCommand disconnect;
  disconnect.user = "u1";
  (void)hub_.Ask(std::move(disconnect));
  revoked.ReadToEnd();
  EXPECT_EQ(hub_.metrics().connections.Get(), 0u);
  Browser third = hub_.Open();
  Browser fourth = hub_.Open();
  Browser drained = hub_.Open();
  (void)hub_.Ask(DrainCommand{});
  drained.ReadToEnd();
  EXPECT_EQ(drained.stream().messages.back().Text("reason"), "drain");
}

TEST_F(HubAdmission, AnAbortedSinkWaitsNoLonger) {
  Browser first = hub_.Open();
  Browser second = hub_.Open();
  OpenHostSinkCommand command;
  command.request = hub_.Request();
  const uint64_t number = command.request.number;
  hub_.Post(std::move(command));
  hub_.Post(SinkAbortCommand{number});
  Browser after = hub_.Open();
  first.Close();
  EXPECT_EQ(HelloOf(after), "fresh");
}

TEST_F(HubAdmission, ABrowserThatComesBackWithoutAPositionHasMissedSomething) {
  Browser first = hub_.Open(Of("tab"));
  EXPECT_EQ(HelloOf(first), "fresh");
  first.Close();
  hub_.Until([&] { return hub_.metrics().connections.Get() == 0; });
  hub_.Publish("acme", "a1");
  Browser again = hub_.Open(Of("tab"));
  ASSERT_TRUE(again.ReadMessages(2));
  EXPECT_EQ(again.stream().messages[0].Text("reason"), "unknown_cursor");
  EXPECT_EQ(again.stream().messages[1].type(), "resync");
  again.Close();
  // Another user's tab of the same name is another one.
  Browser other = hub_.Open(Of("tab", "u2"));
  EXPECT_EQ(HelloOf(other), "fresh");
  hub_.Until([&] { return hub_.metrics().connections.Get() == 1; });
  // A clock that is set forgets nobody; the log's time does.
  clock_.Jump(7 * 24 * 3'600'000);
  Browser third = hub_.Open(Of("tab"));
  EXPECT_EQ(HelloOf(third), "unknown_cursor");
  third.Close();
  hub_.Until([&] { return hub_.metrics().connections.Get() == 1; });
  clock_.Advance(60'000);
  Browser late = hub_.Open(Of("tab"));
  EXPECT_EQ(HelloOf(late), "fresh");
}

TEST(InstancesTest, AHundredOfAUserTheLongestUnseenGoes) {
  Instances instances;
  for (uint64_t i = 0; i < Instances::kMaxPerUser; ++i)
    instances.Note(1, i, static_cast<int64_t>(i));
  instances.Note(1, 0, 200);
  instances.Note(1, 1'000, 201);
  EXPECT_EQ(instances.CountOf(1), Instances::kMaxPerUser);
  EXPECT_TRUE(instances.Knows(1, 0, 1'000, 300));
  EXPECT_FALSE(instances.Knows(1, 1, 1'000, 300));
  EXPECT_TRUE(instances.Knows(1, 2, 1'000, 300));
  EXPECT_FALSE(instances.Knows(2, 2, 1'000, 300));
  instances.Trim(100, 301);
  EXPECT_EQ(instances.CountOf(1), 0u);
  EXPECT_TRUE(instances.empty());
}

TEST(HubLogs, TogetherTheyAreHeldToTheirBoundByWhatIsOverTheShare) {
  constexpr uint64_t kTotal = 64 * 1024;
  TestHub hub([](HubOptions& o) { o.max_total_log_bytes = kTotal; });
  for (int i = 0; i < 4; ++i) hub.Publish("quiet", "q" + std::to_string(i));
  for (int i = 0; i < 300; ++i)
    hub.Publish("loud", "l" + std::to_string(i), "a.b", 1'000);
  EXPECT_LE(hub.metrics().log_bytes.Get(), kTotal);
  EXPECT_GT(hub.metrics().log_bytes.Get(), kTotal / 2);
  const auto read = [&](const std::string& tenant) {
    const Ticket ticket = hub.NextTicket();
    ReadLogCommand command;
    command.ticket = ticket;
    command.tenant = tenant;
    hub.Post(std::move(command));
    return hub.WaitTicket<LogReply>(ticket);
  };
  EXPECT_EQ(read("quiet").actions.size(), 4u);
  EXPECT_LT(read("loud").actions.size(), 100u);
  EXPECT_EQ(read("loud").head_seq, 300u);
}

TEST(HubLogs, WhatIsKnownIsNotSentAgain) {
  TestHub hub;
  for (int i = 1; i <= 10; ++i) hub.Publish("acme", "a" + std::to_string(i));
  const auto read = [&](const std::string& epoch, uint64_t first,
                        uint64_t last) {
    ReadLogCommand command;
    const Ticket ticket = command.ticket = hub.NextTicket();
    command.tenant = "acme";
    command.known_epoch = epoch;
    command.known_first = first;
    command.known_last = last;
    hub.Post(std::move(command));
    return hub.WaitTicket<LogReply>(ticket);
  };
  const LogReply all = read("", 1, 0);
  ASSERT_EQ(all.actions.size(), 10u);
  EXPECT_FALSE(all.around_known);
  const LogReply around = read(all.epoch, 4, 8);
  EXPECT_TRUE(around.around_known);
  EXPECT_EQ(around.before_known, 3u);
  ASSERT_EQ(around.actions.size(), 5u);
  EXPECT_EQ(around.actions[2], all.actions[2]);
  EXPECT_EQ(around.actions[3], all.actions[8]);
  EXPECT_EQ(read(all.epoch, 1, 10).actions.size(), 0u);
  EXPECT_FALSE(read("000000000000", 1, 10).around_known);
  // A host that claims to know the future knows nothing.
  EXPECT_EQ(read(all.epoch, 1, 11).actions.size(), 10u);
}

}  // namespace
}  // namespace pathcast
