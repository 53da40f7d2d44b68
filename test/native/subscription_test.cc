// One stream before a sink that takes what it likes (lib/SPEC.md §5).
#include "core/subscription.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core_world.h"

namespace pathcast {
namespace {

class Stream : public ::testing::Test {
 protected:
  Stream() : channel_("acme", "e1", 0) {}
  void Publish(const TestAction& action = {}, int times = 1) {
    world_.Publish(channel_, action, times);
    world_.FanOut(channel_);
  }
  static TestAction Of(const std::string& path, size_t bytes = 0) {
    return {.paths = {path},
            .module = path.substr(0, path.find('.')),
            .data = "\"" + std::string(bytes, 'x') + "\""};
  }

  World world_;
  Channel channel_;
};

// Who is evicted is the one whose sink last took bytes longest ago: one that
// has taken none yet is as old as its opening, not as old as the world.
TEST_F(Stream, OneThatHasTakenNothingIsAsOldAsItsOpening) {
  Client client(world_, channel_, kPlain, {}, nullptr, 0);
  EXPECT_EQ(client.sink.bytes, "");
  EXPECT_EQ(client.subscription.last_write_ms(), 1'000'000);
  world_.Advance(10);
  client.Unblock();
  EXPECT_EQ(client.subscription.last_write_ms(), 1'000'010);
}

TEST_F(Stream, WhatIsDueLeavesInOneWrite) {
  Client client(world_, channel_);
  const int before = client.sink.writes;
  world_.Publish(channel_);
  world_.Publish(channel_);
  world_.Ephemeral(channel_, "typing");
  world_.Publish(channel_);
  world_.FanOut(channel_);
  EXPECT_EQ(client.sink.writes, before + 1);
  EXPECT_EQ(client.Events().size(), 4u);
  EXPECT_EQ(world_.metrics.deliveries.Get(), 3u);
  EXPECT_EQ(client.sink.misuses, 0);
}

TEST_F(Stream, MoreThanThePartsOfOneWriteTakeSeveral) {
  world_.context.options.compact_after = 1'000;
  Client client(world_, channel_);
  const int before = client.sink.writes;
  Publish({}, static_cast<int>(Sink::kMaxParts) * 2 + 1);
  EXPECT_EQ(client.sink.writes, before + 3);
  EXPECT_EQ(client.Events().size(), Sink::kMaxParts * 2 + 1);
  EXPECT_EQ(client.sink.misuses, 0);
}

TEST_F(Stream, EphemeralEventsHaveAnIdInTheTrpcDialectOnly) {
  Publish();
  Client plain(world_, channel_, kPlain);
  Client trpc(world_, channel_, kTrpcTransformed);
  Client bare(world_, channel_, kTrpcBare);
  world_.Ephemeral(channel_, "typing");
  world_.FanOut(channel_);
  ASSERT_EQ(plain.Events().size(), 1u);
  EXPECT_EQ(plain.Events()[0].id, "");
  ASSERT_EQ(trpc.Events().size(), 1u);
  EXPECT_EQ(trpc.Events()[0].id, "e1.1");
  EXPECT_EQ(trpc.Events()[0].data.substr(0, 8), "{\"json\":");
  ASSERT_EQ(bare.Events().size(), 1u);
  EXPECT_EQ(bare.Events()[0].id, "");
}

// Wherever a sink stops in the middle, the stream it gets is the same.
TEST_F(Stream, ACutAtAnyByteForgesNothing) {
  std::string whole;
  {
    Client client(world_, channel_, kTrpc);
    const size_t opening = client.sink.bytes.size();
    Publish(Of("guests.getAll"));
    Publish(Of("budget.list"));
    Publish(Of("guests.getAll", 30));
    whole = client.sink.bytes.substr(opening);
  }
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    World world;
    Channel channel("acme", "e1", 0);
    Client client(world, channel, kTrpc);
    const size_t opening = client.sink.bytes.size();
    client.sink.room = cut;
    world.Publish(channel, Of("guests.getAll"));
    world.Publish(channel, Of("budget.list"));
    world.FanOut(channel);
    world.Publish(channel, Of("guests.getAll", 30));
    world.FanOut(channel);
    EXPECT_EQ(client.subscription.slow(), cut < whole.size());
    EXPECT_EQ(client.subscription.backlog_bytes(), whole.size() - cut);
    EXPECT_EQ(world.metrics.backlog_bytes.Get(), whole.size() - cut);
    // One byte, then the rest.
    client.Unblock(1);
    client.Unblock();
    EXPECT_EQ(client.sink.bytes.substr(opening), whole);
    EXPECT_FALSE(client.subscription.slow());
    EXPECT_FALSE(client.sink.wanted);
    EXPECT_EQ(world.metrics.deliveries.Get(), 3u);
    EXPECT_EQ(world.metrics.slow_sinks.Get(), 0u);
    EXPECT_EQ(world.metrics.backlog_bytes.Get(), 0u);
  }
}

TEST_F(Stream, OverItsCapABacklogIsOneInvalidate) {
  world_.context.options.connection_cap_bytes = 4096;
  Client client(world_, channel_);
  client.sink.room = 0;
  Publish(Of("guests.getAll", 1500));
  Publish(Of("guests.getOne", 1500));
  EXPECT_LE(client.subscription.backlog_bytes(), 4096u);
  Publish(Of("budget", 1500));  // over
  Publish(Of("budget.list", 10));
  EXPECT_EQ(client.subscription.backlog_bytes(), 0u);
  EXPECT_EQ(world_.metrics.conflations.Get(), 1u);
  ASSERT_EQ(world_.observer.notices.size(), 1u);
  EXPECT_EQ(world_.observer.notices[0].second, 3u);

  client.Unblock();
  ASSERT_EQ(client.Events().size(), 1u);
  const SseMessage event = client.Events()[0];
  EXPECT_EQ(event.type(), "invalidate");
  EXPECT_EQ(event.id, "e1.4");
  EXPECT_EQ(event.Number("from"), 1u);
  EXPECT_EQ(event.Number("to"), 4u);
  EXPECT_EQ(event.Number("count"), 4u);
  EXPECT_EQ(event.Paths(), (std::vector<std::string>{
                               "guests.getAll", "guests.getOne", "budget"}));
  Publish();
  EXPECT_EQ(client.Events().back().id, "e1.5");
  EXPECT_EQ(world_.metrics.deliveries.Get(), 1u);
}

TEST_F(Stream, AMessageWhoseFirstBytesHaveLeftStaysWhole) {
  world_.context.options.connection_cap_bytes = 4096;
  Client client(world_, channel_);
  client.sink.room = 100;
  Publish(Of("guests.getAll", 3000));
  for (int i = 0; i < 5; ++i) Publish(Of("budget.list", 1000));
  EXPECT_EQ(world_.metrics.conflations.Get(), 1u);
  client.Unblock();
  const auto events = client.Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].id, "e1.1");
  EXPECT_EQ(events[0].type(), "update");
  EXPECT_EQ(events[1].Number("from"), 2u);
  EXPECT_EQ(events[1].Number("to"), 6u);
}

