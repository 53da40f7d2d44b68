#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "redis/sentinel.h"
#include "redis_harness.h"

namespace pathcast::redis {
namespace {

struct Answer {
  Endpoint endpoint;
  Trouble trouble;
};

RedisServer::Options ReplicaOf(const RedisServer& master) {
  return {"--replicaof", "127.0.0.1", std::to_string(master.port())};
}

class TestSentinel {
 public:
  TestSentinel(RedisWorld* world, std::vector<Endpoint> sentinels,
               std::string master = "mymaster")
      : world_(world) {
    world_->Run([&] {
      SentinelOptions options;
      options.link = world_->Options({});
      options.sentinels = std::move(sentinels);
      options.master = std::move(master);
      sentinel_ = std::make_unique<Sentinel>(std::move(options),
                                             [this](const Endpoint& endpoint) {
                                               switches.Add(endpoint);
                                               if (on_switch) on_switch();
                                             });
    });
  }
  ~TestSentinel() {
    world_->Run([&] { sentinel_.reset(); });
  }

  // REQUIRES: on the loop's thread.
  Sentinel* get() { return sentinel_.get(); }
  void Destroy() { sentinel_.reset(); }
  void Find() {
    sentinel_->FindMaster(
        [this](const Endpoint& endpoint, const Trouble& trouble) {
          answers.Add({endpoint, trouble});
        });
  }

  // On the loop's thread.
  std::function<void()> on_switch;
  Notes<Answer> answers;
  Notes<Endpoint> switches;

 private:
  RedisWorld* const world_;
  std::unique_ptr<Sentinel> sentinel_;
};

TEST(RedisSentinelTest, TheFirstThatKnowsTheMasterDecides) {
  RedisServer master;
  SentinelServer server(master);
  RedisWorld world;
  const Endpoint closed{"127.0.0.1", FreePort(), ""};
  TestSentinel sentinel(&world, {closed, server.tcp(), closed});
  for (size_t round = 1; round <= 3; ++round) {
    // Whoever asks meanwhile gets the same.
    world.Run([&] {
      sentinel.Find();
      sentinel.Find();
    });
    ASSERT_TRUE(sentinel.answers.WaitForCount(2 * round));
  }
  for (const Answer& answer : sentinel.answers.all()) {
    EXPECT_EQ(answer.trouble.kind, TroubleKind::kNone) << answer.trouble.text;
    EXPECT_EQ(answer.endpoint, master.tcp());
  }
}

TEST(RedisSentinelTest, NamesEachThatDidNotKnow) {
  RedisServer master;
  SentinelServer server(master);
  RedisWorld world;
  const Endpoint closed{"127.0.0.1", FreePort(), ""};
  TestSentinel sentinel(&world, {closed, server.tcp()}, "other");
  world.Run([&] { sentinel.Find(); });
  ASSERT_TRUE(sentinel.answers.WaitForCount(1));
  const Trouble trouble = sentinel.answers.all()[0].trouble;
  EXPECT_EQ(trouble.kind, TroubleKind::kNoMaster);
  EXPECT_NE(trouble.text.find(closed.ToString()), std::string::npos);
  EXPECT_NE(trouble.text.find(server.tcp().ToString()), std::string::npos);
  EXPECT_NE(trouble.text.find("no master 'other'"), std::string::npos);

  // A link says it too, and goes on asking.
  LinkOptions options = world.Options({});
  world.Run([&] { options.find = sentinel.get()->Finder(); });
  TestLink link(&world, options);
  EXPECT_EQ(link.WaitLost().kind, TroubleKind::kNoMaster);
  EXPECT_EQ(link.WaitLost(2).kind, TroubleKind::kNoMaster);
}

// One that stopped has its time, then the next is asked.
TEST(RedisSentinelTest, PassesOverOneThatStopped) {
  RedisServer master;
  SentinelServer stopped(master), server(master);
  stopped.Stop();
  RedisWorld world;
  LinkOptions times = world.Options({});
  times.answer_within_ms = 1'000;
  Notes<Answer> answers;
  std::unique_ptr<Sentinel> sentinel;
  world.Run([&] {
    sentinel = std::make_unique<Sentinel>(
        SentinelOptions{times, {stopped.tcp(), server.tcp()}, "mymaster"},
        nullptr);
    sentinel->FindMaster([&](const Endpoint& endpoint, const Trouble& trouble) {
      answers.Add({endpoint, trouble});
    });
  });
  ASSERT_TRUE(answers.WaitForCount(1));
  EXPECT_EQ(answers.all()[0].endpoint, master.tcp());
  world.Run([&] { sentinel.reset(); });
}

// A sentinel behind its time names the old master: the link sees by its role
// that it is none, and asks another one.
TEST(RedisSentinelTest, ADemotedMasterIsRefused) {
  RedisServer master;
  RedisServer demoted(ReplicaOf(master));
  SentinelServer server(master);
  const FakeServer late;
  std::thread behind([&] {
    const Descriptor socket = late.AcceptReady();
    FakeServer::Await(socket,
                      "*3\r\n$8\r\nSENTINEL\r\n$23\r\n"
                      "get-master-addr-by-name\r\n$8\r\nmymaster\r\n");
    const std::string port = std::to_string(demoted.port());
    FakeServer::Say(socket, "*2\r\n$9\r\n127.0.0.1\r\n$" +
                                std::to_string(port.size()) + "\r\n" + port +
                                "\r\n");
  });
  RedisWorld world;
  TestSentinel sentinel(&world, {late.endpoint(), server.tcp()});
  LinkOptions options = world.Options({});
  options.introduction.require_master = true;
  world.Run([&] { options.find = sentinel.get()->Finder(); });
  TestLink link(&world, options);
  EXPECT_EQ(link.WaitLost().kind, TroubleKind::kNotMaster);
  link.WaitReady();
  EXPECT_EQ(link.Call({"CONFIG", "GET", "port"}).elements().size(), 2u);
  EXPECT_EQ(link.Call({"SET", "k", "v"}).text(), "OK");
  behind.join();
}

class Failover {
 public:
  Failover() : replica(ReplicaOf(master)), server(master) {
    server.AwaitReplicas(1);
    LinkOptions options = world.Options({});
    options.introduction.require_master = true;
    sentinel = std::make_unique<TestSentinel>(
        &world, std::vector<Endpoint>{server.tcp()});
    world.Run([&] {
      options.find = sentinel->get()->Finder();
      EXPECT_TRUE(sentinel->get()->Watch().ok());
    });
    link = std::make_unique<TestLink>(&world, options);
    world.Run([&] {
      sentinel->on_switch = [&] {
        link->link()->Reconnect({TroubleKind::kSwitched, "failover"});
      };
    });
    link->WaitReady();
    EXPECT_EQ(link->Call({"SET", "k", "1"}).text(), "OK");
  }
  ~Failover() {
    world.Run([&] { sentinel->on_switch = nullptr; });
  }

