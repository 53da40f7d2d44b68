// What a link makes of a Redis that dies, stops, hangs up or talks nonsense.
// All of it is real but the nonsense, which no Redis would say.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "redis/link.h"
#include "redis_harness.h"
#include "seed.h"

namespace pathcast::redis {
namespace {

using State = Link::State;
using Type = Reply::Type;

TEST(RedisFaultsTest, ComesBackToARedisThatWasKilled) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  for (int round = 0; round < 3; ++round) {
    const size_t from = link.states.size();
    server.Kill();
    const Trouble trouble = link.WaitLost(from);
    EXPECT_EQ(trouble.kind, TroubleKind::kEnded) << trouble.text;
    server.Start();
    link.WaitReady(from);
    EXPECT_EQ(link.Call({"PING"}).text(), "PONG");
  }
}

// What was handed over may have been carried out; what was not was not.
TEST(RedisFaultsTest, TellsLostFromUnsent) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  server.Stop();
  Notes<Type> answers;
  // Beyond what the kernel takes for a Redis that does not read.
  const std::string large(1 << 20, 'x');
  constexpr size_t kCommands = 40;
  world.Run([&] {
    for (size_t i = 0; i < kCommands; ++i) {
      link.link()->Send({"SET", "k", large}, [&](const Reply& reply) {
        EXPECT_FALSE(reply.text().empty());
        answers.Add(reply.type());
      });
    }
  });
  // A turn later all is written that can be.
  world.Run([] {});
  world.Run([&] { EXPECT_GT(link.link()->output_bytes(), large.size()); });
  server.Kill();
  ASSERT_TRUE(answers.WaitForCount(kCommands));
  const auto all = answers.all();
  const auto unsent = std::find(all.begin(), all.end(), Type::kUnsent);
  EXPECT_GT(unsent - all.begin(), 0);
  EXPECT_GT(all.end() - unsent, 0);
  EXPECT_EQ(std::count(all.begin(), unsent, Type::kLost), unsent - all.begin());
  EXPECT_EQ(std::count(unsent, all.end(), Type::kUnsent), all.end() - unsent);

  // Without a connection nothing is sent, and that is told at once.
  EXPECT_EQ(link.Call({"PING"}).type(), Type::kUnsent);
}

// Redis hangs up amid a pipeline that it had as a whole.
TEST(RedisFaultsTest, NothingCarriedOutIsCalledUnsent) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  for (int round = 0; round < 20; ++round) {
    const size_t from = link.states.size();
    const std::string key = "n" + std::to_string(round);
    Notes<Type> answers;
    world.Run([&] {
      for (int i = 0; i < 50; ++i) {
        if (i == 25) {
          link.link()->Send(
              {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"}, nullptr);
        }
        link.link()->Send({"INCR", key}, [&](const Reply& reply) {
          answers.Add(reply.type());
        });
      }
    });
    ASSERT_TRUE(answers.WaitForCount(50));
    const auto all = answers.all();
    const auto count = [&](Type type) {
      return std::count(all.begin(), all.end(), type);
    };
    EXPECT_EQ(count(Type::kUnsent), 0);
    EXPECT_GT(count(Type::kLost), 0);
    const Reply reply = server.Command({"GET", key});
    const int carried_out = reply.nil() ? 0 : std::stoi(reply.text());
    EXPECT_GE(carried_out, count(Type::kInteger));
    EXPECT_LE(carried_out, count(Type::kInteger) + count(Type::kLost));
    link.WaitReady(from);
  }
}

TEST(RedisFaultsTest, NoticesARedisThatStopped) {
  RedisServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.answer_within_ms = 300;
  options.probe_after_ms = 100;
  TestLink link(&world, options);
  const size_t ready = link.WaitReady();
  // Asked for nothing: a probe finds it.
  server.Stop();
  Trouble trouble = link.WaitLost(ready);
  EXPECT_EQ(trouble.kind, TroubleKind::kSilent) << trouble.text;
  // The kernel connects for it, and the handshake is not answered either.
  size_t from = link.states.size();
  trouble = link.WaitLost(from);
  EXPECT_EQ(trouble.kind, TroubleKind::kSilent) << trouble.text;
  server.Continue();
  from = link.states.size();
  link.WaitReady(from - 1);

  server.Stop();
  Reply reply = link.Call({"PING"});
  // Perhaps it was lost between the two, then by the probe.
  EXPECT_FALSE(reply.answered()) << reply.text();
  server.Continue();
}

// A slow answer is silence only without a byte.
TEST(RedisFaultsTest, AnAnswerThatTakesLongIsNoSilence) {
  const FakeServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.endpoint());
  options.answer_within_ms = 800;
  TestLink link(&world, options);
  const Descriptor socket = server.AcceptReady();
  link.WaitReady();
  Notes<std::string> answers;
  world.Run([&] {
    link.link()->Send({"GET"},
                      [&](const Reply& reply) { answers.Add(reply.text()); });
  });
  FakeServer::Await(socket, "*1\r\n$3\r\nGET\r\n");
  // Each piece is worth two seconds, and comes after 100 ms.
  constexpr size_t kPiece = 32 << 10, kPieces = 24;
  FakeServer::Say(socket, "$" + std::to_string(kPiece * kPieces) + "\r\n");
  const auto begun = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kPieces; ++i) {
    FakeServer::Say(socket, std::string(kPiece, 'x'));
    const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
    ::nanosleep(&pause, nullptr);
  }
  // Longer than an answer that has begun may take if its bytes do not count.
  EXPECT_GT(std::chrono::steady_clock::now() - begun,
            std::chrono::milliseconds(2 * 800 + 400));
  FakeServer::Say(socket, "\r\n");
  ASSERT_TRUE(answers.WaitForCount(1));
  EXPECT_EQ(answers.all()[0], std::string(kPiece * kPieces, 'x'));
}

