#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "redis/link.h"
#include "redis_harness.h"

namespace pathcast::redis {
namespace {

using State = Link::State;
using Type = Reply::Type;

TEST(RedisLinkTest, AsksOverTcpAndOverAUnixSocket) {
  RedisServer server;
  RedisWorld world;
  for (const Endpoint& endpoint : {server.tcp(), server.unix_socket()}) {
    TestLink link(&world, world.Options(endpoint));
    link.WaitReady();
    EXPECT_EQ(link.Call({"SET", "k", std::string_view("a\0\r\n", 4)}).text(),
              "OK");
    EXPECT_EQ(link.Call({"GET", "k"}).text(), std::string("a\0\r\n", 4));
    EXPECT_TRUE(link.Call({"GET", "none"}).nil());
    EXPECT_EQ(link.Call({"DEL", "k"}).integer(), 1);
    EXPECT_TRUE(link.Call({"NONSENSE"}).error());
    const auto states = link.states.all();
    ASSERT_EQ(states.size(), 2u);
    EXPECT_EQ(states[0].state, State::kConnecting);
  }
}

TEST(RedisLinkTest, FindsItByName) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options({"localhost", server.port(), ""}));
  link.WaitReady();
  EXPECT_EQ(link.Call({"PING"}).text(), "PONG");
}

TEST(RedisLinkTest, IntroducesItself) {
  RedisServer server({"--requirepass", "all of it", "--user", "anna", "on",
                      ">an@a", "~*", "&*", "+@all"});
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.introduction = {{"anna", "an@a"}, 3, "pathcast-test", true};
  TestLink link(&world, options);
  link.WaitReady();
  EXPECT_EQ(link.Call({"ACL", "WHOAMI"}).text(), "anna");
  EXPECT_EQ(link.Call({"CLIENT", "GETNAME"}).text(), "pathcast-test");
  const std::string info = link.Call({"CLIENT", "INFO"}).text();
  EXPECT_NE(info.find(" db=3 "), std::string::npos) << info;

  options.introduction = {{"", "all of it"}, 0, "", false};
  TestLink other(&world, options);
  other.WaitReady();
  EXPECT_EQ(other.Call({"ACL", "WHOAMI"}).text(), "default");
}

TEST(RedisLinkTest, SaysWhyItCannotComeIn) {
  RedisServer server({"--requirepass", "right", "--databases", "2", "--user",
                      "mute", "on", ">mute", "~*", "&*", "-@all"});
  RedisWorld world;
  const auto trouble = [&](std::string user, std::string password, int db) {
    LinkOptions options = world.Options(server.tcp());
    options.introduction.credentials = {std::move(user), std::move(password)};
    options.introduction.db = db;
    TestLink link(&world, options);
    const Trouble lost = link.WaitLost();
    EXPECT_EQ(lost.text.find("wrongly"), std::string::npos) << lost.text;
    EXPECT_TRUE(lost.text.starts_with(server.tcp().ToString())) << lost.text;
    return lost.kind;
  };
  EXPECT_EQ(trouble("", "", 0), TroubleKind::kNoAuth);
  EXPECT_EQ(trouble("", "wrongly", 0), TroubleKind::kWrongPassword);
  EXPECT_EQ(trouble("nobody", "wrongly", 0), TroubleKind::kWrongPassword);
  EXPECT_EQ(trouble("", "right", 2), TroubleKind::kNoSuchDb);
  EXPECT_EQ(trouble("mute", "mute", 0), TroubleKind::kNoPermission);

  // And comes in when that is mended.
  LinkOptions options = world.Options(server.tcp());
  options.introduction.credentials.password = "later";
  TestLink link(&world, options);
  EXPECT_EQ(link.WaitLost().kind, TroubleKind::kWrongPassword);
  options.introduction.credentials.password = "right";
  TestLink admin(&world, options);
  admin.WaitReady();
  EXPECT_EQ(admin.Call({"CONFIG", "SET", "requirepass", "later"}).text(), "OK");
  link.WaitReady();
  EXPECT_EQ(link.Call({"PING"}).text(), "PONG");
}

TEST(RedisLinkTest, SaysWhyItCannotConnect) {
  RedisWorld world;
  const auto trouble = [&](const Endpoint& endpoint) {
    TestLink link(&world, world.Options(endpoint));
    return link.WaitLost().kind;
  };
  EXPECT_EQ(trouble({"127.0.0.1", FreePort(), ""}), TroubleKind::kUnreachable);
  EXPECT_EQ(trouble({"::1", FreePort(), ""}), TroubleKind::kUnreachable);
  EXPECT_EQ(trouble({"", 0, "/there-is-no-such.sock"}),
            TroubleKind::kUnreachable);
  EXPECT_EQ(trouble({"no such host", 1, ""}), TroubleKind::kNoSuchHost);
}

