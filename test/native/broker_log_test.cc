// The log in a Redis: what one node publishes the streams of another get, each
// action once and in order, whatever Redis or the network forget.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker_harness.h"

namespace pathcast {
namespace {

using redis::RedisServer;

std::string Types(const Browser& browser) {
  std::string types;
  for (const SseMessage& message : EventsOf(browser)) {
    if (!types.empty()) types += ' ';
    types += message.type();
  }
  return types;
}

TEST(BrokerLog, WhatOneNodePublishesAnothersStreamsGet) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser here = a.hub.Open();
  Browser there = b.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  ASSERT_TRUE(there.ReadMessages(1));
  std::vector<std::string> ids;
  for (int i = 1; i <= 20; ++i) {
    const std::string id = "i" + std::to_string(i);
    BrokerHub& node = i % 2 == 0 ? a : b;
    const PublishOutcome outcome = node.Publish("acme", id);
    ASSERT_EQ(outcome.code, PublishCode::kOk);
    EXPECT_EQ(outcome.seq, static_cast<uint64_t>(i));
    ids.push_back(outcome.epoch + "." + std::to_string(i));
  }
  for (Browser* browser : {&here, &there}) {
    ASSERT_TRUE(ReadAction(browser, "i20"));
    const auto events = EventsOf(*browser);
    ASSERT_EQ(events.size(), 21u);
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(events[i + 1].id, ids[i]);
  }
  EXPECT_EQ(a.broker().gaps_found.Get(), 0u);
  EXPECT_EQ(b.broker().gaps_found.Get(), 0u);
  EXPECT_EQ(a.broker().reads.Get(), 1u);
}

TEST(BrokerLog, AnIdThatIsInTheLogIsADuplicateOnEveryNode) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  ASSERT_EQ(a.Publish("acme", "same").code, PublishCode::kOk);
  const PublishOutcome again = b.Publish("acme", "same");
  EXPECT_EQ(again.code, PublishCode::kDuplicate);
  EXPECT_EQ(again.seq, 1u);
}

TEST(BrokerLog, WhoComesBackToAnotherNodeGetsWhatItMissed) {
  RedisServer server;
  BrokerHub a(server, "a");
  std::string epoch;
  for (int i = 1; i <= 30; ++i)
    epoch = a.Publish("acme", "i" + std::to_string(i)).epoch;
  BrokerHub b(server, "b");
  StreamRequest request = b.hub.Request();
  request.resume.last_event_id = epoch + ".27";
  Browser browser = b.hub.Open(std::move(request));
  ASSERT_TRUE(ReadAction(&browser, "i30"));
  EXPECT_EQ(Types(browser), "hello update update update");
  EXPECT_NE(browser.bytes().find("\"recovered\":true"), std::string::npos);
}

TEST(BrokerLog, AThousandThatComeAtOnceCostOneRead) {
  RedisServer server;
  BrokerHub a(server, "a");
  const std::string epoch = a.Publish("acme", "first").epoch;
  std::vector<Browser> browsers;
  for (int i = 0; i < 200; ++i) {
    StreamRequest request = a.hub.Request("acme", "u" + std::to_string(i));
    request.resume.last_event_id = epoch + ".0";
    Loopback pair = ConnectLoopback();
    OpenSocketCommand command;
    command.request = std::move(request);
    command.socket = std::move(pair.server);
    EXPECT_TRUE(a.hub.Post(std::move(command)));
    browsers.emplace_back(std::move(pair.client));
  }
  for (Browser& browser : browsers) ASSERT_TRUE(ReadAction(&browser, "first"));
  EXPECT_EQ(a.broker().reads.Get(), 1u);
  EXPECT_EQ(a.broker().read_actions.Get(), 1u);
}