// Of `begins` a byte comes now and then, and its end never.
void GivesUp(const std::string& begins) {
  const FakeServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.endpoint());
  options.answer_within_ms = 1'000;
  TestLink link(&world, options);
  const Descriptor socket = server.AcceptReady();
  const size_t ready = link.WaitReady();
  Notes<Reply::Type> answers;
  world.Run([&] {
    for (const char* word : {"GET", "SET"})
      link.link()->Send({word},
                        [&](const Reply& reply) { answers.Add(reply.type()); });
  });
  FakeServer::Await(socket, "*1\r\n$3\r\nGET\r\n*1\r\n$3\r\nSET\r\n");
  FakeServer::Say(socket, begins);
  std::thread drips([&] {
    const std::string_view drop = begins[0] == '*' ? ":1\r\n" : "x";
    const timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
    // Until the link has ended the connection.
    while (::send(socket.get(), drop.data(), drop.size(), MSG_NOSIGNAL) >= 0 &&
           answers.size() < 2) {
      ::nanosleep(&pause, nullptr);
    }
  });
  const Trouble trouble = link.WaitLost(ready);
  EXPECT_EQ(trouble.kind, TroubleKind::kSilent) << trouble.text;
  EXPECT_TRUE(answers.WaitForCount(2));
  drips.join();
  EXPECT_EQ(answers.all(),
            (std::vector<Reply::Type>{Reply::Type::kLost, Reply::Type::kLost}));
  // And the next connection is another one.
  const Descriptor next = server.AcceptReady();
  link.WaitReady(ready + 1);
}

// Whoever waits for it waits for ever, and all that was asked behind it.
TEST(RedisFaultsTest, AnAnswerThatNeverEndsIsGivenUp) {
  std::vector<std::thread> each;
  for (const char* begins : {"$536870912\r\n", "*2147483647\r\n:1\r\n", "+O"})
    each.emplace_back(GivesUp, begins);
  for (std::thread& thread : each) thread.join();
}

// The answer is here, this thread was away: that is not Redis's silence.
TEST(RedisFaultsTest, AThreadThatWasLateLooksBeforeItJudges) {
  RedisServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.answer_within_ms = 1'500;
  options.probe_after_ms = 60'000;
  TestLink link(&world, options);
  link.WaitReady();
  Notes<std::string> answers;
  // Owed for longer than is allowed by the time it is written.
  world.Run([&] {
    link.link()->Send({"PING"},
                      [&](const Reply& reply) { answers.Add(reply.text()); });
    const timespec away{.tv_sec = 2, .tv_nsec = 0};
    ::nanosleep(&away, nullptr);
  });
  ASSERT_TRUE(answers.WaitForCount(1));
  EXPECT_EQ(answers.all()[0], "PONG");
  EXPECT_EQ(link.states.size(), 2u);
}