  void ExpectOnTheReplica() {
    ASSERT_TRUE(sentinel->switches.WaitForCount(1));
    EXPECT_EQ(sentinel->switches.all()[0], replica.tcp());
    // Those before may have led to nothing, or to the old one.
    Reply reply;
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    do {
      reply = link->Call({"CONFIG", "GET", "port"});
    } while ((!reply.ok() ||
              reply.elements()[1].text() != std::to_string(replica.port())) &&
             std::chrono::steady_clock::now() < end);
    ASSERT_TRUE(reply.ok());
    EXPECT_EQ(link->Call({"SET", "k", "2"}).text(), "OK");
    EXPECT_EQ(replica.Command({"GET", "k"}).text(), "2");
  }

  RedisServer master;
  RedisServer replica;
  SentinelServer server;
  RedisWorld world;
  std::unique_ptr<TestSentinel> sentinel;
  std::unique_ptr<TestLink> link;
};

TEST(RedisSentinelTest, FollowsAFailover) {
  Failover failover;
  EXPECT_EQ(
      failover.server.Command({"SENTINEL", "FAILOVER", "mymaster"}).text(),
      "OK");
  failover.ExpectOnTheReplica();
}

TEST(RedisSentinelTest, FollowsThePromotionAfterADeath) {
  Failover failover;
  failover.master.Kill();
  failover.ExpectOnTheReplica();
}

TEST(RedisSentinelTest, MayBeDestroyedInsideItsCallbacks) {
  RedisServer master;
  SentinelServer server(master);
  RedisWorld world;
  for (const bool known : {true, false}) {
    std::unique_ptr<Sentinel> sentinel;
    Event gone;
    world.Run([&] {
      sentinel = std::make_unique<Sentinel>(
          SentinelOptions{
              world.Options({}), {server.tcp()}, known ? "mymaster" : "other"},
          nullptr);
      EXPECT_TRUE(sentinel->Watch().ok());
      sentinel->FindMaster([&](const Endpoint&, const Trouble&) {
        sentinel.reset();
        gone.Set();
      });
    });
    ASSERT_TRUE(gone.Wait());
    // And while it asks.
    Find find;
    world.Run([&] {
      sentinel = std::make_unique<Sentinel>(
          SentinelOptions{world.Options({}), {server.tcp()}, "mymaster"},
          nullptr);
      find = sentinel->Finder();
      find([](const Endpoint&, const Trouble&) { ADD_FAILURE(); });
      sentinel.reset();
      find([](const Endpoint&, const Trouble&) { ADD_FAILURE(); });
    });
  }
}

}  // namespace
}  // namespace pathcast::redis
