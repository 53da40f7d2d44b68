// The table of lib/SPEC.md §2, row by row, and what opens a stream.
#include "core/resume.h"

#include <gtest/gtest.h>

#include <string>

#include "core_world.h"

namespace pathcast {
namespace {

class Resume : public ::testing::Test {
 protected:
  Resume() : channel_("acme", "e1", world_.context.now_ms) {
    world_.context.options.retry_ms = 1;  // its jitter is then 1 or 2
  }
  Verdict ByCursor(const std::string& text) {
    return Judge(channel_.log(), {text, false, 0}, world_.context.now_ms);
  }
  Verdict ByTime(int64_t since) {
    return Judge(channel_.log(), {"", true, since}, world_.context.now_ms);
  }
  // Five actions, 10 ms apart, of which the last three are kept.
  void FiveOfWhichThreeAreKept() {
    world_.context.options.log.max_actions = 3;
    for (int i = 0; i < 5; ++i) {
      world_.Advance(10);
      world_.Publish(channel_);
    }
    world_.FanOut(channel_);
  }

  World world_;
  Channel channel_;
};

TEST_F(Resume, Cursor) {
  FiveOfWhichThreeAreKept();
  EXPECT_EQ(ByCursor("e1.5").reason, Reason::kResumed);
  EXPECT_EQ(ByCursor("e1.5").next_seq, 6u);
  EXPECT_EQ(ByCursor("e1.2").reason, Reason::kResumed);
  EXPECT_EQ(ByCursor("e1.2").next_seq, 3u);
  EXPECT_EQ(ByCursor("e1.1").reason, Reason::kTrimmed);
  EXPECT_EQ(ByCursor("e1.0").reason, Reason::kTrimmed);
  EXPECT_EQ(ByCursor("e1.6").reason, Reason::kAheadOfLog);
  EXPECT_EQ(ByCursor("e2.5").reason, Reason::kEpochChanged);
  EXPECT_EQ(ByCursor("0.0").reason, Reason::kEpochChanged);
  for (const char* text : {"e1", "e1.", ".5", "e1.05", "e1.-1", "E1.5", "e1.5 ",
                           "e1.9007199254740992", "e1.5\n", "*"}) {
    EXPECT_EQ(ByCursor(text).reason, Reason::kUnknownCursor) << text;
    EXPECT_FALSE(ByCursor(text).recovered);
  }
  EXPECT_EQ(Judge(channel_.log(), {}, 0).reason, Reason::kFresh);
}

TEST_F(Resume, AQuietStreamResumesWhenNothingIsKept) {
  FiveOfWhichThreeAreKept();
  world_.context.options.log.max_actions = 0;
  channel_.TrimLog(world_.context);
  EXPECT_EQ(ByCursor("e1.5").reason, Reason::kResumed);
  EXPECT_EQ(ByCursor("e1.4").reason, Reason::kTrimmed);
}

TEST_F(Resume, Time) {
  const int64_t born = world_.context.now_ms;
  EXPECT_EQ(ByTime(born - 1).reason, Reason::kEpochChanged);
  EXPECT_EQ(ByTime(born).reason, Reason::kResumed);
  EXPECT_EQ(ByTime(born).next_seq, 1u);
  FiveOfWhichThreeAreKept();  // at +10 … +50; +20 was lost last
  EXPECT_EQ(ByTime(born - 1).reason, Reason::kEpochChanged);
  EXPECT_EQ(ByTime(born + 20).reason, Reason::kTrimmed);
  EXPECT_EQ(ByTime(born + 21).reason, Reason::kResumed);
  EXPECT_EQ(ByTime(born + 21).next_seq, 3u);
  EXPECT_EQ(ByTime(born + 30).next_seq, 3u);
  EXPECT_EQ(ByTime(born + 31).next_seq, 4u);
  world_.context.now_ms++;
  EXPECT_EQ(ByTime(born + 51).next_seq, 6u);
}

TEST_F(Resume, AClockThatRanAheadHidesNothingOfTheLastMinute) {
  const int64_t born = world_.context.now_ms;
  FiveOfWhichThreeAreKept();  // at +10 … +50; +20 was lost last
  world_.context.now_ms = born + 60'020;
  // At most a minute before: +20 … is not all kept, +21 … is.
  EXPECT_EQ(ByTime(born + 60'020).next_seq, 6u);
  EXPECT_EQ(ByTime(born + 60'021).next_seq, 3u);
  EXPECT_EQ(ByTime(born + 60'031).next_seq, 4u);
  EXPECT_EQ(ByTime(born + 60'051).next_seq, 6u);
  world_.context.now_ms = born + 60'019;
  EXPECT_EQ(ByTime(born + 60'020).reason, Reason::kTrimmed);
}

TEST_F(Resume, ATimeFarAheadIsNoPositionUnlessAnActionIsThere) {
  const int64_t now = world_.context.now_ms;
  EXPECT_EQ(ByTime(now + 60'000).reason, Reason::kResumed);
  EXPECT_EQ(ByTime(now + 60'001).reason, Reason::kAheadOfLog);
  TestAction ahead;
  ahead.timestamp_ms = now + 100'000;
  world_.Publish(channel_, ahead);
  EXPECT_EQ(ByTime(now + 100'000).reason, Reason::kResumed);
  EXPECT_EQ(ByTime(now + 100'000).next_seq, 1u);
  EXPECT_EQ(ByTime(now + 100'001).reason, Reason::kAheadOfLog);
}

TEST_F(Resume, TheCursorWinsOverTheTime) {
  const ResumePoint both{"nonsense", true, world_.context.now_ms};
  EXPECT_EQ(Judge(channel_.log(), both, world_.context.now_ms).reason,
            Reason::kUnknownCursor);
}

TEST_F(Resume, AFreshStreamByteForByte) {
  world_.Publish(channel_);
  world_.FanOut(channel_);
  Client client(world_, channel_, kTrpc);
  std::string text = client.sink.bytes;
  ASSERT_EQ(text.substr(0, 7), "retry: ");
  text.erase(0, text.find('\n') + 1);
  EXPECT_EQ(text,
            "event: connected\n"
            "data: {\"reconnectAfterInactivityMs\":37500}\n\n"
            "id: e1.1\n"
            "data: {\"type\":\"hello\",\"timestamp\":1000000,\"queryPaths\":[],"
            "\"recovered\":false,\"reason\":\"fresh\",\"cursor\":\"e1.1\","
            "\"epoch\":\"e1\",\"serverTime\":1000000,\"heartbeatMs\":15000,"
            "\"connectionId\":\"hub-1\"}\n\n");
  EXPECT_EQ(client.sink.writes, 1);
  EXPECT_FALSE(client.subscription.slow());
}

TEST_F(Resume, ACatchUpFollowsItsHelloInOneWrite) {
  world_.Publish(channel_, {}, 3);
  world_.FanOut(channel_);
  Client client(world_, channel_, kPlain, {"e1.1", false, 0});
  const SseStream stream = client.Read();
  ASSERT_EQ(stream.messages.size(), 3u);
  EXPECT_EQ(stream.messages[0].id, "e1.1");
  EXPECT_EQ(stream.messages[0].Text("cursor"), "e1.3");
  EXPECT_EQ(stream.messages[0].Text("reason"), "resumed");
  EXPECT_EQ(stream.messages[1].id, "e1.2");
  EXPECT_EQ(stream.messages[2].id, "e1.3");
  EXPECT_EQ(client.sink.writes, 1);
  EXPECT_EQ(world_.metrics.deliveries.Get(), 2u);
}

TEST_F(Resume, AResyncFollowsAtAPositionThatNeverResumes) {
  Client client(world_, channel_, kPlain, {"e0.7", false, 0});
  const SseStream stream = client.Read();
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.messages[0].id, "0.0");
  EXPECT_EQ(stream.messages[1].id, "e1.0");
  EXPECT_EQ(stream.messages[1].type(), "resync");
  EXPECT_EQ(stream.messages[1].Text("reason"), "epoch_changed");
  const auto reason = static_cast<size_t>(Reason::kEpochChanged);
  EXPECT_EQ(world_.metrics.resyncs[reason].Get(), 1u);
  ASSERT_EQ(world_.observer.notices.size(), 1u);
  EXPECT_EQ(world_.observer.notices[0].first, SubscriptionNotice::kResync);
  EXPECT_EQ(world_.observer.notices[0].second, reason);
}

TEST_F(Resume, ALongCatchUpIsOneInvalidate) {
  world_.context.options.compact_after = 10;
  world_.Publish(channel_, {.paths = {"guests.getAll"}, .module = "guests"}, 6);
  world_.Publish(channel_, {.paths = {"budget.list"}, .module = "budget"}, 5);
  world_.FanOut(channel_);
  Client client(world_, channel_, kPlain, {"e1.0", false, 0});
  const auto events = client.Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type(), "invalidate");
  EXPECT_EQ(events[0].id, "e1.11");
  EXPECT_EQ(events[0].Number("from"), 1u);
  EXPECT_EQ(events[0].Number("to"), 11u);
  EXPECT_EQ(events[0].Number("count"), 11u);
  EXPECT_EQ(world_.metrics.compactions.Get(), 1u);

  // A filter counts what passes: five are few enough.
  const FilterSpec budget{.modules = {{"budget"}}};
  Client filtered(world_, channel_, kPlain, {"e1.0", false, 0}, &budget);
  EXPECT_EQ(filtered.Events().size(), 5u);
}

TEST_F(Resume, ACatchUpOfMoreThanTheCapIsOneInvalidate) {
  world_.context.options.connection_cap_bytes = 4096;
  world_.Publish(channel_, {.data = "\"" + std::string(2000, 'x') + "\""}, 3);
  world_.FanOut(channel_);
  Client client(world_, channel_, kPlain, {"e1.0", false, 0});
  ASSERT_EQ(client.Events().size(), 1u);
  EXPECT_EQ(client.Events()[0].type(), "invalidate");
}

TEST_F(Resume, WhereNotEvenOneFitsTheVerdictTurns) {
  world_.context.options.compact_after = 1;
  world_.context.options.max_invalidate_bytes = 200;
  for (int i = 0; i < 40; ++i) {
    world_.Publish(channel_, {.paths = {"segment" + std::to_string(i) + ".x"}});
  }
  world_.FanOut(channel_);
  Client client(world_, channel_, kPlain, {"e1.0", false, 0});
  const SseStream stream = client.Read();
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.messages[0].id, "0.0");
  EXPECT_NE(stream.messages[0].data.find("\"recovered\":false"),
            std::string::npos);
  EXPECT_EQ(stream.messages[0].Text("reason"), "overflow");
  EXPECT_EQ(stream.messages[1].type(), "resync");
  EXPECT_EQ(world_.metrics.compactions.Get(), 0u);
}

TEST_F(Resume, TheHelloOfAStreamPlacedByTimeRepeatsItsTime) {
  world_.Advance(500);
  const int64_t now = world_.context.now_ms;
  const auto timestamp = [&](int64_t since) {
    Client client(world_, channel_, kTrpcBare, {"", true, since});
    const std::string key = "\"timestamp\":";
    const std::string& bytes = client.sink.bytes;
    EXPECT_EQ(bytes.find("id: "), std::string::npos);
    return std::strtoll(bytes.c_str() + bytes.find(key) + key.size(), nullptr,
                        10);
  };
  EXPECT_EQ(timestamp(now - 100), now - 100);
  EXPECT_EQ(timestamp(now + 100), now);  // never above the hub's clock
}

TEST_F(Resume, AStreamThatEndsAtOnceGetsItsHelloAlone) {
  world_.Publish(channel_, {}, 3);
  world_.FanOut(channel_);
  FakeSink sink;
  Subscription subscription(&sink, kPlain, nullptr);
  const ResumePoint old{"e1.1", false, 0};
  const auto pieces = MakeOpening(world_.context, channel_, subscription,
                                  {"", "c", &old, true});
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].own.find("update"), std::string::npos);
  const ResumePoint gone{"e0.1", false, 0};
  const auto resync = MakeOpening(world_.context, channel_, subscription,
                                  {"", "c", &gone, true});
  ASSERT_EQ(resync.size(), 1u);
  EXPECT_EQ(resync[0].own.find("resync"), std::string::npos);
  EXPECT_FALSE(resync[0].resync.has_value());
}

}  // namespace
}  // namespace pathcast
