// Sentinels that lie, talk nonsense or never come to an end: sockets in the
// test's hand.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "redis/sentinel.h"
#include "redis_harness.h"

namespace pathcast::redis {
namespace {

constexpr std::string_view kQuestion =
    "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster"
    "\r\n";

std::string Bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
std::string Names(const Endpoint& master) {
  return "*2\r\n" + Bulk(master.host) + Bulk(std::to_string(master.port));
}

class SentinelLiesTest : public testing::Test {
 protected:
  ~SentinelLiesTest() override {
    world_.Run([&] { sentinel_.reset(); });
  }
  void Make(std::vector<Endpoint> sentinels, int64_t answer_within_ms) {
    world_.Run([&] {
      SentinelOptions options;
      options.link = world_.Options({});
      options.link.answer_within_ms = answer_within_ms;
      options.sentinels = std::move(sentinels);
      options.master = "mymaster";
      sentinel_ = std::make_unique<Sentinel>(
          std::move(options),
          [this](const Endpoint& endpoint) { switches_.Add(endpoint); });
    });
  }
  void Find() {
    world_.Run([&] {
      sentinel_->FindMaster(
          [this](const Endpoint& found, const Trouble&) { found_.Add(found); });
    });
  }

  RedisWorld world_;
  Notes<Endpoint> found_;
  Notes<Endpoint> switches_;
  std::unique_ptr<Sentinel> sentinel_;
};

TEST_F(SentinelLiesTest, WhoAnswersNonsenseIsPassedOver) {
  const FakeServer bad;
  const FakeServer good;
  const Endpoint master{"10.0.0.1", 6379, ""};
  Make({bad.endpoint(), good.endpoint()}, 20'000);
  size_t round = 0;
  for (const std::string& nonsense :
       {std::string("-ERR unknown command\r\n"), std::string("$-1\r\n"),
        std::string("*-1\r\n"), std::string("*0\r\n"), std::string(":5\r\n"),
        "*1\r\n" + Bulk("10.0.0.9"),
        "*3\r\n" + Bulk("a") + Bulk("1") + Bulk("2"),
        "*2\r\n" + Bulk("") + Bulk("6379"),
        "*2\r\n" + Bulk("10.0.0.9") + Bulk("65536"),
        "*2\r\n" + Bulk("10.0.0.9") + Bulk("63 79"),
        "*2\r\n" + Bulk("10.0.0.9") + Bulk("-1"),
        "*2\r\n*1\r\n" + Bulk("10.0.0.9") + Bulk("6379"),
        std::string("HTTP/1.1 400 Bad Request\r\n\r\n")}) {
    Find();
    // Whoever named the last one is not asked first.
    const Descriptor first = bad.AcceptReady();
    FakeServer::Await(first, std::string(kQuestion));
    FakeServer::Say(first, nonsense);
    const Descriptor second = good.AcceptReady();
    FakeServer::Await(second, std::string(kQuestion));
    FakeServer::Say(second, Names(master));
    ASSERT_TRUE(found_.WaitForCount(++round)) << nonsense;
    EXPECT_EQ(found_.all().back(), master) << nonsense;
  }
}

TEST_F(SentinelLiesTest, WhoseAnswerNeverEndsIsPassedOver) {
  const FakeServer endless;
  const FakeServer good;
  const Endpoint master{"10.0.0.1", 6379, ""};
  Make({endless.endpoint(), good.endpoint()}, 1'000);
  Find();
  const Descriptor first = endless.AcceptReady();
  FakeServer::Await(first, std::string(kQuestion));
  FakeServer::Say(first, "*2\r\n$536870912\r\n10.0.0.9");
  std::thread drips([&] {
    const timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
    while (::send(first.get(), "x", 1, MSG_NOSIGNAL) >= 0 && found_.size() == 0)
      ::nanosleep(&pause, nullptr);
  });
  const Descriptor second = good.AcceptReady();
  FakeServer::Await(second, std::string(kQuestion));
  FakeServer::Say(second, Names(master));
  EXPECT_TRUE(found_.WaitForCount(1));
  drips.join();
  EXPECT_EQ(found_.all().back(), master);
}

// It names a place where nobody is, and one that is no master, and then one
// that is: the link goes on asking until who it finds says so of itself.
TEST_F(SentinelLiesTest, ALinkBelievesNoneButTheMasterItself) {
  RedisServer master;
  RedisServer replica(
      {"--replicaof", "127.0.0.1", std::to_string(master.port())});
  const FakeServer server;
  Make({server.endpoint()}, 20'000);
  LinkOptions options = world_.Options({});
  options.introduction.require_master = true;
  world_.Run([&] { options.find = sentinel_->Finder(); });
  TestLink link(&world_, options);
  size_t from = 0;
  for (const auto& [named, kind] :
       {std::pair{Endpoint{"127.0.0.1", FreePort(), ""},
                  TroubleKind::kUnreachable},
        std::pair{replica.tcp(), TroubleKind::kNotMaster}}) {
    const Descriptor socket = server.AcceptReady();
    FakeServer::Await(socket, std::string(kQuestion));
    FakeServer::Say(socket, Names(named));
    EXPECT_EQ(link.WaitLost(from).kind, kind);
    from = link.states.size();
  }
  const Descriptor socket = server.AcceptReady();
  FakeServer::Await(socket, std::string(kQuestion));
  FakeServer::Say(socket, Names(master.tcp()));
  link.WaitReady();
  EXPECT_EQ(link.Call({"SET", "k", "v"}).text(), "OK");
}

TEST_F(SentinelLiesTest, OnlyNewsOfThisMasterCounts) {
  const FakeServer server;
  Make({server.endpoint()}, 20'000);
  world_.Run([&] { EXPECT_TRUE(sentinel_->Watch().ok()); });
  const Descriptor socket = server.AcceptReady();
  FakeServer::Await(socket,
                    "*2\r\n$9\r\nSUBSCRIBE\r\n" + Bulk("+switch-master"));
  FakeServer::Say(
      socket, "*3\r\n$9\r\nsubscribe\r\n" + Bulk("+switch-master") + ":1\r\n");
  for (const char* news :
       {"other 10.0.0.1 6379 10.0.0.2 6379", "mymaster 10.0.0.1 6379 10.0.0.2",
        "mymaster 10.0.0.1 6379 10.0.0.2 6379 more",
        "mymaster 10.0.0.1 6379 10.0.0.2 99999", "mymaster 10.0.0.1 6379  6379",
        "mymaster", "", "    ", "mymaster 10.0.0.1 6379 10.0.0.3 6380"}) {
    FakeServer::Say(socket, "*3\r\n$7\r\nmessage\r\n" + Bulk("+switch-master") +
                                Bulk(news));
  }
  ASSERT_TRUE(switches_.WaitForCount(1));
  EXPECT_EQ(switches_.all(), (std::vector<Endpoint>{{"10.0.0.3", 6380, ""}}));
}

}  // namespace
}  // namespace pathcast::redis