TEST_F(Stream, AnInvalidateThatHasToWaitConflatesAgain) {
  world_.context.options.connection_cap_bytes = 4096;
  Client client(world_, channel_);
  client.sink.room = 0;
  for (int i = 0; i < 3; ++i) Publish(Of("guests.getAll", 2000));
  client.Unblock(0);  // the stretch becomes a message, of which nothing leaves
  EXPECT_GT(client.subscription.backlog_bytes(), 0u);
  for (int i = 0; i < 3; ++i) Publish(Of("budget.list", 2000));
  client.Unblock();
  ASSERT_EQ(client.Events().size(), 1u);
  EXPECT_EQ(client.Events()[0].Number("from"), 1u);
  EXPECT_EQ(client.Events()[0].Number("to"), 6u);
  EXPECT_EQ(client.Events()[0].Number("count"), 6u);
}

TEST_F(Stream, WhereTheUnionIsTooLongItIsAResync) {
  world_.context.options.connection_cap_bytes = 4096;
  world_.context.options.max_invalidate_bytes = 300;
  Client client(world_, channel_);
  client.sink.room = 0;
  for (int i = 0; i < 60; ++i) {
    Publish(Of("segment" + std::to_string(i) + ".x", 200));
  }
  client.Unblock();
  ASSERT_EQ(client.Events().size(), 1u);
  EXPECT_EQ(client.Events()[0].type(), "resync");
  EXPECT_EQ(client.Events()[0].Text("reason"), "overflow");
  EXPECT_EQ(client.Events()[0].id, "e1.60");
  const auto overflow = static_cast<size_t>(Reason::kOverflow);
  EXPECT_EQ(world_.metrics.resyncs[overflow].Get(), 1u);
}

