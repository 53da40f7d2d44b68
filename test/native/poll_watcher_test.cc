#include "loop/poll_watcher.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "loop_thread.h"

namespace pathcast {
namespace {

// Two connected sockets; `ours` is the watched one.
struct Pair {
  int ours = -1;
  int theirs = -1;

  Pair() = default;
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    if (ours >= 0) close(ours);
    if (theirs >= 0) close(theirs);
  }

  void OpenUnix() {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = fds[0];
    theirs = fds[1];
  }
  void OpenTcp() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener, any, length), 0);
    ASSERT_EQ(listen(listener, 1), 0);
    ASSERT_EQ(getsockname(listener, any, &length), 0);
    theirs = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(connect(theirs, any, length), 0);
    ours = accept(listener, nullptr, nullptr);
    ASSERT_GE(ours, 0);
    close(listener);
  }
};

// Sends the watcher's events to a std::function.
struct Watched {
  std::function<void(int)> on_events;
  PollWatcher watcher;

  Status Start(EventLoop* loop, int fd) {
    return watcher.Start(
        loop, fd,
        [](void* context, int events) {
          // A copy: the call may destroy the Watched.
          const auto call = static_cast<Watched*>(context)->on_events;
          call(events);
        },
        this);
  }
};

TEST(PollWatcherTest, IsOneSmallBlock) {
  EXPECT_EQ(sizeof(PollWatcher), sizeof(void*));
  EXPECT_LE(PollWatcher::Bytes(), 200u);
}

TEST(PollWatcherTest, TellsWhatTheSocketIsReadyFor) {
  LoopThread thread;
  Pair pair;
  pair.OpenUnix();
  Watched watched;
  Event readable, writable;
  thread.Run([&] {
    ASSERT_TRUE(watched.Start(thread.loop(), pair.ours).ok());
    EXPECT_NE(fcntl(pair.ours, F_GETFL) & O_NONBLOCK, 0);
    watched.on_events = [&](int events) {
      EXPECT_EQ(events, PollWatcher::kReadable);
      ASSERT_TRUE(watched.watcher.Update(0).ok());
      readable.Set();
    };
    ASSERT_TRUE(watched.watcher.Update(PollWatcher::kReadable).ok());
  });
  ASSERT_EQ(write(pair.theirs, "x", 1), 1);
  ASSERT_TRUE(readable.Wait());
  thread.Run([&] {
    watched.on_events = [&](int events) {
      EXPECT_EQ(events, PollWatcher::kWritable);
      ASSERT_TRUE(watched.watcher.Update(0).ok());
      writable.Set();
    };
    ASSERT_TRUE(watched.watcher.Update(PollWatcher::kWritable).ok());
  });
  ASSERT_TRUE(writable.Wait());
  // Of no interest: readable all the time, and never told.
  thread.Run([] {});
  EXPECT_TRUE(thread.End([&] { watched.watcher.Close(); }).ok());
}