TEST(BrokerLog, ALostDoorbellIsFoundAndHealedBeforeAnythingNewer) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").code, PublishCode::kOk);
  ASSERT_TRUE(ReadAction(&there, "i1"));
  // Redis drops the subscribers; what is published then nobody hears.
  for (int round = 0; round < 5; ++round) {
    DropSubscriptions(server);
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(a.Publish("acme",
                          "r" + std::to_string(round) + "." + std::to_string(i))
                    .code,
                PublishCode::kOk);
    }
  }
  ASSERT_TRUE(ReadAction(&there, "r4.9"));
  const auto events = EventsOf(there);
  ASSERT_EQ(events.size(), 52u);
  for (size_t i = 1; i < events.size(); ++i) {
    EXPECT_TRUE(events[i].id.ends_with("." + std::to_string(i)));
  }
  EXPECT_EQ(Types(there).find("resync"), std::string::npos);
}

// Nothing rings afterwards, so nothing but the doorbell that stands again shows
// that something was missed.
TEST(BrokerLog, ADoorbellThatStandsAnewMakesTheNodeRead) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  ASSERT_TRUE(ReadAction(&there, "i1"));
  for (int i = 2; i <= 4; ++i) {
    // Nobody comes back before the next one is published.
    LetSubscribe(server, false);
    DropSubscriptions(server);
    const std::string id = "i" + std::to_string(i);
    ASSERT_EQ(a.Publish("acme", id).seq, static_cast<uint64_t>(i));
    LetSubscribe(server, true);
    ASSERT_TRUE(ReadAction(&there, id));
  }
  EXPECT_EQ(Types(there), "hello update update update update");
  EXPECT_EQ(b.broker().gaps_found.Get(), 0u);
}

TEST(BrokerLog, FlushAllIsANewLogThatEveryStreamIsToldOfInPlace) {
  RedisServer server;
  BrokerHub a(server, "a");
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").code, PublishCode::kOk);
  ASSERT_TRUE(ReadAction(&here, "i1"));
  EXPECT_TRUE(server.Command({"FLUSHALL"}).ok());
  const PublishOutcome next = a.Publish("acme", "i2");
  ASSERT_EQ(next.code, PublishCode::kOk);
  EXPECT_EQ(next.seq, 1u);
  ASSERT_TRUE(here.ReadUntilId(next.epoch + ".1"));
  const auto events = EventsOf(here);
  EXPECT_EQ(events.back().type(), "resync");
  EXPECT_NE(events.back().data.find("epoch_changed"), std::string::npos);
  EXPECT_EQ(a.broker().epochs[static_cast<size_t>(EpochCause::kLost)].Get(),
            1u);
  ASSERT_EQ(a.Publish("acme", "i3").seq, 2u);
  ASSERT_TRUE(ReadAction(&here, "i3"));
}

TEST(BrokerLog, ScriptFlushIsNoLoss) {
  RedisServer server;
  BrokerHub a(server, "a");
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  for (int i = 1; i <= 5; ++i) {
    EXPECT_TRUE(server.Command({"SCRIPT", "FLUSH"}).ok());
    EXPECT_EQ(a.Publish("acme", "i" + std::to_string(i)).seq,
              static_cast<uint64_t>(i));
  }
  ASSERT_TRUE(ReadAction(&here, "i5"));
  EXPECT_EQ(Types(here), "hello update update update update update");
}

TEST(BrokerLog, ARestartFromADumpGoesOnUnderANewName) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  const std::string epoch = a.Publish("acme", "i1").epoch;
  ASSERT_TRUE(ReadAction(&there, "i1"));
  EXPECT_TRUE(server.Command({"SAVE"}).ok());
  server.Kill();
  server.Start();
  a.UntilReady();
  const PublishOutcome next = a.Publish("acme", "i2");
  // It may have come before the link was there again.
  if (next.code == PublishCode::kOk) {
    EXPECT_EQ(next.seq, 2u);
    EXPECT_NE(next.epoch, epoch);
  }
  ASSERT_TRUE(ReadAction(&there, "i2"));
  EXPECT_EQ(Types(there), "hello update update");
  // A cursor of the old name still counts.
  StreamRequest request = b.hub.Request();
  request.resume.last_event_id = epoch + ".1";
  Browser back = b.hub.Open(std::move(request));
  ASSERT_TRUE(ReadAction(&back, "i2"));
  EXPECT_EQ(Types(back), "hello update");
}

