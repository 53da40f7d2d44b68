// A client without ids stores the timestamp of the last event it saw, whatever
// kind it is, and comes back with it (inclusive). So no event may carry a time
// that lies after an action which the stream was not sent: it would be
// "resumed", and that action never came. Each test cuts a stream where an
// action is published and not sent, and asks the verdict.
#include <gtest/gtest.h>

#include <string>

#include "core_world.h"

namespace pathcast {
namespace {

class SafeTime : public ::testing::Test {
 protected:
  SafeTime() : channel_("acme", "e1", 900'000) {}

  static int64_t TimeOf(const SseMessage& message) {
    return static_cast<int64_t>(message.Number("timestamp"));
  }
  static int64_t LastTime(const Client& client) {
    return TimeOf(client.Read().messages.back());
  }
  // Whether a client that comes back with `since` gets the action `seq`, or is
  // told that something is missing.
  ::testing::AssertionResult Gets(uint64_t seq, int64_t since) {
    const Verdict verdict =
        Judge(channel_.log(), {"", true, since}, world_.context.now_ms);
    if (!verdict.recovered || verdict.next_seq <= seq) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << "resumed from " << verdict.next_seq << " at " << since
           << ", action " << seq << " arrived "
           << channel_.log().At(seq)->arrived_ms;
  }
  ::testing::AssertionResult ResyncsAgain(int64_t since) {
    const Verdict verdict =
        Judge(channel_.log(), {"", true, since}, world_.context.now_ms);
    if (verdict.needs_resync()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << ToString(verdict.reason) << " at " << since;
  }
  // Four messages that do not fit into a slow sink, then a second later the
  // action that is not offered.
  void LetOneFallBehind(Client& client) {
    client.sink.room = 0;
    for (int i = 0; i < 4; ++i) {
      world_.Publish(channel_, {.data = "\"" + std::string(1'500, 'x') + "\""});
      world_.FanOut(channel_);
      world_.Advance(10);
    }
    world_.Advance(1'000);
    world_.Publish(channel_);
    world_.Advance(1);
  }

  World world_;
  Channel channel_;
};

TEST_F(SafeTime, AStretchIsAsOldAsItsLastAction) {
  world_.context.options.connection_cap_bytes = 4'096;
  Client client(world_, channel_, kTrpcBare);
  LetOneFallBehind(client);
  client.Unblock();
  ASSERT_EQ(client.Events().back().type(), "invalidate");
  EXPECT_EQ(LastTime(client), channel_.log().At(4)->arrived_ms);
  EXPECT_TRUE(Gets(5, LastTime(client)));
}

TEST_F(SafeTime, SoIsTheResyncInItsPlace) {
  world_.context.options.connection_cap_bytes = 4'096;
  world_.context.options.max_invalidate_bytes = 60;
  Client client(world_, channel_, kTrpcBare);
  LetOneFallBehind(client);
  client.Unblock();
  ASSERT_EQ(client.Events().back().type(), "resync");
  EXPECT_EQ(LastTime(client), channel_.log().At(4)->arrived_ms);
  EXPECT_TRUE(Gets(5, LastTime(client)));
}

TEST_F(SafeTime, AnImportIsAsOldAsItsLastAction) {
  world_.context.options.compact_after = 3;
  FilterSpec filter;
  filter.modules = {"guests"};
  Client all(world_, channel_, kTrpcBare);
  Client some(world_, channel_, kTrpcBare, {}, &filter);
  world_.Advance(1'000);
  world_.Publish(channel_, {}, 4);
  const int64_t imported = world_.context.now_ms;
  world_.Advance(1);
  world_.Publish(channel_);
  world_.Advance(1);
  all.sink.room = some.sink.room = 190;  // not for all of the fifth
  world_.FanOut(channel_);
  for (const Client* client : {&all, &some}) {
    ASSERT_EQ(client->Events().size(), 1u);
    ASSERT_EQ(client->Events().back().type(), "invalidate");
    EXPECT_EQ(LastTime(*client), imported);
    EXPECT_TRUE(Gets(5, LastTime(*client)));
  }
}

TEST_F(SafeTime, ACatchUpInOneIsAsOldAsItsLastAction) {
  world_.context.options.compact_after = 3;
  world_.Publish(channel_, {}, 6);
  const int64_t published = world_.context.now_ms;
  world_.FanOut(channel_);
  world_.Advance(5'000);
  Client client(world_, channel_, kTrpcBare, {"e1.1"});
  ASSERT_EQ(client.Events().back().type(), "invalidate");
  EXPECT_EQ(LastTime(client), published);
}

TEST_F(SafeTime, AHeartbeatIsNotAheadOfWhatTheStreamWasOffered) {
  Client client(world_, channel_, kTrpcBare);
  world_.Publish(channel_);
  world_.FanOut(channel_);
  world_.Advance(1'000);
  const auto ping = [&] {
    return client.subscription.WriteUnlessSlow(
        world_.context,
        channel_.PingAt(world_.context, kTrpcBare, client.subscription.pos()));
  };
  ASSERT_TRUE(ping());
  EXPECT_EQ(LastTime(client), world_.context.now_ms);  // it has everything
  world_.Publish(channel_);
  const int64_t published = world_.context.now_ms;
  world_.Advance(3);
  ASSERT_TRUE(ping());
  EXPECT_EQ(LastTime(client), published);
  EXPECT_TRUE(Gets(2, LastTime(client)));
  world_.FanOut(channel_);
  ASSERT_TRUE(ping());
  EXPECT_EQ(LastTime(client), world_.context.now_ms);
}

TEST_F(SafeTime, AnEphemeralEventIsNotAheadOfWhatTheStreamWasOffered) {
  Client client(world_, channel_, kTrpcBare);
  world_.Publish(channel_);
  world_.Advance(1);
  world_.Ephemeral(channel_, "typing");
  world_.Advance(1);
  world_.Publish(channel_);
  client.sink.room = 230;  // for two and a half
  world_.FanOut(channel_);
  ASSERT_EQ(client.Events().back().type(), "ephemeral");
  EXPECT_TRUE(Gets(2, LastTime(client)));
}

TEST_F(SafeTime, AFarewellIsNotAheadOfWhatTheStreamWasSent) {
  Client client(world_, channel_, kTrpcBare);
  const auto farewell = [&] {
    return client.subscription.SafeMs(world_.context, channel_);
  };
  EXPECT_EQ(farewell(), world_.context.now_ms);
  world_.Publish(channel_);  // in the window
  const int64_t first = world_.context.now_ms;
  world_.Advance(10);
  EXPECT_EQ(farewell(), first);
  client.sink.room = 0;
  world_.FanOut(channel_);  // in the backlog
  world_.Publish(channel_);
  world_.Advance(10);
  EXPECT_EQ(farewell(), first);
  world_.context.options.connection_cap_bytes = 100;
  world_.FanOut(channel_);  // in a stretch
  world_.Advance(10);
  ASSERT_EQ(world_.metrics.conflations.Get(), 1u);
  EXPECT_EQ(farewell(), first);
  client.Unblock();
  EXPECT_EQ(farewell(), world_.context.now_ms);
}

TEST_F(SafeTime, AFarewellBeforeTheOpeningLeavesTheClientWhereItWas) {
  world_.Publish(channel_, {}, 3);
  world_.FanOut(channel_);
  world_.Advance(100);
  const int64_t since = world_.context.now_ms - 500;
  Client placed(world_, channel_, kTrpcBare, {"", true, since}, nullptr, 0);
  EXPECT_EQ(placed.subscription.SafeMs(world_.context, channel_), since);
  Client resync(world_, channel_, kTrpcBare, {"e0.7"}, nullptr, 0);
  EXPECT_TRUE(
      ResyncsAgain(resync.subscription.SafeMs(world_.context, channel_)));
}

TEST_F(SafeTime, AHelloIsNotAheadOfItsCatchUp) {
  const int64_t first = world_.context.now_ms;
  world_.Publish(channel_);
  world_.Advance(100);
  world_.Publish(channel_);
  const int64_t second = world_.context.now_ms;
  world_.FanOut(channel_);
  world_.Advance(100);
  const auto hello = [&](const Dialect& dialect, const ResumePoint& point) {
    return TimeOf(Client(world_, channel_, dialect, point).Read().messages[0]);
  };
  EXPECT_EQ(hello({false, false, false}, {"e1.0"}), first);
  EXPECT_EQ(hello({false, false, false}, {"e1.1"}), second);
  EXPECT_EQ(hello({false, false, false}, {"e1.2"}), world_.context.now_ms);
  EXPECT_EQ(hello({false, false, false}, {}), world_.context.now_ms);
  // Who has ids comes back with one.
  EXPECT_EQ(hello(kPlain, {"e1.0"}), world_.context.now_ms);
}

TEST_F(SafeTime, AHelloThatAResyncFollowsMakesItComeAgain) {
  world_.context.options.log.max_actions = 1;
  world_.Publish(channel_, {}, 3);
  world_.FanOut(channel_);
  world_.Advance(100);
  const int64_t now = world_.context.now_ms;
  const ResumePoint points[] = {{"nonsense"},
                                {"e0.1"},
                                {"e1.9"},
                                {"e1.1"},
                                {"", true, 5},
                                {"", true, now - 100},
                                {"", true, now + 100'000}};
  for (const ResumePoint& point : points) {
    Client client(world_, channel_, {false, false, false}, point);
    const SseStream stream = client.Read();
    ASSERT_EQ(stream.messages.size(), 2u);
    EXPECT_TRUE(ResyncsAgain(TimeOf(stream.messages[0])))
        << point.last_event_id << " " << point.since_ms;
    EXPECT_EQ(stream.messages[1].type(), "resync");
    EXPECT_EQ(TimeOf(stream.messages[1]), now);
  }
}

}  // namespace
}  // namespace pathcast
