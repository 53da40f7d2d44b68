// Passes over the subscriptions of one tenant, in slices.
#include "core/channel.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "core_world.h"
#include "seed.h"

namespace pathcast {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() : channel_("acme", "e1", 0) {}
  bool Slice(size_t visits) {
    SliceBudget budget;
    budget.visits = visits;
    return channel_.RunSlice(world_.context, budget);
  }
  std::unique_ptr<Client> Join() {
    return std::make_unique<Client>(world_, channel_);
  }

  std::string_view Ping(const Dialect& dialect, uint64_t pos) {
    return channel_.PingAt(world_.context, dialect, pos);
  }
  static std::string PingData(int64_t ms) {
    return "data: {\"type\":\"ping\",\"timestamp\":" + std::to_string(ms) +
           ",\"queryPaths\":[]}\n\n";
  }

  World world_;
  Channel channel_;
};

TEST_F(ChannelTest, SaysWhatItHadAtAMomentOrALittleLess) {
  Context& context = world_.context;
  channel_.NoteBegun(context);
  Channel other("other", "e2", 0);
  other.NoteBegun(context);
  for (int i = 0; i < 5; ++i) world_.Publish(channel_);
  const uint64_t moment = context.moment;
  for (int i = 0; i < 3; ++i) world_.Publish(other);
  // What another gets is no change of it.
  EXPECT_EQ(channel_.SeqAsOf(context, moment), 5u);
  world_.Publish(channel_);
  EXPECT_EQ(channel_.SeqAsOf(context, context.moment), 6u);
  // Four have been counted since: one of them is its own.
  EXPECT_EQ(channel_.SeqAsOf(context, moment), 2u);
  for (int i = 0; i < 9; ++i) world_.Publish(other);
  EXPECT_EQ(channel_.SeqAsOf(context, moment), 0u);
  channel_.Restart(context, {.epoch = "e3", .born_ms = 1, .head_seq = 40});
  EXPECT_EQ(channel_.SeqAsOf(context, context.moment), 40u);
  EXPECT_EQ(channel_.SeqAsOf(context, context.moment - 1), std::nullopt);
  channel_.Restart(context, ActionLog::Unread());
  EXPECT_EQ(channel_.SeqAsOf(context, context.moment), std::nullopt);
  other.Retire(context);
}

TEST_F(ChannelTest, NothingToOfferIsDone) {
  EXPECT_FALSE(channel_.needs_pass());
  EXPECT_TRUE(Slice(1));
  world_.Publish(channel_);
  EXPECT_TRUE(channel_.needs_pass());
  EXPECT_TRUE(Slice(1));  // nobody listens
  EXPECT_FALSE(channel_.needs_pass());
  EXPECT_EQ(world_.metrics.window_bytes.Get(), 0u);
}

TEST_F(ChannelTest, WhatComesDuringAPassLeavesInTheNextWrite) {
  auto a = Join();
  auto b = Join();
  world_.Publish(channel_);
  EXPECT_FALSE(Slice(1));
  world_.Publish(channel_);
  const int before = b->sink.writes;
  EXPECT_FALSE(Slice(1));  // the pass ends; a has one to come
  EXPECT_EQ(b->sink.writes, before + 1);
  EXPECT_EQ(b->Events().size(), 2u);
  EXPECT_EQ(a->Events().size(), 1u);
  EXPECT_FALSE(Slice(1));
  EXPECT_TRUE(Slice(1));
  EXPECT_EQ(a->Events().size(), 2u);
  EXPECT_EQ(b->Events().size(), 2u);
}

TEST_F(ChannelTest, ANewcomerGetsWhatComesAfterItsHello) {
  auto a = Join();
  world_.Publish(channel_);
  auto b = Join();
  EXPECT_EQ(b->Read().messages[0].Text("cursor"), "e1.1");
  world_.Publish(channel_);
  world_.FanOut(channel_);
  ASSERT_EQ(b->Events().size(), 1u);
  EXPECT_EQ(b->Events()[0].id, "e1.2");
  EXPECT_EQ(a->Events().size(), 2u);
}

// Whoever leaves in the middle of a pass, everybody else gets each action once.
TEST_F(ChannelTest, RemovalsInTheMiddleOfAPassSkipNobody) {
  for (size_t count = 1; count <= 6; ++count) {
    for (size_t visited = 0; visited < count; ++visited) {
      for (size_t first = 0; first < count; ++first) {
        for (size_t second = 0; second < count; ++second) {
          World world;
          Channel channel("acme", "e1", 0);
          std::vector<std::unique_ptr<Client>> clients;
          for (size_t i = 0; i < count; ++i) {
            clients.push_back(std::make_unique<Client>(world, channel));
          }
          world.Publish(channel);
          if (visited > 0) {
            SliceBudget budget;
            budget.visits = visited;
            (void)channel.RunSlice(world.context, budget);
          }
          clients[first].reset();
          clients[second].reset();
          clients.push_back(std::make_unique<Client>(world, channel));
          world.Publish(channel);
          world.FanOut(channel);
          for (size_t i = 0; i < count; ++i) {
            if (clients[i] != nullptr) {
              ASSERT_EQ(clients[i]->Events().size(), 2u)
                  << count << " " << visited << " " << first << " " << second;
            }
          }
          ASSERT_EQ(clients.back()->Events().size(), 1u);
          for (size_t i = 0; i < channel.size(); ++i) {
            ASSERT_EQ(channel.at(i)->index, i)
                << count << " " << visited << " " << first << " " << second;
          }
        }
      }
    }
  }
}