TEST_F(Stream, TheOpeningKeepsToTheCapToo) {
  world_.context.options.connection_cap_bytes = 4096;
  Publish(Of("guests.getAll", 1200), 3);
  Client client(world_, channel_, kPlain, {"e1.0", false, 0}, nullptr, 0);
  EXPECT_LE(client.subscription.whole_backlog_bytes(), 4096u);
  client.Unblock();
  const SseStream stream = client.Read();
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.messages[0].type(), "hello");
  EXPECT_EQ(stream.messages[1].type(), "invalidate");
  EXPECT_EQ(stream.messages[1].Number("count"), 3u);
}

TEST_F(Stream, AnImportIsOneInvalidateAndNothingBesideIt) {
  world_.context.options.compact_after = 10;
  const FilterSpec budget{.modules = {{"budget"}}};
  Client all(world_, channel_, kTrpc);
  Client filtered(world_, channel_, kPlain, {}, &budget);
  Client late(world_, channel_);
  late.sink.room = 0;
  world_.Publish(channel_, Of("guests.getAll"));
  world_.Ephemeral(channel_, "before");
  world_.Publish(channel_, Of("hotels.list"), 11);
  world_.Ephemeral(channel_, "after");
  world_.Publish(channel_, Of("budget.list"));
  world_.FanOut(channel_);

  const auto events = all.Events();
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].id, "e1.1");
  EXPECT_EQ(events[0].type(), "update");
  EXPECT_EQ(events[1].Text("topic"), "before");
  EXPECT_EQ(events[1].id, "e1.1");
  EXPECT_EQ(events[2].type(), "invalidate");
  EXPECT_EQ(events[2].Number("from"), 2u);
  EXPECT_EQ(events[2].id, "e1.12");
  EXPECT_EQ(events[3].Text("topic"), "after");
  EXPECT_EQ(events[3].id, "e1.12");
  EXPECT_EQ(events[4].id, "e1.13");
  ASSERT_EQ(filtered.Events().size(), 3u);  // no invalidate
  EXPECT_EQ(filtered.Events()[2].id, "e1.13");

  late.Unblock();  // one by one it would not have been fewer bytes
  ASSERT_EQ(late.Events().size(), 3u);
  EXPECT_EQ(late.Events()[1].type(), "invalidate");
  EXPECT_EQ(world_.metrics.compactions.Get(), 2u);
}

TEST_F(Stream, ExactlyCompactAfterIsNoImport) {
  world_.context.options.compact_after = 10;
  Client client(world_, channel_);
  Publish(Of("a.b"), 10);
  EXPECT_EQ(client.Events().size(), 10u);
  Publish(Of("a.b"), 11);
  EXPECT_EQ(client.Events().size(), 11u);
}

TEST_F(Stream, HeartbeatsAndEphemeralEventsSkipABacklog) {
  Client client(world_, channel_);
  client.sink.room = 10;
  Publish();
  EXPECT_FALSE(client.subscription.WriteUnlessSlow(
      world_.context,
      channel_.PingAt(world_.context, kPlain, client.subscription.pos())));
  world_.Ephemeral(channel_, "lost");
  world_.FanOut(channel_);
  EXPECT_EQ(world_.metrics.ephemerals_dropped.Get(), 1u);
  client.Unblock();
  EXPECT_EQ(client.Events().size(), 1u);
  EXPECT_TRUE(client.subscription.WriteUnlessSlow(
      world_.context,
      channel_.PingAt(world_.context, kPlain, client.subscription.pos())));
  EXPECT_EQ(client.Events().back().event, "ping");
  EXPECT_EQ(client.Events().back().id, "e1.1");
}

TEST_F(Stream, ADroppedEphemeralEventLeavesNoBacklog) {
  Client client(world_, channel_);
  client.sink.room = 0;
  world_.Ephemeral(channel_, "lost");
  world_.FanOut(channel_);
  EXPECT_FALSE(client.subscription.slow());
  EXPECT_EQ(world_.metrics.slow_sinks.Get(), 0u);
  client.sink.room = FakeSink::kUnlimited;
  Publish();
  EXPECT_EQ(client.Events().size(), 1u);
}