TEST(RedisFaultsTest, RefusesWhatItsOutputCannotHold) {
  RedisServer server;
  RedisWorld world;
  LinkOptions options = world.Options(server.tcp());
  options.max_output_bytes = 1000;
  TestLink link(&world, options);
  link.WaitReady();
  Notes<Type> answers;
  std::vector<std::string> texts;
  world.Run([&] {
    for (int i = 0; i < 30; ++i) {
      link.link()->Send({"SET", "k", "0123456789"}, [&](const Reply& reply) {
        texts.push_back(reply.text());
        answers.Add(reply.type());
      });
      EXPECT_LE(link.link()->output_bytes(), 1000u);
    }
    // Never inside Send().
    EXPECT_EQ(answers.size(), 0u);
  });
  ASSERT_TRUE(answers.WaitForCount(30));
  const auto all = answers.all();
  const auto taken = std::count(all.begin(), all.end(), Type::kStatus);
  EXPECT_GT(taken, 5);
  EXPECT_EQ(std::count(all.begin(), all.end(), Type::kUnsent), 30 - taken);
  world.Run([&] {
    EXPECT_EQ(std::count_if(texts.begin(), texts.end(),
                            [](const std::string& text) {
                              return text.find("full (1000 bytes)") !=
                                     std::string::npos;
                            }),
              30 - taken);
  });
  EXPECT_EQ(link.Call({"GET", "k"}).text(), "0123456789");
}

// The kernel of a host that is overrun, or gone, does not answer at all: our
// own timer ends it, for a name with several addresses each in its turn.
TEST(RedisFaultsTest, ConnectingHasItsTime) {
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), plain, size), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  ASSERT_EQ(::getsockname(listener.get(), plain, &size), 0);
  // Its queue is full when a connection is not made at once.
  std::vector<Descriptor> queue;
  int error = 0;
  while (error == 0 && queue.size() < 16) {
    queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    if (::connect(queue.back().get(), plain, size) == 0) continue;
    pollfd made{.fd = queue.back().get(), .events = POLLOUT, .revents = 0};
    error = ::poll(&made, 1, 100) == 0 ? EINPROGRESS : 0;
  }
  ASSERT_EQ(error, EINPROGRESS);
  RedisWorld world;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    LinkOptions options = world.Options({host, ntohs(address.sin_port), ""});
    options.connect_timeout_ms = 150;
    TestLink link(&world, options);
    const Trouble trouble = link.WaitLost();
    EXPECT_EQ(trouble.kind, TroubleKind::kTimeout) << trouble.text;
  }
}

TEST(RedisFaultsTest, GivesUpWhatIsNoRedis) {
  for (const std::string& nonsense :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
        std::string("*3\r\n$1\r\nx\r\n?"), std::string("$-7\r\n"),
        std::string("+PONG\r\n+PONG\r\n"), std::string("*-5\r\n")}) {
    const FakeServer server;
    RedisWorld world;
    TestLink link(&world, world.Options(server.endpoint()));
    const Descriptor socket = server.Accept();
    FakeServer::Say(socket, nonsense);
    EXPECT_EQ(link.WaitLost().kind, TroubleKind::kProtocol) << nonsense;
  }
}

