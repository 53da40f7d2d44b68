#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/script.h"
#include "redis/sha1.h"
#include "redis_harness.h"

namespace pathcast::redis {
namespace {

constexpr const char* kAppend =
    "redis.call('RPUSH', KEYS[1], ARGV[1]) return ARGV[1]";

TEST(RedisScriptTest, KnowsSha1) {
  EXPECT_EQ(Sha1Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Sha1Hex(std::string(1'000'000, 'a')),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  // Each way to the end of a block, as Redis counts it.
  RedisServer server;
  for (size_t size = 50; size < 70; ++size) {
    const std::string body = "--" + std::string(size, 'x');
    EXPECT_EQ(server.Command({"SCRIPT", "LOAD", body}).text(), Sha1Hex(body));
  }
}

class ScriptWorld {
 public:
  ScriptWorld() : link(&world, world.Options(server.tcp())) {
    link.WaitReady();
    world.Run([&] { script = std::make_unique<Script>(link.link(), kAppend); });
  }
  ~ScriptWorld() {
    world.Run([&] { script.reset(); });
  }

  // REQUIRES: on the loop's thread.
  void Call(const std::string& value) {
    const std::string_view keys[] = {"list"};
    const std::string_view arguments[] = {value};
    script->Call(keys, arguments, [this](const Reply& reply) {
      answers.Add(reply.answered() ? reply.text() : "no answer");
    });
  }
  std::vector<std::string> List() {
    std::vector<std::string> list;
    const Reply reply = server.Command({"LRANGE", "list", "0", "-1"});
    for (const Reply& each : reply.elements()) list.push_back(each.text());
    return list;
  }

  RedisServer server;
  RedisWorld world;
  TestLink link;
  Notes<std::string> answers;
  std::unique_ptr<Script> script;
};

TEST(RedisScriptTest, IsSentWholeOnlyWhereItIsNotKnown) {
  ScriptWorld w;
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      expected.push_back(std::to_string(expected.size()));
      w.world.Run([&] { w.Call(expected.back()); });
      ASSERT_TRUE(w.answers.WaitForCount(expected.size()));
    }
    w.world.Run([&] {
      EXPECT_EQ(w.script->loads(), static_cast<uint64_t>(round) + 1);
    });
    EXPECT_EQ(w.server.Command({"SCRIPT", "FLUSH"}).text(), "OK");
  }
  EXPECT_EQ(w.answers.all(), expected);
  EXPECT_EQ(w.List(), expected);
}

// A thousand that were on their way when Redis forgot it, and those that follow
// while the first of them are refused.
TEST(RedisScriptTest, APipelineKeepsItsOrderOverANoScript) {
  ScriptWorld w;
  std::vector<std::string> expected;
  for (int round = 0; round < 5; ++round) {
    w.world.Run([&] {
      w.link.link()->Send({"SCRIPT", "FLUSH"}, nullptr);
      for (int i = 0; i < 1'000; ++i) {
        expected.push_back(std::to_string(expected.size()));
        w.Call(expected.back());
      }
    });
    while (w.answers.size() < expected.size() - 500) {
      w.world.Run([&] {
        expected.push_back(std::to_string(expected.size()));
        w.Call(expected.back());
      });
    }
  }
  ASSERT_TRUE(w.answers.WaitForCount(expected.size()));
  EXPECT_EQ(w.answers.all(), expected);
  EXPECT_EQ(w.List(), expected);
  w.world.Run([&] {
    EXPECT_GE(w.script->loads(), 1u);
    EXPECT_LE(w.script->loads(), 5u);
  });
}

// A new call is always on its way when another one is refused. The script goes
// out all the same: those that come meanwhile wait for it.
TEST(RedisScriptTest, IsSentThoughCallsKeepComing) {
  ScriptWorld w;
  constexpr int kSteps = 200;
  Notes<bool> last;
  int steps = 0;
  std::function<void()> step = [&] {
    if (++steps > kSteps) return last.Add(true);
    // Answered before the call that follows it.
    w.link.link()->Send({"PING"}, [&](const Reply&) { step(); });
    w.Call(std::to_string(steps));
  };
  w.world.Run([&] { step(); });
  ASSERT_TRUE(last.WaitForCount(1));
  w.world.Run([&] { EXPECT_GT(w.answers.size(), size_t{kSteps} / 2); });
  ASSERT_TRUE(w.answers.WaitForCount(kSteps));
  EXPECT_EQ(w.List(), w.answers.all());
}

TEST(RedisScriptTest, SaysOfEachCallWhatCameOfIt) {
  ScriptWorld w;
  w.world.Run([&] { w.Call("0"); });
  ASSERT_TRUE(w.answers.WaitForCount(1));
  const size_t from = w.link.states.size();
  // Refused with NOSCRIPT, and lost before they can go again.
  w.world.Run([&] {
    w.link.link()->Send({"SCRIPT", "FLUSH"}, nullptr);
    for (int i = 1; i < 10; ++i) w.Call(std::to_string(i));
    w.link.link()->Send({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"},
                        nullptr);
  });
  ASSERT_TRUE(w.answers.WaitForCount(10));
  const auto answers = w.answers.all();
  for (size_t i = 1; i < 10; ++i) {
    EXPECT_TRUE(answers[i] == "no answer" || answers[i] == std::to_string(i));
  }
  // A script's own error is the caller's.
  const std::string_view none[] = {"list"};
  Notes<bool> errors;
  w.link.WaitReady(from);
  w.world.Run([&] {
    w.script->Call(none, {},
                   [&](const Reply& reply) { errors.Add(reply.error()); });
    // Its calls end without it.
    w.script.reset();
  });
  ASSERT_TRUE(errors.WaitForCount(1));
  EXPECT_TRUE(errors.all()[0]);
}

}  // namespace
}  // namespace pathcast::redis
