// The log as a mirror of one that a broker keeps: it begins at any seq, goes on
// under another name, and is replaced under streams that are open.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core_world.h"

namespace pathcast {
namespace {

class MirrorTest : public testing::Test {
 protected:
  Verdict Resume(const std::string& cursor) {
    ResumePoint point;
    point.last_event_id = cursor;
    return Judge(channel_.log(), point, world_.context.now_ms);
  }
  static std::vector<std::string> Types(const std::vector<SseMessage>& events) {
    std::vector<std::string> types;
    for (const SseMessage& event : events) types.push_back(event.type());
    return types;
  }
  static Verdict Good(uint64_t next) { return {Reason::kResumed, true, next}; }
  void Expect(const Verdict& verdict, const Verdict& wanted) {
    EXPECT_EQ(verdict.reason, wanted.reason);
    EXPECT_EQ(verdict.recovered, wanted.recovered);
    EXPECT_EQ(verdict.next_seq, wanted.next_seq);
  }
  void Begin(std::string epoch, uint64_t head_seq) {
    channel_.Restart(world_.context, {.epoch = std::move(epoch),
                                      .born_ms = 10,
                                      .head_seq = head_seq,
                                      .clock_ms = world_.context.now_ms});
  }

  World world_;
  Channel channel_{"acme", "0", 1};
};

TEST_F(MirrorTest, ALogThatIsNotReadIsNobodysPlace) {
  channel_.Restart(world_.context, ActionLog::Unread());
  Expect(Resume("0.0"), {Reason::kBrokerLost, false, 0});
  Client fresh(world_, channel_);
  const SseStream stream = fresh.Read();
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.messages[0].type(), "hello");
  EXPECT_EQ(stream.messages[0].id, "0.0");
  EXPECT_EQ(stream.messages[1].type(), "resync");
  EXPECT_NE(stream.messages[1].data.find("broker_lost"), std::string::npos);
  // Whoever comes back with a time is told to read anew.
  EXPECT_EQ(fresh.subscription.SafeMs(world_.context, channel_), 0);
}

TEST_F(MirrorTest, ItBeginsAtAnySeq) {
  Begin("a", 41);
  world_.Publish(channel_);
  EXPECT_EQ(channel_.log().head_seq(), 42u);
  Expect(Resume("a.41"), Good(42));
  Expect(Resume("a.42"), Good(43));
  Expect(Resume("a.40"), {Reason::kTrimmed, false, 0});
  Expect(Resume("a.43"), {Reason::kAheadOfLog, false, 0});
}

TEST_F(MirrorTest, ACursorOfAFormerNameIsOneOfTheLog) {
  Begin("a", 0);
  world_.Publish(channel_, {}, 5);
  channel_.Rename(world_.context, "b", {{"a", 4}});
  world_.Publish(channel_);
  Expect(Resume("a.4"), Good(5));
  Expect(Resume("b.5"), Good(6));
  // What "a" had beyond it was lost with it.
  Expect(Resume("a.5"), {Reason::kEpochChanged, false, 0});
  Expect(Resume("c.1"), {Reason::kEpochChanged, false, 0});
  Client back(world_, channel_, kPlain, {.last_event_id = "a.4"});
  const auto events = back.Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events.back().id, "b.6");
}

TEST_F(MirrorTest, NobodyIsToldOfANewName) {
  Begin("a", 0);
  Client client(world_, channel_);
  channel_.Rename(world_.context, "b", {{"a", 0}});
  world_.Publish(channel_);
  world_.FanOut(channel_);
  EXPECT_EQ(Types(client.Events()), std::vector<std::string>{"update"});
  EXPECT_EQ(client.Events()[0].id, "b.1");
}

TEST_F(MirrorTest, AnotherLogIsToldOnceAndInPlace) {
  Begin("a", 0);
  Client client(world_, channel_);
  Client trpc(world_, channel_, kTrpc);
  world_.Publish(channel_);  // not offered yet
  Begin("b", 6);
  channel_.Load(world_.context, world_.MakeAction(channel_));
  channel_.Renew(world_.context, Reason::kEpochChanged);
  EXPECT_EQ(client.subscription.Cursor(channel_), "0.0");
  EXPECT_EQ(client.subscription.SafeMs(world_.context, channel_), 0);
  Client late(world_, channel_, kPlain, {.last_event_id = "b.7"});
  world_.Publish(channel_);
  world_.FanOut(channel_);
  for (const Client* each : {&client, &trpc}) {
    const auto events = each->Events();
    ASSERT_EQ(Types(events), (std::vector<std::string>{"resync", "update"}));
    EXPECT_EQ(events[0].id, "b.7");
    EXPECT_EQ(events[1].id, "b.8");
    EXPECT_EQ(each->subscription.Cursor(channel_), "b.8");
  }
  EXPECT_EQ(Types(late.Events()), std::vector<std::string>{"update"});
  EXPECT_EQ(
      world_.metrics.resyncs[static_cast<size_t>(Reason::kEpochChanged)].Get(),
      2u);
}