// Cut anywhere, replies are the same.
TEST(RedisFaultsTest, FragmentsMakeNoDifference) {
  Random random(TestSeed());
  const FakeServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.endpoint()));
  const Descriptor socket = server.AcceptReady();
  link.WaitReady();
  const std::function<std::string(int, std::string*)> make =
      [&](int depth, std::string* shown) -> std::string {
    switch (random.Between(0, depth > 3 ? 4 : 5)) {
      case 0:
        *shown += "nil ";
        return "$-1\r\n";
      case 1: {
        const auto number = static_cast<int64_t>(random.Next());
        *shown += std::to_string(number) + " ";
        return ":" + std::to_string(number) + "\r\n";
      }
      case 2:
        *shown += "+fine ";
        return "+fine\r\n";
      case 3:
        *shown += "-ERR no ";
        return "-ERR no\r\n";
      case 4: {
        std::string text(random.Between(0, 40'000), '\0');
        for (char& c : text) c = static_cast<char>(random.Between(0, 255));
        *shown += text + " ";
        return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
      }
      default: {
        const uint64_t count = random.Between(0, 4);
        *shown += "[";
        std::string bytes = "*" + std::to_string(count) + "\r\n";
        for (uint64_t i = 0; i < count; ++i) bytes += make(depth + 1, shown);
        *shown += "] ";
        return bytes;
      }
    }
  };
  const std::function<std::string(const Reply&)> show =
      [&](const Reply& reply) -> std::string {
    switch (reply.type()) {
      case Type::kNil:
        return "nil ";
      case Type::kInteger:
        return std::to_string(reply.integer()) + " ";
      case Type::kStatus:
        return "+" + reply.text() + " ";
      case Type::kError:
        return "-" + reply.text() + " ";
      case Type::kString:
        return reply.text() + " ";
      case Type::kArray: {
        std::string text = "[";
        for (const Reply& each : reply.elements()) text += show(each);
        return text + "] ";
      }
      default:
        return "no answer";
    }
  };
  constexpr size_t kReplies = 150;
  std::string bytes;
  std::vector<std::string> expected;
  for (size_t i = 0; i < kReplies; ++i) {
    std::string shown;
    bytes += make(0, &shown);
    expected.push_back(shown);
  }
  Notes<std::string> answers;
  world.Run([&] {
    for (size_t i = 0; i < kReplies; ++i) {
      link.link()->Send({"X"},
                        [&](const Reply& reply) { answers.Add(show(reply)); });
    }
  });
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min<size_t>(
        bytes.size() - at, random.Between(0, 3) == 0 ? random.Between(1, 60'000)
                                                     : random.Between(1, 300));
    FakeServer::Say(socket, std::string_view(bytes).substr(at, size));
    at += size;
  }
  ASSERT_TRUE(answers.WaitForCount(kReplies));
  EXPECT_TRUE(answers.all() == expected);
}

TEST(RedisFaultsTest, WaitsLongerFromTryToTry) {
  RedisWorld world;
  LinkOptions options = world.Options({"", 0, "/there-is-no-such.sock"});
  options.retry_min_ms = 1;
  options.retry_max_ms = 128;
  constexpr size_t kWaits = 11;
  // What the link draws, from the seed that it is given.
  Random random(RedisWorld::kSeed);
  uint64_t sum_ms = 0;
  for (size_t i = 0; i < kWaits; ++i) {
    sum_ms += random.Between(1, std::min<uint64_t>(128, uint64_t{1} << i));
  }
  const auto begun = std::chrono::steady_clock::now();
  TestLink link(&world, options);
  ASSERT_TRUE(link.states.WaitForCount(2 * kWaits + 1));
  // A timer counts from the begin of its turn of the loop.
  EXPECT_GT(std::chrono::steady_clock::now() - begun,
            std::chrono::milliseconds(sum_ms * 9 / 10));
  EXPECT_GT(sum_ms, 150u);
}

// Each callback may end the link; the loop's end shows a handle that was left.
TEST(RedisFaultsTest, MayBeDestroyedInsideEachCallback) {
  RedisServer server;
  RedisWorld world;
  for (const State at : {State::kConnecting, State::kReady, State::kLost}) {
    std::unique_ptr<Link> link;
    Event gone;
    int unsent = 0;
    world.Run([&] {
      LinkOptions options = world.Options(
          at == State::kLost ? Endpoint{"127.0.0.1", 1, ""} : server.tcp());
      link = std::make_unique<Link>(
          options, Link::Events{[&, at](State state, const Trouble&) {
                                  if (state != at) return;
                                  link->Send({"PING"}, [&](const Reply& reply) {
                                    if (!reply.ok()) ++unsent;
                                  });
                                  link.reset();
                                  gone.Set();
                                },
                                nullptr});
      EXPECT_TRUE(link->Open().ok());
    });
    ASSERT_TRUE(gone.Wait());
    world.Run([&] { EXPECT_EQ(unsent, 1); });
  }
  // In an answer, with others behind it; and while it is being lost.
  for (const bool lost : {false, true}) {
    TestLink link(&world, world.Options(server.tcp()));
    link.WaitReady();
    Notes<bool> answers;
    world.Run([&] {
      for (int i = 0; i < 5; ++i) {
        link.link()->Send({"PING"}, [&, i](const Reply& reply) {
          answers.Add(reply.ok());
          if (i == 1) link.Destroy();
        });
      }
      if (lost) link.link()->Drop({TroubleKind::kSwitched, "for the test"});
    });
    ASSERT_TRUE(answers.WaitForCount(5));
    world.Run([] {});
    const auto all = answers.all();
    EXPECT_EQ(all, lost ? std::vector<bool>(5, false)
                        : (std::vector<bool>{true, true, false, false, false}));
  }
}

TEST(RedisFaultsTest, ClosingAnswersAllAndIsForGood) {
  RedisServer server;
  RedisWorld world;
  TestLink link(&world, world.Options(server.tcp()));
  link.WaitReady();
  server.Stop();
  std::vector<Type> answers;
  world.Run([&] {
    const auto note = [&](const Reply& reply) {
      answers.push_back(reply.type());
      // Whoever asks again is answered too.
      if (answers.size() == 1) {
        link.link()->Send({"PING"}, [&](const Reply& next) {
          answers.push_back(next.type());
        });
      }
    };
    link.link()->Send({"PING"}, note);
    link.link()->Send({"PING"}, note);
    link.link()->Close();
    EXPECT_EQ(answers,
              (std::vector<Type>{Type::kUnsent, Type::kUnsent, Type::kUnsent}));
    EXPECT_EQ(link.link()->state(), State::kClosed);
    link.link()->Close();
    link.link()->Reconnect({TroubleKind::kSwitched, ""});
    EXPECT_EQ(link.link()->state(), State::kClosed);
  });
  server.Continue();
}

}  // namespace
}  // namespace pathcast::redis