TEST(BrokerLog, AnOldDumpIsFoundOutAndEveryStreamReadsAnew) {
  RedisServer server;
  BrokerHub a(server, "a");
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  const std::string epoch = a.Publish("acme", "i1").epoch;
  EXPECT_TRUE(server.Command({"SAVE"}).ok());
  ASSERT_EQ(a.Publish("acme", "i2").seq, 2u);
  ASSERT_TRUE(ReadAction(&here, "i2"));
  server.Kill();
  server.Start();
  a.UntilReady();
  (void)a.Publish("acme", "i3");
  ASSERT_TRUE(here.ReadUntil([&](const SseStream& stream) {
    return stream.messages.back().type() == "resync" ||
           stream.messages.back().data.find("\"i3\"") != std::string::npos;
  }));
  EXPECT_NE(here.bytes().find("epoch_changed"), std::string::npos);
  EXPECT_EQ(a.broker().epochs[static_cast<size_t>(EpochCause::kRewound)].Get(),
            1u);
  StreamRequest request = a.hub.Request();
  request.resume.last_event_id = epoch + ".2";
  Browser back = a.hub.Open(std::move(request));
  ASSERT_TRUE(back.ReadMessages(2));
  EXPECT_NE(back.bytes().find("\"reason\":\"epoch_changed\""),
            std::string::npos);
}

TEST(BrokerLog, AStoppedRedisIsAnsweredInTimeAndFollowedInOrder) {
  RedisServer server;
  BrokerHub a(server, "a");
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  ASSERT_TRUE(ReadAction(&here, "i1"));
  server.Stop();
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 2; i <= 4; ++i) {
    EXPECT_EQ(a.Publish("acme", "i" + std::to_string(i)).code,
              PublishCode::kQueued);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
  // Told at once, with the cursor that the stream has.
  ASSERT_TRUE(here.ReadUntil([](const SseStream& stream) {
    return stream.messages.size() >= 5 &&
           stream.messages.back().type() == "invalidate";
  }));
  auto events = EventsOf(here);
  EXPECT_EQ(events.back().id, events[1].id);
  EXPECT_EQ(events.back().data.find("\"from\""), std::string::npos);
  server.Continue();
  ASSERT_TRUE(ReadAction(&here, "i4"));
  events = EventsOf(here);
  std::vector<std::string> order;
  for (const SseMessage& event : events) {
    if (event.type() == "update") order.push_back(event.id);
  }
  ASSERT_EQ(order.size(), 4u);
  for (size_t i = 0; i < order.size(); ++i) {
    EXPECT_TRUE(order[i].ends_with("." + std::to_string(i + 1))) << order[i];
  }
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  const redis::Reply length = [&] {
    return server.Command({"XLEN", "pathcast:1:{acme}:log"});
  }();
  EXPECT_EQ(length.integer(), 4);
}

TEST(BrokerLog, ANodeThatStartsWhileRedisIsAwayOpensItsStreamsAndRecovers) {
  RedisServer server;
  server.Kill();
  BrokerHub a(server, "a",
              [](HubOptions& options) { options.broker->open_wait_ms = 50; });
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(2));
  EXPECT_EQ(Types(here), "hello resync");
  EXPECT_NE(here.bytes().find("\"reason\":\"broker_lost\""), std::string::npos);
  EXPECT_EQ(EventsOf(here)[1].id, "0.0");
  EXPECT_EQ(a.Publish("acme", "i1").code, PublishCode::kQueued);
  ASSERT_TRUE(here.ReadMessages(3));
  EXPECT_EQ(EventsOf(here)[2].type(), "invalidate");
  server.Start();
  // With the real cursor; i1 comes before it or is in what is read anew.
  ASSERT_TRUE(here.ReadMessages(4));
  EXPECT_EQ(EventsOf(here)[3].type(), "resync");
  EXPECT_NE(EventsOf(here)[3].id, "0.0");
  a.hub.Until([&] { return a.broker().outbox_actions.Get() == 0; });
  ASSERT_EQ(a.Publish("acme", "i2").seq, 2u);
  ASSERT_TRUE(ReadAction(&here, "i2"));
}

