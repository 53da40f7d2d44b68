// Whom the others told to end while this node was cut off hears nothing of what
// it missed: logs are read when the host has ended those, and not before.
#include <gtest/gtest.h>

#include <string>

#include "broker/gate.h"
#include "broker_harness.h"

namespace pathcast {
namespace {

using broker::Gate;
using redis::RedisServer;

TEST(Gate, WithoutAHostToAskItIsAlwaysOpen) {
  Gate gate(false);
  gate.OnLost();
  EXPECT_TRUE(gate.open());
  gate.OnBack();
  EXPECT_EQ(gate.OnStanding(), 0u);
  EXPECT_TRUE(gate.open());
}

TEST(Gate, OnlyTheNewestQuestionsAnswerOpensIt) {
  Gate gate(true);
  EXPECT_FALSE(gate.open());
  EXPECT_FALSE(gate.shut());
  gate.OnBack();
  EXPECT_TRUE(gate.shut());
  EXPECT_EQ(gate.OnStanding(), 1u);
  gate.OnLost();
  EXPECT_FALSE(gate.OnAnswered(1));
  gate.OnBack();
  EXPECT_FALSE(gate.OnAnswered(1));
  EXPECT_EQ(gate.OnStanding(), 2u);
  EXPECT_FALSE(gate.OnAnswered(1));
  EXPECT_TRUE(gate.OnAnswered(2));
  EXPECT_TRUE(gate.open());
  // Each loss is asked for anew.
  gate.OnLost();
  EXPECT_FALSE(gate.open());
  gate.OnBack();
  EXPECT_EQ(gate.OnStanding(), 3u);
}

class BrokerGateTest : public testing::Test {
 protected:
  static void Asks(HubOptions& options) {
    options.broker->asks_revocations = true;
  }
  // The hub's next question; the reply after `from`.
  static uint64_t Question(BrokerHub* node, size_t from) {
    return std::stoull(node->hub
                           .Wait<BrokerEventReply>(
                               [](const BrokerEventReply& reply) {
                                 return reply.kind ==
                                        BrokerEventKind::kRevocations;
                               },
                               from)
                           .name);
  }
  static void Revoke(BrokerHub* node, const std::string& user) {
    DisconnectCommand command;
    command.tenant = "acme";
    command.user = user;
    command.reason = CloseReason::kRevoked;
    node->hub.Post(std::move(command));
  }
  // Cuts the subscriptions of all nodes; the question that follows.
  uint64_t Cut(BrokerHub* node) {
    const size_t from = node->hub.seen.size();
    DropSubscriptions(server_);
    return Question(node, from);
  }
  RedisServer server_;
};

TEST_F(BrokerGateTest, AStreamThatWasRevokedMeanwhileHearsNothingOfIt) {
  BrokerHub a(server_, "a");
  BrokerHub b(server_, "b", Asks);
  b.hub.Post(RevocationsReadCommand{Question(&b, 0)});
  Browser revoked = b.hub.Open("acme", "eve");
  Browser stays = b.hub.Open("acme", "ann");
  for (Browser* each : {&revoked, &stays}) ASSERT_TRUE(each->ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  for (Browser* each : {&revoked, &stays}) ASSERT_TRUE(ReadAction(each, "i1"));

  const uint64_t question = Cut(&b);
  ASSERT_EQ(a.Publish("acme", "i2").seq, 2u);
  ASSERT_EQ(a.Publish("acme", "i3").seq, 3u);
  // Its own place waits with the rest.
  ASSERT_EQ(b.Publish("acme", "i4").seq, 4u);
  EXPECT_EQ(b.broker().reads.Get(), 1u);

  Revoke(&b, "eve");
  b.hub.Post(RevocationsReadCommand{question});
  ASSERT_TRUE(ReadAction(&stays, "i4"));
  revoked.ReadToEnd();
  EXPECT_EQ(revoked.bytes().find("\"i2\""), std::string::npos);
  EXPECT_EQ(revoked.bytes().find("\"i4\""), std::string::npos);
  EXPECT_NE(revoked.bytes().find("revoked"), std::string::npos);
  const auto events = EventsOf(stays);
  ASSERT_EQ(events.size(), 5u);
  for (size_t i = 1; i < events.size(); ++i)
    EXPECT_TRUE(events[i].id.ends_with("." + std::to_string(i)));
}

// It was asked for before the loss and is answered after it, with what others
// have published meanwhile.
TEST_F(BrokerGateTest, AReadThatIsUnderWayWhenItShutsShowsNothing) {
  BrokerHub a(server_, "a");
  BrokerHub b(server_, "b", Asks);
  b.hub.Post(RevocationsReadCommand{Question(&b, 0)});
  Browser revoked = b.hub.Open("acme", "eve");
  Browser stays = b.hub.Open("acme", "ann");
  for (Browser* each : {&revoked, &stays}) ASSERT_TRUE(each->ReadMessages(1));
  const PublishOutcome first = a.Publish("acme", "i1");
  ASSERT_EQ(first.seq, 1u);
  for (Browser* each : {&revoked, &stays}) ASSERT_TRUE(ReadAction(each, "i1"));

  // Scripts wait, so the subscription can go alone: a node that gives one of
  // its connections up gives up both.
  EXPECT_TRUE(server_.Command({"CLIENT", "PAUSE", "60000", "WRITE"}).ok());
  EXPECT_EQ(a.Publish("acme", "i2").code, PublishCode::kQueued);
  // Who comes with a place that this node does not know makes it read.
  StreamRequest request = b.hub.Request("acme", "bob");
  request.resume.last_event_id = first.epoch + ".9";
  Browser asks = b.hub.Open(std::move(request));
  b.hub.Until([&] { return b.broker().reads.Get() == 2; });
  const uint64_t question = Cut(&b);
  EXPECT_TRUE(server_.Command({"CLIENT", "UNPAUSE"}).ok());
  // Commands are answered in their order: behind the read.
  ASSERT_EQ(b.Publish("acme", "i3").seq, 3u);
  Revoke(&b, "eve");
  b.hub.Post(RevocationsReadCommand{question});
  ASSERT_TRUE(ReadAction(&stays, "i3"));
  revoked.ReadToEnd();
  EXPECT_EQ(revoked.bytes().find("\"i2\""), std::string::npos);
  EXPECT_EQ(EventsOf(stays).size(), 4u);
  ASSERT_TRUE(asks.ReadMessages(1));
  EXPECT_NE(asks.bytes().find("ahead_of_log"), std::string::npos);
}

TEST_F(BrokerGateTest, AnOlderAnswerOpensNothing) {
  BrokerHub a(server_, "a");
  BrokerHub b(server_, "b", Asks);
  b.hub.Post(RevocationsReadCommand{Question(&b, 0)});
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  const uint64_t first = Cut(&b);
  const uint64_t second = Cut(&b);
  ASSERT_EQ(second, first + 1);
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  b.hub.Post(RevocationsReadCommand{first});
  b.hub.Sync();
  // Whoever comes now waits for what is read behind the gate.
  StreamRequest request = b.hub.Request("acme", "new");
  request.resume.last_event_id = EventsOf(there)[0].id;
  Browser fresh = b.hub.Open(std::move(request));
  EXPECT_EQ(b.broker().reads.Get(), 1u);
  b.hub.Post(RevocationsReadCommand{second});
  for (Browser* each : {&there, &fresh}) {
    ASSERT_TRUE(ReadAction(each, "i1"));
    ASSERT_EQ(EventsOf(*each).size(), 2u);
    EXPECT_EQ(EventsOf(*each)[0].type(), "hello");
  }
}

TEST_F(BrokerGateTest, WhoeverNeverAnswersHoldsNewcomersNoLongerThanTheyWait) {
  BrokerHub b(server_, "b", [](HubOptions& options) {
    Asks(options);
    options.broker->open_wait_ms = 50;
  });
  (void)Question(&b, 0);
  Browser here = b.hub.Open();
  ASSERT_TRUE(here.ReadMessages(2));
  EXPECT_EQ(EventsOf(here)[1].type(), "resync");
  EXPECT_NE(here.bytes().find("broker_lost"), std::string::npos);
  // A publish does not wait for it.
  EXPECT_EQ(b.Publish("acme", "i1").code, PublishCode::kOk);
}

}  // namespace
}  // namespace pathcast