// What waits for a slow stream is of the log that is gone: its cursors would
// be taken for places of the new one.
TEST_F(MirrorTest, ASlowStreamLosesItsOldBacklog) {
  world_.context.options.connection_cap_bytes = 1'000;
  for (const int waiting : {2, 50}) {  // as frames, and as a stretch
    Begin("a", 100);
    Client client(world_, channel_);
    client.sink.room = 20;  // ends inside a frame
    world_.Publish(channel_, {}, 1);
    world_.FanOut(channel_);
    world_.Publish(channel_, {}, waiting);
    world_.FanOut(channel_);
    Begin("b", 3);
    channel_.Renew(world_.context, Reason::kTrimmed);
    client.Unblock();  // before the pass comes to it
    world_.Publish(channel_);
    world_.FanOut(channel_);
    const auto events = client.Events();
    ASSERT_EQ(Types(events),
              (std::vector<std::string>{"update", "resync", "update"}));
    EXPECT_EQ(events[0].id, "a.101");
    EXPECT_EQ(events[1].id, "b.3");
    EXPECT_EQ(events[2].id, "b.4");
    EXPECT_EQ(world_.metrics.backlog_bytes.Get(), 0u);
    EXPECT_EQ(world_.metrics.slow_sinks.Get(), 0u);
  }
}

TEST_F(MirrorTest, AStreamThatLeavesIsAtNoPlaceOfANewLog) {
  Begin("a", 0);
  Client client(world_, channel_);
  world_.Publish(channel_);
  world_.FanOut(channel_);
  client.subscription.Leave(world_.context, channel_);
  Begin("b", 9);
  channel_.Renew(world_.context, Reason::kEpochChanged);
  world_.FanOut(channel_);
  EXPECT_EQ(client.subscription.Cursor(channel_), "a.1");
  EXPECT_EQ(Types(client.Events()), std::vector<std::string>{"update"});
}

EntryRef Told(World& world, Channel& channel, const std::string& path) {
  const std::string json = "{\"type\":\"invalidate\",\"queryPaths\":[\"" +
                           path + "\"],\"modules\":[\"guests\"]}";
  const ActionView view{"guests", "e", {}, "u1", "tab-1"};
  EntryRef entry = EntryBuilder::Told(
      channel.log().epoch(), channel.log().head_seq(), json, {"told-1", view});
  entry->module = channel.ModuleId("guests");
  entry->paths.push_back(channel.PathId(world.context, path));
  entry->arrived_ms = world.context.now_ms;
  return entry;
}

TEST_F(MirrorTest, WhatIsToldAheadRepeatsTheCursorAndMeetsTheFilters) {
  Begin("a", 0);
  const FilterSpec not_mine{.exclude_source_id = "tab-1"};
  const FilterSpec other{.query_paths = std::vector<std::string>{"bills"}};
  Client all(world_, channel_);
  Client excluded(world_, channel_, kPlain, {}, &not_mine);
  Client elsewhere(world_, channel_, kPlain, {}, &other);
  world_.Publish(channel_);
  channel_.PublishEphemeral(world_.context,
                            Told(world_, channel_, "guests.getAll"));
  world_.FanOut(channel_);
  const auto events = all.Events();
  ASSERT_EQ(Types(events), (std::vector<std::string>{"update", "invalidate"}));
  EXPECT_EQ(events[1].id, "a.1");
  EXPECT_EQ(excluded.Events().size(), 1u);
  EXPECT_EQ(elsewhere.Events().size(), 0u);
}

TEST_F(MirrorTest, WhatIsToldWaitsForASlowStreamAndConflatesWithItsActions) {
  world_.context.options.connection_cap_bytes = 400;
  Begin("a", 0);
  Client client(world_, channel_);
  client.sink.room = 0;
  world_.Publish(channel_);
  channel_.PublishEphemeral(world_.context, Told(world_, channel_, "bills"));
  world_.FanOut(channel_);
  EXPECT_EQ(client.subscription.slow(), true);
  world_.Publish(channel_, {}, 5);
  world_.FanOut(channel_);
  client.Unblock();
  const auto events = client.Events();
  ASSERT_EQ(Types(events), std::vector<std::string>{"invalidate"});
  EXPECT_EQ(events[0].id, "a.6");
  EXPECT_NE(events[0].data.find("\"bills\""), std::string::npos);
  EXPECT_NE(events[0].data.find("\"count\":6"), std::string::npos);
}

}  // namespace
}  // namespace pathcast