TEST_F(ChannelTest, TheLastOneLeavesInTheMiddleOfAPass) {
  auto a = Join();
  auto b = Join();
  world_.Publish(channel_);
  EXPECT_FALSE(Slice(1));
  a.reset();
  b.reset();
  EXPECT_TRUE(channel_.needs_pass());
  EXPECT_TRUE(Slice(1));
  EXPECT_EQ(channel_.size(), 0u);
  auto c = Join();
  world_.Publish(channel_);
  EXPECT_TRUE(Slice(1));
  EXPECT_EQ(c->Events().size(), 1u);
}

// From a broker the actions of one call come one by one, and whoever comes
// meanwhile has the first of them behind its hello.
TEST_F(ChannelTest, WhoComesWithinAnImportGetsTheRestOfIt) {
  auto before = Join();
  FilterSpec guests;
  guests.modules = {{"guests"}};
  const uint64_t call = ++world_.calls;
  const auto publish = [this, call](int times) {
    for (int i = 0; i < times; ++i) {
      channel_.Publish(world_.context, world_.MakeAction(channel_), call);
    }
  };
  publish(60);
  auto within = Join();
  Client filtered(world_, channel_, kPlain, {}, &guests);
  EXPECT_EQ(within->Read().messages[0].Text("cursor"), "e1.60");
  publish(90);
  world_.FanOut(channel_);
  const auto expect_import = [](const Client& client, uint64_t from) {
    ASSERT_EQ(client.Events().size(), 1u);
    const SseMessage import = client.Events()[0];
    EXPECT_EQ(import.id, "e1.150");
    EXPECT_EQ(import.Number("from"), from);
    EXPECT_EQ(import.Number("to"), 150u);
    EXPECT_EQ(import.Number("count"), 151 - from);
  };
  expect_import(*before, 1);
  expect_import(*within, 61);
  expect_import(filtered, 61);
}

TEST_F(ChannelTest, TheLogMayForgetWhatTheWindowStillOffers) {
  world_.context.options.log.max_actions = 1;
  auto a = Join();
  world_.Publish(channel_, {}, 5);
  world_.Advance(1'000'000'000);
  channel_.TrimLog(world_.context);
  EXPECT_EQ(channel_.log().size(), 0u);
  world_.FanOut(channel_);
  EXPECT_EQ(a->Events().size(), 5u);
}

TEST_F(ChannelTest, PositionsAsHeartbeatsSayThem) {
  auto a = Join();
  EXPECT_EQ(Ping(kPlain, a->subscription.pos()),
            "event: ping\nid: e1.0\n" + PingData(1'000'000));
  EXPECT_EQ(Ping(kTrpcBare, a->subscription.pos()),
            "event: ping\n" + PingData(1'000'000));
  world_.Publish(channel_);
  world_.Ephemeral(channel_, "t");
  world_.Publish(channel_);
  EXPECT_EQ(channel_.SeqBefore(a->subscription.pos()), 0u);
  EXPECT_EQ(channel_.SeqBefore(a->subscription.pos() + 1), 1u);
  EXPECT_EQ(channel_.SeqBefore(a->subscription.pos() + 2), 1u);
  EXPECT_EQ(channel_.SeqBefore(a->subscription.pos() + 3), 2u);
  world_.FanOut(channel_);
  EXPECT_EQ(Ping(kPlain, a->subscription.pos()),
            "event: ping\nid: e1.2\n" + PingData(1'000'000));
}

TEST_F(ChannelTest, GaugesReturnToZero) {
  {
    auto a = Join();
    a->sink.room = 20;
    world_.Publish(channel_, {}, 5);
    EXPECT_GT(world_.metrics.window_bytes.Get(), 0u);
    (void)Slice(1);
    EXPECT_EQ(world_.metrics.window_bytes.Get(), 0u);
    EXPECT_EQ(world_.metrics.log_actions.Get(), 5u);
    EXPECT_EQ(world_.metrics.log_bytes.Get(), channel_.log().bytes());
    world_.Publish(channel_);
  }
  channel_.Retire(world_.context);
  for (const Counter* gauge :
       {&world_.metrics.log_actions, &world_.metrics.log_bytes,
        &world_.metrics.slow_sinks, &world_.metrics.backlog_bytes,
        &world_.metrics.window_bytes}) {
    EXPECT_EQ(gauge->Get(), 0u);
  }
}

TEST_F(ChannelTest, LatencyIsCountedOncePerActionAndPass) {
  auto a = Join();
  auto b = Join();
  world_.Publish(channel_, {}, 3);
  world_.Ephemeral(channel_, "t");
  world_.FanOut(channel_);
  uint64_t counted = 0;
  counted = world_.metrics.publish_to_written.total();
  EXPECT_EQ(counted, 3u);
}

}  // namespace
}  // namespace pathcast
