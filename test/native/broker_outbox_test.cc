// What waits for a Redis that is away, what of others' it refuses, and the
// transport over a host's own client.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "broker/host_transport.h"
#include "broker_harness.h"

namespace pathcast {
namespace {

using broker::HostQuestion;
using broker::HostTransport;
using broker::LinkState;
using redis::RedisServer;
using redis::Reply;

// All that stands in a company's log, as text, the oldest first.
std::string LogText(const RedisServer& server, const std::string& company) {
  const std::string key = "pathcast:1:{" + company + "}:log";
  std::string text;
  const Reply entries = server.Command({"XRANGE", key, "-", "+"});
  for (const Reply& entry : entries.elements()) {
    for (const Reply& field : entry.elements().at(1).elements())
      text += field.text();
  }
  return text;
}

class OutboxTest : public testing::Test {
 protected:
  static constexpr uint64_t kBound = 40'000;
  OutboxTest() { server_.Kill(); }
  static void Small(HubOptions& options) {
    options.broker->outbox_bytes = kBound;
  }
  RedisServer server_;
};

TEST_F(OutboxTest, BeyondItsBoundACompanysActionsBecomeOneAndNobodyStaysStale) {
  BrokerHub a(server_, "a", Small);
  std::vector<std::string> paths;
  for (int i = 100; i < 160; ++i) {
    paths.push_back("guests.p" + std::to_string(i));
    for (const char* company : {"acme", "globex"}) {
      const std::string id = "i" + std::to_string(i);
      EXPECT_EQ(a.Publish(company, id, paths.back(), 1'000).code,
                PublishCode::kQueued);
      EXPECT_LE(a.broker().outbox_bytes.Get(), kBound);
    }
  }
  EXPECT_GT(a.broker().conflated.Get(), 0u);
  EXPECT_EQ(a.broker().outbox_full.Get(), 0u);
  server_.Start();
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  for (const char* company : {"acme", "globex"}) {
    // Each path once, in the order in which it was published.
    const std::string text = LogText(server_, company);
    size_t at = 0;
    for (const std::string& path : paths) {
      const size_t found = text.find("\"" + path + "\"", at);
      ASSERT_NE(found, std::string::npos) << company << " " << path;
      at = found + 1;
    }
    // Who was there in one piece last is so still.
    EXPECT_NE(text.find("\"i159\""), std::string::npos);
    EXPECT_EQ(text.find("\"i100\""), std::string::npos);
  }
}

TEST_F(OutboxTest, WhatNothingMakesRoomForIsRefusedAndTheRestStays) {
  BrokerHub a(server_, "a", Small);
  EXPECT_EQ(a.Publish("acme", "i1").code, PublishCode::kQueued);
  EXPECT_EQ(a.Publish("globex", "big", "guests", kBound).code,
            PublishCode::kOutboxFull);
  EXPECT_EQ(a.broker().outbox_full.Get(), 1u);
  server_.Start();
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  EXPECT_NE(LogText(server_, "acme").find("\"i1\""), std::string::npos);
  EXPECT_EQ(LogText(server_, "globex"), "");
}

TEST_F(OutboxTest, WhatItHoldsGoesOutInOrderBehindWhatWasUnderWay) {
  server_.Start();
  BrokerHub a(server_, "a");
  ASSERT_EQ(a.Publish("acme", "i100").seq, 1u);
  server_.Stop();
  for (int i = 101; i < 120; ++i) {
    EXPECT_EQ(a.Publish("acme", "i" + std::to_string(i)).code,
              PublishCode::kQueued);
  }
  server_.Continue();
  (void)a.Publish("acme", "i120");
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  const std::string text = LogText(server_, "acme");
  for (int i = 101; i <= 120; ++i) {
    const std::string id = "\"id\":\"i" + std::to_string(i) + "\"";
    const std::string before = "\"id\":\"i" + std::to_string(i - 1) + "\"";
    EXPECT_LT(text.find(before), text.find(id)) << id;
    EXPECT_EQ(text.find(id), text.rfind(id)) << id;
  }
}

// Nobody knows whether it was carried out, so it is sent again; where it was,
// its id says so.
TEST_F(OutboxTest, WhatWasLostOnItsWayIsSentAgain) {
  server_.Start();
  BrokerHub a(server_, "a");
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  server_.Stop();
  for (const char* id : {"i2", "i3"})
    EXPECT_EQ(a.Publish("acme", id).code, PublishCode::kQueued);
  EXPECT_EQ(a.broker().lost.Get(), 0u);
  server_.Kill();
  a.hub.Until([&] { return a.broker().lost.Get() == 2; });
  EXPECT_EQ(a.broker().outbox_actions.Get(), 2u);
  server_.Start();
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  const std::string text = LogText(server_, "acme");
  const size_t first = text.find("\"i2\"");
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(text.find("\"i3\"", first), std::string::npos);
  EXPECT_EQ(a.hub.metrics().duplicates.Get(), 0u);
}

TEST(BrokerForeign, AnActionOfAnotherCompanyIsRefusedWhereverItStands) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  const std::string epoch = a.Publish("acme", "i1").epoch;
  ASSERT_TRUE(ReadAction(&there, "i1"));
  ASSERT_EQ(a.Publish("theirs", "secret").seq, 1u);
  const Reply entry =
      server.Command({"XRANGE", "pathcast:1:{theirs}:log", "-", "+"});
  const auto& fields = entry.elements().at(0).elements().at(1).elements();
  std::vector<std::string> values;
  for (const Reply& field : fields) values.push_back(field.text());
  ASSERT_EQ(values.size(), 8u);
  // Under the key of acme, and through its doorbell.
  const std::string head = "pathcast:1:{acme}:head";
  EXPECT_TRUE(server
                  .Command({"XADD", "pathcast:1:{acme}:log", "2-0", values[0],
                            values[1], values[2], values[3], values[4],
                            values[5], values[6], values[7]})
                  .ok());
  EXPECT_TRUE(server.Command({"HSET", head, "seq", "2"}).ok());
  std::string stored;
  for (size_t i = 0; i < values.size(); i += 2)
    if (values[i] == "m") stored = values[i + 1];
  EXPECT_TRUE(server
                  .Command({"PUBLISH", "pathcast:1:{acme}:bell",
                            "1 " + epoch + " 2 1 6\nsecret" + stored})
                  .ok());
  ASSERT_TRUE(there.ReadUntil([](const SseStream& stream) {
    return stream.messages.back().type() == "resync";
  }));
  EXPECT_NE(there.bytes().find("\"reason\":\"trimmed\""), std::string::npos);
  ASSERT_EQ(a.Publish("acme", "i3").seq, 3u);
  ASSERT_TRUE(ReadAction(&there, "i3"));
  EXPECT_EQ(there.bytes().find("secret"), std::string::npos);
  EXPECT_GE(b.broker().foreign.Get(), 1u);
}

// Questions as they come, and a transport that is open.
class HostTransportTest : public testing::Test {
 protected:
  HostTransportTest()
      : transport_("SPUBLISH", [this](HostQuestion question) {
          questions_.push_back(std::move(question));
        }) {
    broker::Transport::Events events;
    events.on_state = [this] { ++states_; };
    events.on_standing = [this] { ++standings_; };
    events.on_subscribed = [this](std::string_view channel) {
      heard_.emplace_back(channel);
    };
    events.on_message = [this](std::string_view channel, std::string payload) {
      heard_.push_back(std::string(channel) + "=" + payload);
    };
    EXPECT_TRUE(transport_.Open(std::move(events)).ok());
  }
  broker::Transport::OnAnswer Note() {
    return [this](const Reply& reply) { answers_.push_back(reply.type()); };
  }
  void Send(const char* word) {
    const std::string_view command[] = {word};
    transport_.Command(command, Note());
  }