TEST(BrokerLog, AnEphemeralEventCrossesNodesAndComesOnce) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser here = a.hub.Open();
  Browser there = b.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  ASSERT_TRUE(there.ReadMessages(1));
  a.hub.Post(EphemeralCommand{
      "acme", "{\"type\":\"ephemeral\",\"topic\":\"typing\"}", {}});
  for (Browser* browser : {&here, &there})
    ASSERT_TRUE(browser->ReadMessages(2));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  for (Browser* browser : {&here, &there}) {
    ASSERT_TRUE(ReadAction(browser, "i1"));
    EXPECT_EQ(Types(*browser), "hello ephemeral update");
  }
}

TEST(BrokerLog, WhatSomebodyElseWroteIsRefusedAndReachesNoStream) {
  RedisServer server;
  EXPECT_TRUE(server.Command({"SET", "pathcast:1:{theirs}:head", "x"}).ok());
  BrokerHub a(server, "a");
  EXPECT_EQ(a.Publish("theirs", "i1").code, PublishCode::kRefused);
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  for (const char* text :
       {"hello", "1 x", "1 abc 1 1 3\nidx", "1 abc 9 9 2\nid2 1 0 0\nab}",
        "2 of another version\n"}) {
    EXPECT_TRUE(
        server.Command({"PUBLISH", "pathcast:1:{acme}:bell", text}).ok());
  }
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  ASSERT_TRUE(ReadAction(&here, "i1"));
  EXPECT_EQ(Types(here), "hello update");
  EXPECT_GE(a.broker().foreign.Get(), 4u);
}

TEST(BrokerLog, ATrimmedStretchIsAResyncWithItsReason) {
  RedisServer server;
  const auto small = [](HubOptions& options) {
    options.core.log.max_actions = 5;
  };
  BrokerHub a(server, "a", small);
  BrokerHub b(server, "b", small);
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  ASSERT_TRUE(ReadAction(&there, "i1"));
  // What b's subscription would have said is lost, and then what it would have
  // read. One of the next actions shows the gap.
  EXPECT_TRUE(
      server.Command({"XTRIM", "pathcast:1:{acme}:log", "MAXLEN", "0"}).ok());
  EXPECT_TRUE(
      server.Command({"HSET", "pathcast:1:{acme}:head", "seq", "9"}).ok());
  ASSERT_EQ(a.Publish("acme", "i10").seq, 10u);
  ASSERT_TRUE(there.ReadUntil([](const SseStream& stream) {
    return stream.messages.back().type() == "resync";
  }));
  EXPECT_NE(there.bytes().find("\"reason\":\"trimmed\""), std::string::npos);
  EXPECT_TRUE(EventsOf(there).back().id.ends_with(".10"));
  ASSERT_EQ(a.Publish("acme", "i11").seq, 11u);
  ASSERT_TRUE(ReadAction(&there, "i11"));
  EXPECT_EQ(b.broker().gaps_found.Get(), 1u);
  EXPECT_EQ(b.broker().gaps_healed.Get(), 1u);
}

TEST(BrokerLog, WhoComesWithAPlaceAheadOfThisNodeIsNotBelievedButReadUpTo) {
  RedisServer server;
  BrokerHub a(server, "a");
  Browser here = a.hub.Open();
  ASSERT_TRUE(here.ReadMessages(1));
  const std::string epoch = a.Publish("acme", "i1").epoch;
  ASSERT_TRUE(ReadAction(&here, "i1"));
  StreamRequest request = a.hub.Request("acme", "u2");
  request.resume.last_event_id = epoch + ".99";
  Browser ahead = a.hub.Open(std::move(request));
  ASSERT_TRUE(ahead.ReadMessages(2));
  EXPECT_NE(ahead.bytes().find("\"reason\":\"ahead_of_log\""),
            std::string::npos);
  EXPECT_EQ(a.broker().reads.Get(), 2u);
  // Nobody else hears of it, and the next place is the next.
  ASSERT_EQ(a.Publish("acme", "i2").seq, 2u);
  ASSERT_TRUE(ReadAction(&here, "i2"));
  EXPECT_EQ(Types(here), "hello update update");
}

}  // namespace
}  // namespace pathcast
