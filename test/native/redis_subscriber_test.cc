#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "redis/subscriber.h"
#include "redis_harness.h"

namespace pathcast::redis {
namespace {

using State = Link::State;

struct MessageNote {
  std::string channel;
  std::string payload;
  friend bool operator==(const MessageNote&, const MessageNote&) = default;
};

class TestSubscriber {
 public:
  TestSubscriber(RedisWorld* world, LinkOptions options,
                 const std::vector<std::string>& channels = {})
      : world_(world) {
    Subscriber::Events events;
    events.on_message = [this](std::string_view channel, std::string payload) {
      messages.Add({std::string(channel), std::move(payload)});
    };
    events.on_subscribed = [this](std::string_view channel) {
      subscribed.Add(std::string(channel));
    };
    events.on_standing = [this] { standing.Add(true); };
    events.on_state = [this](State state, const Trouble& trouble) {
      states.Add({state, trouble});
    };
    world_->Run([&] {
      subscriber_ =
          std::make_unique<Subscriber>(std::move(options), std::move(events));
      for (const std::string& each : channels) subscriber_->Subscribe(each);
      EXPECT_TRUE(subscriber_->Open().ok());
    });
  }
  ~TestSubscriber() {
    world_->Run([&] { subscriber_.reset(); });
  }

  void Subscribe(const std::string& channel) {
    world_->Run([&] { subscriber_->Subscribe(channel); });
  }
  void Unsubscribe(const std::string& channel) {
    world_->Run([&] { subscriber_->Unsubscribe(channel); });
  }
  Subscriber* get() { return subscriber_.get(); }
  Trouble WaitLost(size_t from) {
    const size_t index = states.Wait(
        [](const StateNote& note) { return note.state == State::kLost; }, from);
    return index == std::string::npos ? Trouble() : states.all()[index].trouble;
  }

  Notes<MessageNote> messages;
  Notes<std::string> subscribed;
  Notes<bool> standing;
  Notes<StateNote> states;

