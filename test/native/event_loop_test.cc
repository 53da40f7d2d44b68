#include "loop/event_loop.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "loop/busy_hint.h"
#include "loop/poll_watcher.h"
#include "loop/timer.h"
#include "loop_thread.h"

namespace pathcast {
namespace {

// Entries of a folder of /proc/self; -1 where there is none.
int CountOf(const char* folder) {
  DIR* dir = opendir(folder);
  if (dir == nullptr) return -1;
  int count = 0;
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count;
}

int Nice(int tid) { return getpriority(PRIO_PROCESS, static_cast<id_t>(tid)); }

TEST(EventLoopTest, SeesWhatWasQueuedBeforeEachWake) {
  EventLoop loop;
  std::atomic<int> queued{0};
  std::atomic<int> seen{0};
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  Event all;
  ASSERT_TRUE(loop.Start([&] {
                    const int before = seen.exchange(queued.load());
                    if (seen == kThreads * kEach && before != seen) all.Set();
                  })
                  .ok());
  ASSERT_TRUE(loop.RunInThread(nullptr).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        ++queued;
        loop.Wake();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(all.Wait());
  loop.Stop();
  loop.Stop();
  EXPECT_TRUE(loop.Join().ok());
  EXPECT_TRUE(loop.Join().ok());
  loop.Stop();
}

TEST(EventLoopTest, KnowsItsThread) {
  EventLoop loop;
  EXPECT_FALSE(loop.OnLoopThread());
  std::atomic<bool> on_wake{false};
  std::atomic<bool> on_stop{false};
  Event woken;
  ASSERT_TRUE(loop.Start([&] {
                    on_wake = loop.OnLoopThread();
                    woken.Set();
                  })
                  .ok());
  EXPECT_TRUE(loop.OnLoopThread());
  ASSERT_TRUE(loop.RunInThread([&] { on_stop = loop.OnLoopThread(); }).ok());
  EXPECT_FALSE(loop.OnLoopThread());
  loop.Wake();
  ASSERT_TRUE(woken.Wait());
  loop.Stop();
  EXPECT_TRUE(loop.Join().ok());
  EXPECT_TRUE(on_wake);
  EXPECT_TRUE(on_stop);
}

TEST(EventLoopTest, LeavesNoThreadAndNoDescriptor) {
  // The first loop of a process may leave libuv's own lasting state.
  { LoopThread first; }
  const int descriptors = CountOf("/proc/self/fd");
  const int threads = CountOf("/proc/self/task");
  for (int i = 0; i < 50; ++i) {
    {
      EventLoop never_started;
      EventLoop never_run;
      ASSERT_TRUE(never_run.Start([] {}).ok());
      LoopThread runs;
      Timer timer;
      BusyHint hint;
      runs.Run([&] {
        ASSERT_TRUE(timer.Open(runs.loop(), [] {}).ok());
        ASSERT_TRUE(hint.Open(runs.loop(), [] {}).ok());
        timer.Every(1);
        hint.Set(true);
      });
      ASSERT_TRUE(runs.End([&] {
                        timer.Close();
                        hint.Close();
                      })
                      .ok());
    }
    ASSERT_EQ(CountOf("/proc/self/fd"), descriptors);
  }
  EXPECT_EQ(CountOf("/proc/self/task"), threads);
}

TEST(EventLoopTest, ReportsAHandleThatWasLeftOpen) {
  LoopThread thread;
  Timer timer;
  thread.Run([&] {
    ASSERT_TRUE(timer.Open(thread.loop(), [] {}).ok());
    timer.Every(1000 * 1000);
  });
  const Status status = thread.End(nullptr);
  EXPECT_EQ(status.code(), Code::kIo);
  timer.Close();
  EXPECT_TRUE(thread.loop()->Join().ok());
}

TEST(EventLoopTest, RunsOnStopOnceAndNothingAfterIt) {
  EventLoop loop;
  std::atomic<int> stops{0};
  std::atomic<bool> late{false};
  ASSERT_TRUE(loop.Start([&] { late = late || stops > 0; }).ok());
  ASSERT_TRUE(loop.RunInThread([&] {
                    ++stops;
                    loop.Wake();
                  })
                  .ok());
  loop.Wake();
  loop.Stop();
  loop.Wake();
  EXPECT_TRUE(loop.Join().ok());
  EXPECT_EQ(stops, 1);
  EXPECT_FALSE(late);
}

TEST(EventLoopTest, ItsThreadTakesNoSignalsButItsFaults) {
  LoopThread thread;
  sigset_t before, inside, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    LoopThread another;
    another.Run([&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGUSR1, SIGPIPE}) {
    EXPECT_EQ(sigismember(&inside, signal), 1) << signal;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    EXPECT_EQ(sigismember(&inside, signal), 0) << signal;
  }
  for (int signal = 1; signal < 32; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
  }
}

TEST(EventLoopTest, YieldsToOtherThreadsAlone) {
#ifdef __linux__
  const int own = Nice(0);
  const int wanted = std::min(own + 3, 19);
  EventLoop loop;
  std::atomic<int> inside{-100};
  Event woken;
  ASSERT_TRUE(loop.Start([&] {
                    inside = Nice(static_cast<int>(syscall(SYS_gettid)));
                    woken.Set();
                  })
                  .ok());
  loop.SetThreadNice(wanted);
  ASSERT_TRUE(loop.RunInThread(nullptr).ok());
  loop.Wake();
  ASSERT_TRUE(woken.Wait());
  EXPECT_EQ(inside, wanted);
  EXPECT_EQ(Nice(0), own);
#endif
}

TEST(TimerTest, FiresAfterItsTimeAsItWasLastSet) {
  LoopThread thread;
  Timer timer;
  Event fired;
  int64_t set_us = 0;
  int64_t fired_us = 0;
  thread.Run([&] {
    ASSERT_TRUE(timer
                    .Open(thread.loop(),
                          [&] {
                            fired_us = EventLoop::NowUs();
                            timer.Cancel();
                            fired.Set();
                          })
                    .ok());
    timer.Every(1000 * 1000);
    timer.Every(20);  // Takes the place of the first.
    set_us = EventLoop::NowUs();
  });
  ASSERT_TRUE(fired.Wait());
  thread.Run([&] {
    // The loop counts in whole ms from the start of its turn.
    EXPECT_GE(fired_us - set_us, 15 * 1000);
  });
  EXPECT_TRUE(thread.End([&] { timer.Close(); }).ok());
}

TEST(TimerTest, RepeatsUntilItDestroysItselfInside) {
  LoopThread thread;
  auto timer = std::make_unique<Timer>();
  Event gone;
  int count = 0;
  thread.Run([&] {
    // Captured text, so that a callback freed too early would show.
    const std::string text(100, 'x');
    ASSERT_TRUE(timer
                    ->Open(thread.loop(),
                           [&, text] {
                             if (++count < 3) return;
                             timer.reset();
                             EXPECT_EQ(text, std::string(100, 'x'));
                             gone.Set();
                           })
                    .ok());
    timer->Every(1);
  });
  ASSERT_TRUE(gone.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
  EXPECT_EQ(count, 3);
}

TEST(TimerTest, DoesNotFireOnceCancelled) {
  LoopThread thread;
  Timer cancelled, later;
  Event fired;
  thread.Run([&] {
    ASSERT_TRUE(
        cancelled.Open(thread.loop(), [] { ADD_FAILURE() << "fired"; }).ok());
    ASSERT_TRUE(later.Open(thread.loop(), [&] { fired.Set(); }).ok());
    cancelled.Every(1);
    cancelled.Cancel();
    later.Every(20);
  });
  ASSERT_TRUE(fired.Wait());
  EXPECT_TRUE(thread
                  .End([&] {
                    cancelled.Close();
                    later.Close();
                    EXPECT_FALSE(later.open());
                  })
                  .ok());
}

TEST(BusyHintTest, RunsOnceATurnWhileIoGoesOn) {
  LoopThread thread;
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  struct State {
    PollWatcher watcher;
    BusyHint hint;
    int turns = 0;
    int fd = -1;
    Event served;
  } state;
  state.fd = pair[0];
  thread.Run([&] {
    // Without an end of its own: only the socket's event ends it.
    ASSERT_TRUE(state.hint
                    .Open(thread.loop(),
                          [&] {
                            if (++state.turns == 10) {
                              EXPECT_EQ(write(pair[1], "x", 1), 1);
                            }
                          })
                    .ok());
    ASSERT_TRUE(state.watcher
                    .Start(
                        thread.loop(), pair[0],
                        [](void* context, int events) {
                          auto* state = static_cast<State*>(context);
                          EXPECT_EQ(events, PollWatcher::kReadable);
                          EXPECT_TRUE(state->hint.busy());
                          state->hint.Set(false);
                          state->watcher.Close();
                          state->served.Set();
                        },
                        &state)
                    .ok());
    ASSERT_TRUE(state.watcher.Update(PollWatcher::kReadable).ok());
    EXPECT_FALSE(state.hint.busy());
    state.hint.Set(true);
  });
  ASSERT_TRUE(state.served.Wait());
  int turns = 0;
  thread.Run([&] { turns = state.turns; });
  EXPECT_GE(turns, 10);
  thread.Run([&] { EXPECT_EQ(state.turns, turns); });
  EXPECT_TRUE(thread.End([&] { state.hint.Close(); }).ok());
  close(pair[0]);
  close(pair[1]);
}

TEST(BusyHintTest, MayDestroyItselfInside) {
  LoopThread thread;
  auto hint = std::make_unique<BusyHint>();
  Event gone;
  thread.Run([&] {
    ASSERT_TRUE(hint->Open(thread.loop(),
                           [&] {
                             hint.reset();
                             gone.Set();
                           })
                    .ok());
    hint->Set(true);
  });
  ASSERT_TRUE(gone.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

}  // namespace
}  // namespace pathcast