TEST_F(Stream, AHalfWrittenHeartbeatIsFinishedFirst) {
  for (size_t cut = 0; cut < 25; ++cut) {
    World world;
    Channel channel("acme", "e1", 0);
    Client client(world, channel);
    client.sink.room = cut;
    const std::string ping(
        channel.PingAt(world.context, kPlain, client.subscription.pos()));
    const bool counted =
        client.subscription.WriteUnlessSlow(world.context, ping);
    EXPECT_EQ(counted, cut > 0);
    world.Publish(channel);
    world.FanOut(channel);
    client.Unblock();
    client.Unblock();
    const SseStream stream = client.Read();
    EXPECT_EQ(stream.malformed, "");
    EXPECT_EQ(stream.rest, "");
    EXPECT_EQ(stream.messages.size(), cut > 0 ? 3u : 2u);
    EXPECT_EQ(stream.messages.back().id, "e1.1");
  }
}

TEST_F(Stream, TheLastMessageComesAfterWholeMessagesOnly) {
  std::string bye;
  AppendServerClose(&bye, kPlain, {}, 17, CloseReason::kSlow, 1);
  {
    Client client(world_, channel_);
    client.sink.room = 0;
    Publish();
    client.sink.room = FakeSink::kUnlimited;
    client.subscription.WriteLast(world_.context, bye);
    EXPECT_EQ(client.Read().malformed, "");
    EXPECT_EQ(client.Events().back().event, "server_close");
  }
  Client client(world_, channel_);
  client.sink.room = 10;
  Publish();
  client.sink.room = FakeSink::kUnlimited;
  client.subscription.WriteLast(world_.context, bye);
  EXPECT_TRUE(client.Events().empty());
}

TEST_F(Stream, ASinkThatIsGoneIsReportedOnceAndNeverWrittenAgain) {
  for (const uint64_t room : {uint64_t{0}, uint64_t{7}, FakeSink::kUnlimited}) {
    World world;
    Channel channel("acme", "e1", 0);
    Client client(world, channel);
    client.sink.room = room;
    world.Publish(channel);
    world.FanOut(channel);
    client.sink.gone = true;
    client.Unblock();
    world.Publish(channel);
    world.FanOut(channel);
    EXPECT_EQ(world.observer.gone.size(), 1u);
    const int writes = client.sink.writes;
    world.Publish(channel);
    world.FanOut(channel);
    client.subscription.OnWritable(world.context, channel);
    EXPECT_FALSE(client.subscription.WriteUnlessSlow(world.context, "x"));
    client.subscription.WriteLast(world.context, "x");
    EXPECT_EQ(client.sink.writes, writes);
    EXPECT_FALSE(channel.needs_pass());
  }
}

TEST_F(Stream, ASinkGoneAtItsOpeningGivesItsGaugesBack) {
  {
    FakeSink sink;
    sink.gone = true;
    Subscription subscription(&sink, kPlain, nullptr);
    channel_.Add(&subscription);
    const ResumePoint none;
    subscription.Start(world_.context, channel_,
                       MakeOpening(world_.context, channel_, subscription,
                                   {"HTTP/1.1 200 OK\r\n\r\n", "c", &none}),
                       channel_.window_end());
    EXPECT_TRUE(subscription.gone());
    subscription.Retire(world_.context);
    channel_.Remove(&subscription);
  }
  EXPECT_EQ(world_.metrics.slow_sinks.Get(), 0u);
  EXPECT_EQ(world_.metrics.backlog_bytes.Get(), 0u);
}

TEST_F(Stream, AStallIsMeasuredFromTheLastByteTaken) {
  Client client(world_, channel_);
  world_.Advance(5);
  client.sink.room = 10;
  Publish();
  const int64_t blocked = world_.context.steady_ms;
  EXPECT_EQ(client.subscription.stalled_since_ms(), blocked);
  world_.Advance(100);
  client.Unblock(0);
  EXPECT_EQ(client.subscription.stalled_since_ms(), blocked);
  client.Unblock(1);
  EXPECT_EQ(client.subscription.stalled_since_ms(), blocked + 100);
  EXPECT_EQ(client.subscription.last_write_ms(), blocked + 100);
}

}  // namespace
}  // namespace pathcast