TEST(PollWatcherTest, TellsThatThePeerShutDown) {
  LoopThread thread;
  Pair pair;
  pair.OpenTcp();
  Watched watched;
  Event gone;
  thread.Run([&] {
    ASSERT_TRUE(watched.Start(thread.loop(), pair.ours).ok());
    watched.on_events = [&](int events) {
      EXPECT_NE(events & PollWatcher::kDisconnect, 0);
      watched.watcher.Close();
      gone.Set();
    };
    ASSERT_TRUE(watched.watcher.Update(PollWatcher::kDisconnect).ok());
  });
  shutdown(pair.theirs, SHUT_WR);
  ASSERT_TRUE(gone.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

TEST(PollWatcherTest, TellsOfAReset) {
  LoopThread thread;
  Pair pair;
  pair.OpenTcp();
  Watched watched;
  Event reset;
  thread.Run([&] {
    ASSERT_TRUE(watched.Start(thread.loop(), pair.ours).ok());
    watched.on_events = [&](int events) {
      EXPECT_EQ(events, PollWatcher::kError);
      reset.Set();
    };
    ASSERT_TRUE(watched.watcher.Update(PollWatcher::kDisconnect).ok());
  });
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(pair.theirs, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(std::exchange(pair.theirs, -1));
  ASSERT_TRUE(reset.Wait());
  EXPECT_TRUE(thread.End([&] { watched.watcher.Close(); }).ok());
}

TEST(PollWatcherTest, RefusesWhatCannotBeWatched) {
  LoopThread thread;
  thread.Run([&] {
    Watched watched;
    EXPECT_EQ(watched.Start(thread.loop(), -1).code(), Code::kIo);
    std::FILE* file = std::tmpfile();  // epoll takes no plain files.
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(watched.Start(thread.loop(), fileno(file)).code(), Code::kIo);
    EXPECT_FALSE(watched.watcher.open());
    std::fclose(file);
  });
  EXPECT_TRUE(thread.End(nullptr).ok());
}

TEST(PollWatcherTest, MayBeDestroyedInsideItsOwnCall) {
  LoopThread thread;
  Pair pair;
  pair.OpenUnix();
  auto watched = std::make_unique<Watched>();
  Event gone;
  thread.Run([&] {
    ASSERT_TRUE(watched->Start(thread.loop(), pair.ours).ok());
    watched->on_events = [&](int) {
      watched.reset();
      close(std::exchange(pair.ours, -1));
      gone.Set();
    };
    ASSERT_TRUE(
        watched->watcher.Update(PollWatcher::kReadable | PollWatcher::kWritable)
            .ok());
  });
  ASSERT_TRUE(gone.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

// All become ready within one turn; the first to be told closes the others.
TEST(PollWatcherTest, IsNotToldOnceAnotherClosedIt) {
  LoopThread thread;
  constexpr size_t kCount = 8;
  std::array<Pair, kCount> pairs;
  std::array<Watched, kCount> watched;
  int calls = 0;
  Event called;
  thread.Run([&] {
    for (size_t i = 0; i < kCount; ++i) {
      pairs[i].OpenUnix();
      ASSERT_TRUE(watched[i].Start(thread.loop(), pairs[i].ours).ok());
      watched[i].on_events = [&](int) {
        ++calls;
        for (Watched& each : watched) each.watcher.Close();
        called.Set();
      };
      ASSERT_TRUE(watched[i].watcher.Update(PollWatcher::kReadable).ok());
      ASSERT_EQ(write(pairs[i].theirs, "x", 1), 1);
    }
  });
  ASSERT_TRUE(called.Wait());
  thread.Run([] {});
  EXPECT_TRUE(thread.End(nullptr).ok());
  EXPECT_EQ(calls, 1);
}

// The number of a closed descriptor comes back at once, for another socket.
TEST(PollWatcherTest, ADescriptorMayBeUsedAgainInTheSameTurn) {
  LoopThread thread;
  Pair first, second;
  Watched old, fresh;
  Event called;
  thread.Run([&] {
    first.OpenUnix();
    ASSERT_TRUE(old.Start(thread.loop(), first.ours).ok());
    old.on_events = [](int) { ADD_FAILURE() << "a closed watcher was told"; };
    ASSERT_TRUE(old.watcher.Update(PollWatcher::kReadable).ok());
    ASSERT_EQ(write(first.theirs, "x", 1), 1);
    old.watcher.Close();
    const int number = first.ours;
    close(std::exchange(first.ours, -1));
    second.OpenUnix();
    EXPECT_EQ(second.ours, number);
    ASSERT_TRUE(fresh.Start(thread.loop(), second.ours).ok());
    fresh.on_events = [&](int events) {
      EXPECT_EQ(events, PollWatcher::kReadable);
      fresh.watcher.Close();
      called.Set();
    };
    ASSERT_TRUE(fresh.watcher.Update(PollWatcher::kReadable).ok());
    ASSERT_EQ(write(second.theirs, "x", 1), 1);
  });
  ASSERT_TRUE(called.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

TEST(PollWatcherTest, Moves) {
  LoopThread thread;
  Pair pair;
  pair.OpenUnix();
  Watched watched;
  PollWatcher moved;
  Event called;
  thread.Run([&] {
    ASSERT_TRUE(watched.Start(thread.loop(), pair.ours).ok());
    moved = std::move(watched.watcher);
    EXPECT_FALSE(watched.watcher.open());
    watched.on_events = [&](int) {
      moved.Close();
      moved.Close();
      called.Set();
    };
    ASSERT_TRUE(moved.Update(PollWatcher::kWritable).ok());
  });
  ASSERT_TRUE(called.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

TEST(PollWatcherTest, ManyOpenAndCloseAtOnce) {
  LoopThread thread;
  std::vector<Pair> pairs(400);
  std::vector<PollWatcher> watchers(pairs.size());
  for (Pair& pair : pairs) pair.OpenUnix();
  int calls = 0;
  for (int round = 0; round < 3; ++round) {
    thread.Run([&] {
      for (size_t i = 0; i < pairs.size(); ++i) {
        ASSERT_TRUE(
            watchers[i]
                .Start(
                    thread.loop(), pairs[i].ours,
                    [](void* calls, int) { ++*static_cast<int*>(calls); },
                    &calls)
                .ok());
        ASSERT_TRUE(watchers[i].Update(PollWatcher::kWritable).ok());
      }
    });
    thread.Run([&] {
      for (PollWatcher& watcher : watchers) watcher.Close();
    });
  }
  EXPECT_TRUE(thread.End(nullptr).ok());
}

}  // namespace
}  // namespace pathcast