 private:
  RedisWorld* const world_;
  std::unique_ptr<Subscriber> subscriber_;
};

int64_t Publish(const RedisServer& server, std::string_view channel,
                std::string_view payload) {
  const Reply reply = server.Command({"PUBLISH", channel, payload});
  EXPECT_EQ(reply.type(), Reply::Type::kInteger) << reply.text();
  return reply.ok() ? reply.integer() : -1;
}

TEST(RedisSubscriberTest, DeliversWhatIsPublished) {
  RedisServer server;
  RedisWorld world;
  const std::string binary("a\0\r\nb", 5);
  TestSubscriber subscriber(&world, world.Options(server.tcp()),
                            {"one", binary});
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  EXPECT_EQ(Publish(server, "one", "1"), 1);
  EXPECT_EQ(Publish(server, binary, binary), 1);
  EXPECT_EQ(Publish(server, "other", "x"), 0);
  const std::string large(16 << 20, 'x');
  EXPECT_EQ(Publish(server, "one", large), 1);
  ASSERT_TRUE(subscriber.messages.WaitForCount(3));
  const auto messages = subscriber.messages.all();
  EXPECT_EQ(messages[0], (MessageNote{"one", "1"}));
  EXPECT_EQ(messages[1], (MessageNote{binary, binary}));
  EXPECT_TRUE(messages[2].payload == large);
}

TEST(RedisSubscriberTest, CountsWhoWantsAChannel) {
  RedisServer server;
  RedisWorld world;
  TestSubscriber subscriber(&world, world.Options(server.tcp()));
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  subscriber.Subscribe("c");
  subscriber.Subscribe("c");
  ASSERT_TRUE(subscriber.subscribed.WaitForCount(1));
  world.Run([&] {
    EXPECT_TRUE(subscriber.get()->Stands("c"));
    EXPECT_EQ(subscriber.get()->channels(), 1u);
  });
  subscriber.Unsubscribe("c");
  EXPECT_EQ(Publish(server, "c", "1"), 1);
  ASSERT_TRUE(subscriber.messages.WaitForCount(1));
  subscriber.Unsubscribe("c");
  subscriber.Subscribe("fence");
  ASSERT_TRUE(subscriber.subscribed.WaitForCount(2));
  EXPECT_EQ(Publish(server, "c", "2"), 0);
  world.Run([&] { EXPECT_EQ(subscriber.get()->channels(), 1u); });
}

// A confirmation of the first subscription says nothing of the second, and a
// message between the two is nobody's.
TEST(RedisSubscriberTest, IsConfirmedByItsOwnConfirmation) {
  RedisServer server;
  RedisWorld world;
  TestSubscriber subscriber(&world, world.Options(server.tcp()));
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  for (int round = 0; round < 50; ++round) {
    const std::string channel = "c" + std::to_string(round);
    world.Run([&] {
      subscriber.get()->Subscribe(channel);
      subscriber.get()->Unsubscribe(channel);
      subscriber.get()->Subscribe(channel);
      EXPECT_FALSE(subscriber.get()->Stands(channel));
    });
    ASSERT_TRUE(
        subscriber.subscribed.WaitForCount(static_cast<size_t>(round) + 1));
    EXPECT_EQ(subscriber.subscribed.all().back(), channel);
    EXPECT_EQ(Publish(server, channel, "x"), 1);
    ASSERT_TRUE(
        subscriber.messages.WaitForCount(static_cast<size_t>(round) + 1));
  }
  subscriber.Subscribe("fence");
  ASSERT_TRUE(subscriber.subscribed.WaitForCount(51));
  EXPECT_EQ(subscriber.subscribed.size(), 51u);
}

// 3,000 channels: several commands; they stand when the last does.
TEST(RedisSubscriberTest, StandsAgainAfterEachLoss) {
  RedisServer server;
  RedisWorld world;
  std::vector<std::string> channels;
  for (int i = 0; i < 3'000; ++i) channels.push_back("c" + std::to_string(i));
  LinkOptions options = world.Options(server.tcp());
  options.introduction.client_name = "the-subscriber";
  TestSubscriber subscriber(&world, options, channels);
  size_t round = 0;
  const auto expect_all = [&] {
    ASSERT_TRUE(subscriber.standing.WaitForCount(++round));
    world.Run([&] { EXPECT_TRUE(subscriber.get()->standing()); });
    EXPECT_EQ(subscriber.subscribed.size(), 3'000 * round);
    const size_t before = subscriber.messages.size();
    for (const char* channel : {"c0", "c1500", "c2999"}) {
      EXPECT_EQ(Publish(server, channel, "x"), 1) << channel;
    }
    ASSERT_TRUE(subscriber.messages.WaitForCount(before + 3));
  };
  expect_all();

  EXPECT_EQ(server.Command({"CLIENT", "KILL", "TYPE", "pubsub"}).integer(), 1);
  expect_all();

  server.Kill();
  EXPECT_NE(subscriber.WaitLost(subscriber.states.size() - 1).text, "");
  server.Start();
  expect_all();

  // Given up in between: asked for no more.
  server.Kill();
  (void)subscriber.WaitLost(subscriber.states.size() - 1);
  subscriber.Unsubscribe("c1");
  server.Start();
  ASSERT_TRUE(subscriber.standing.WaitForCount(4));
  EXPECT_EQ(Publish(server, "c1", "x"), 0);
  EXPECT_EQ(Publish(server, "c2", "x"), 1);
}

// A slow reader is cut at client-output-buffer-limit, silently but for the end
// of the connection.
TEST(RedisSubscriberTest, ComesBackWhenItWasCutForItsBacklog) {
  RedisServer server(
      {"--client-output-buffer-limit", "pubsub", "1mb", "1mb", "0"});
  RedisWorld world;
  TestSubscriber subscriber(&world, world.Options(server.tcp()), {"c"});
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  const std::string large(1 << 20, 'x');
  // The hub thread is away while Redis fills its buffer.
  bool cut = false;
  world.Run([&] {
    for (int i = 0; i < 64 && !cut; ++i) {
      (void)Publish(server, "c", large);
      cut = Publish(server, "c", "x") == 0;
    }
  });
  EXPECT_TRUE(cut);
  ASSERT_TRUE(subscriber.standing.WaitForCount(2));
  const size_t before = subscriber.messages.size();
  EXPECT_EQ(Publish(server, "c", "afterwards"), 1);
  ASSERT_TRUE(subscriber.messages.WaitForCount(before + 1));
  EXPECT_EQ(subscriber.messages.all().back().payload, "afterwards");
}

TEST(RedisSubscriberTest, NoticesARedisThatStopped) {
  RedisServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.answer_within_ms = 500;
  options.probe_after_ms = 100;
  TestSubscriber subscriber(&world, options, {"c"});
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  const size_t from = subscriber.states.size();
  server.Stop();
  EXPECT_EQ(subscriber.WaitLost(from).kind, TroubleKind::kSilent);
  server.Continue();
  ASSERT_TRUE(subscriber.standing.WaitForCount(2));
  EXPECT_EQ(Publish(server, "c", "x"), 1);
}

// PING is answered in another way while a channel is subscribed.
TEST(RedisSubscriberTest, AQuietOneLivesOnItsProbes) {
  RedisServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.probe_after_ms = 20;
  TestSubscriber subscriber(&world, options, {"c"});
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  const auto pings = [&] {
    const std::string info = server.Command({"INFO", "commandstats"}).text();
    const size_t at = info.find("cmdstat_ping:calls=");
    return at == std::string::npos ? 0 : std::atoi(info.c_str() + at + 19);
  };
  const int before = pings();
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (pings() < before + 5 && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_GE(pings(), before + 5);
  EXPECT_EQ(subscriber.states.size(), 2u);
}

TEST(RedisSubscriberTest, SaysThatItMayNotListen) {
  RedisServer server(
      {"--user", "deaf", "on", ">deaf", "~*", "&public", "+@all"});
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.introduction.credentials = {"deaf", "deaf"};
  TestSubscriber subscriber(&world, options, {"public", "private"});
  EXPECT_EQ(subscriber.WaitLost(0).kind, TroubleKind::kNoPermission);
  EXPECT_EQ(subscriber.standing.size(), 0u);
  EXPECT_EQ(server.Command({"ACL", "SETUSER", "deaf", "&private"}).text(),
            "OK");
  ASSERT_TRUE(subscriber.standing.WaitForCount(1));
  EXPECT_EQ(Publish(server, "private", "x"), 1);
}

TEST(RedisSubscriberTest, MayBeDestroyedInsideEachCallback) {
  RedisServer server;
  RedisWorld world;
  for (int which = 0; which < 4; ++which) {
    std::unique_ptr<Subscriber> subscriber;
    Event standing, gone;
    const auto end = [&](int callback) {
      if (callback != which) return;
      subscriber.reset();
      gone.Set();
    };
    world.Run([&] {
      Subscriber::Events events;
      events.on_message = [&](std::string_view, const std::string&) { end(0); };
      events.on_subscribed = [&](std::string_view) { end(1); };
      events.on_standing = [&] {
        if (which == 0) standing.Set();
        end(2);
      };
      events.on_state = [&](State state, const Trouble&) {
        if (state == State::kReady) end(3);
      };
      subscriber = std::make_unique<Subscriber>(world.Options(server.tcp()),
                                                std::move(events));
      subscriber->Subscribe("a");
      subscriber->Subscribe("b");
      EXPECT_TRUE(subscriber->Open().ok());
    });
    if (which == 0) {
      ASSERT_TRUE(standing.Wait());
      (void)Publish(server, "a", "x");
      (void)Publish(server, "a", "y");
    }
    ASSERT_TRUE(gone.Wait());
    world.Run([] {});
  }
}

}  // namespace
}  // namespace pathcast::redis