  std::vector<HostQuestion> questions_;
  std::vector<Reply::Type> answers_;
  std::vector<std::string> heard_;
  int states_ = 0;
  int standings_ = 0;
  HostTransport transport_;
};

TEST_F(HostTransportTest, EachQuestionIsAnsweredOnceWhateverTheHostSays) {
  Send("A");
  Send("B");
  ASSERT_EQ(questions_.size(), 2u);
  EXPECT_NE(questions_[0].ticket, questions_[1].ticket);
  transport_.OnAnswered(questions_[1].ticket, Reply::Integer(1));
  transport_.OnAnswered(questions_[1].ticket, Reply::Integer(1));
  transport_.OnAnswered(99, Reply::Integer(1));
  EXPECT_EQ(answers_, std::vector<Reply::Type>{Reply::Type::kInteger});
  // Nobody knows of what was open.
  transport_.Close();
  transport_.Close();
  EXPECT_EQ(answers_, (std::vector<Reply::Type>{Reply::Type::kInteger,
                                                Reply::Type::kLost}));
  transport_.OnAnswered(questions_[0].ticket, Reply::Integer(1));
  EXPECT_EQ(answers_.size(), 2u);
}

TEST_F(HostTransportTest, AConnectionIsNewEachTimeItIsReadyAgain) {
  EXPECT_EQ(transport_.state(), LinkState::kConnecting);
  EXPECT_TRUE(transport_.misses());
  transport_.OnState(LinkState::kReady, {});
  transport_.OnState(LinkState::kReady, {});
  EXPECT_EQ(transport_.connection(), 1u);
  EXPECT_FALSE(transport_.misses());
  transport_.OnState(LinkState::kLost, "gone");
  EXPECT_FALSE(transport_.commands_ready());
  EXPECT_TRUE(transport_.misses());
  transport_.OnState(LinkState::kReady, {});
  EXPECT_EQ(transport_.connection(), 2u);
  EXPECT_EQ(standings_, 2);
  EXPECT_EQ(states_, 4);
  transport_.Close();
  transport_.OnState(LinkState::kReady, {});
  EXPECT_EQ(transport_.state(), LinkState::kClosed);
}

TEST_F(HostTransportTest, ChannelsAreCountedAndOnesThatWereLeftAreSilent) {
  transport_.Subscribe("bell");
  transport_.Subscribe("bell");
  transport_.OnSubscribed("bell");
  transport_.OnMessage("bell", "x");
  transport_.OnMessage("other", "x");
  transport_.Unsubscribe("bell");
  transport_.OnMessage("bell", "y");
  transport_.Unsubscribe("bell");
  transport_.Unsubscribe("bell");
  transport_.OnMessage("bell", "z");
  EXPECT_EQ(heard_, (std::vector<std::string>{"bell", "bell=x", "bell=y"}));
  ASSERT_EQ(questions_.size(), 2u);
  EXPECT_EQ(questions_[0].kind, HostQuestion::Kind::kSubscribe);
  EXPECT_EQ(questions_[1].kind, HostQuestion::Kind::kUnsubscribe);
}

TEST_F(HostTransportTest, TheSameBodyIsTheSameScript) {
  const size_t first = transport_.AddScript("return 1");
  EXPECT_NE(transport_.AddScript("return 2"), first);
  EXPECT_EQ(transport_.AddScript("return 1"), first);
  const std::string_view keys[] = {"k"};
  const std::string_view arguments[] = {"a", ""};
  transport_.Eval(first, keys, arguments, Note());
  ASSERT_EQ(questions_.size(), 1u);
  EXPECT_EQ(questions_[0].name, "return 1");
  EXPECT_EQ(questions_[0].keys, std::vector<std::string>{"k"});
  EXPECT_EQ(questions_[0].arguments, (std::vector<std::string>{"a", ""}));
}

TEST(HubForget, AHubInMemoryForgetsACompanyThatHasNoStreams) {
  TestHub hub;
  const PublishOutcome first = hub.Publish("acme", "i1").outcomes.at(0);
  const auto forget = [&] {
    const Ticket ticket = hub.NextTicket();
    hub.Post(ForgetCommand{ticket, "acme"});
    (void)hub.WaitTicket<DoneReply>(ticket);
  };
  {
    Browser here = hub.Open();
    ASSERT_TRUE(here.ReadMessages(1));
    forget();
    EXPECT_EQ(hub.Publish("acme", "i2").outcomes.at(0).epoch, first.epoch);
    DisconnectCommand all;
    all.tenant = "acme";
    EXPECT_EQ(hub.Ask(all), 1u);
  }
  forget();
  EXPECT_EQ(hub.metrics().tenants.Get(), 0u);
  const PublishOutcome next = hub.Publish("acme", "i1").outcomes.at(0);
  EXPECT_EQ(next.code, PublishCode::kOk);
  EXPECT_EQ(next.seq, 1u);
  EXPECT_NE(next.epoch, first.epoch);
}

TEST(HubPing, OnlyTheUsersOwnStreamsAreWrittenTo) {
  TestHub hub;
  Browser one = hub.Open("acme", "ann");
  Browser two = hub.Open("acme", "ann");
  Browser other = hub.Open("acme", "eve");
  const uint64_t before = hub.metrics().heartbeats.Get();
  hub.Post(PingCommand{"acme", "ann"});
  hub.Post(PingCommand{"nowhere", "ann"});
  hub.Sync();
  EXPECT_EQ(hub.metrics().heartbeats.Get(), before + 2);
}

}  // namespace
}  // namespace pathcast