TEST(RedisLinkTest, RefusesAReplicaWhereItNeedsAMaster) {
  RedisServer server({"--replicaof", "127.0.0.1", "1"});
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.introduction.require_master = true;
  TestLink link(&world, options);
  EXPECT_EQ(link.WaitLost().kind, TroubleKind::kNotMaster);
  EXPECT_EQ(server.Command({"REPLICAOF", "NO", "ONE"}).text(), "OK");
  link.WaitReady();

  // Demoted while it is connected: Redis keeps the connection, the first write
  // shows it.
  EXPECT_EQ(server.Command({"REPLICAOF", "127.0.0.1", "1"}).text(), "OK");
  const size_t from = link.states.size();
  EXPECT_EQ(KindOfError(link.Call({"SET", "a", "b"}).text()),
            TroubleKind::kReadOnly);
  EXPECT_EQ(link.WaitLost(from).kind, TroubleKind::kReadOnly);
}

TEST(RedisLinkTest, TellsAReplicaThatIsCutOff) {
  RedisServer server(
      {"--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no"});
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  EXPECT_EQ(link.WaitLost().kind, TroubleKind::kMasterDown);
  EXPECT_EQ(server.Command({"REPLICAOF", "NO", "ONE"}).text(), "OK");
  link.WaitReady();
}

TEST(RedisLinkTest, TellsARedisThatLoads) {
  RedisServer server({"--loading-process-events-interval-bytes", "1024"});
  EXPECT_EQ(server.Command({"DEBUG", "POPULATE", "20000"}).text(), "OK");
  EXPECT_EQ(server.Command({"CONFIG", "SET", "key-load-delay", "100"}).text(),
            "OK");
  RedisWorld world;
  TestLink loading(&world, world.Options(server.tcp()));
  loading.WaitReady();
  const size_t from = loading.states.size();
  // Its answer comes when it has loaded; meanwhile others are refused.
  std::thread reload([&] { (void)server.Command({"DEBUG", "RELOAD"}); });
  TroubleKind kind = TroubleKind::kNone;
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (kind != TroubleKind::kLoading &&
         std::chrono::steady_clock::now() < end) {
    const Reply reply = loading.Call({"GET", "k"});
    kind = reply.error() ? KindOfError(reply.text()) : TroubleKind::kNone;
  }
  EXPECT_EQ(kind, TroubleKind::kLoading);
  EXPECT_EQ(loading.WaitLost(from).kind, TroubleKind::kLoading);
  EXPECT_EQ(server.Command({"CONFIG", "SET", "key-load-delay", "0"}).text(),
            "OK");
  reload.join();
  loading.WaitReady(from);
}

TEST(RedisLinkTest, TellsATooFullRedis) {
  RedisServer server({"--maxclients", "1"});
  RedisWorld world;
  TestLink first(&world, world.Options(server.unix_socket()));
  first.WaitReady();
  TestLink second(&world, world.Options(server.unix_socket()));
  EXPECT_EQ(second.WaitLost().kind, TroubleKind::kTooManyClients);
  EXPECT_EQ(first.Call({"CONFIG", "SET", "maxclients", "9"}).text(), "OK");
  second.WaitReady();
}

// 16 MB both ways, and a deep and wide array.
TEST(RedisLinkTest, CarriesLargeReplies) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  const std::string large(16 << 20, 'x');
  EXPECT_EQ(link.Call({"SET", "large", large}).text(), "OK");
  EXPECT_TRUE(link.Call({"GET", "large"}).text() == large);
  const Reply reply = link.Call({"EVAL",
                                 "local t = {} for i = 1, 50000 do t[i] = {i, "
                                 "{tostring(i)}} end return t",
                                 "0"});
  ASSERT_EQ(reply.elements().size(), 50'000u);
  for (size_t i = 0; i < reply.elements().size(); ++i) {
    const auto& pair = reply.elements()[i].elements();
    ASSERT_EQ(pair.size(), 2u);
    ASSERT_EQ(pair[0].integer(), static_cast<int64_t>(i + 1));
    ASSERT_EQ(pair[1].elements()[0].text(), std::to_string(i + 1));
  }
}

TEST(RedisLinkTest, AnswersAPipelineInOrder) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  constexpr int64_t kCommands = 10'000;
  Notes<int64_t> answers;
  world.Run([&] {
    for (int64_t i = 0; i < kCommands; ++i) {
      link.link()->Send({"INCR", "n"}, [&](const Reply& reply) {
        answers.Add(reply.ok() ? reply.integer() : -1);
      });
    }
    EXPECT_EQ(link.link()->unanswered(), 10'000u);
  });
  ASSERT_TRUE(answers.WaitForCount(kCommands));
  const auto all = answers.all();
  for (int64_t i = 0; i < kCommands; ++i) {
    ASSERT_EQ(all[static_cast<size_t>(i)], i + 1);
  }
  // Written in few pieces: a turn's commands go together.
  const std::string stats = server.Command({"INFO", "stats"}).text();
  const size_t at = stats.find("total_reads_processed:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::atoi(stats.c_str() + at + 22), 200);
}

}  // namespace
}  // namespace pathcast::redis
