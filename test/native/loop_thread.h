// An EventLoop in its thread, for tests: runs functions on it and waits.
#ifndef PATHCAST_TEST_NATIVE_LOOP_THREAD_H_
#define PATHCAST_TEST_NATIVE_LOOP_THREAD_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include "deadline.h"
#include "loop/event_loop.h"

namespace pathcast {

// Something that happens once, on any thread.
class Event {
 public:
  void Set() { promise_.set_value(); }
  bool Wait() {
    return future_.wait_for(kDeadline) == std::future_status::ready;
  }

 private:
  std::promise<void> promise_;
  std::future<void> future_ = promise_.get_future();
};

class LoopThread {
 public:
  LoopThread() {
    EXPECT_TRUE(loop_.Start([this] { Drain(); }).ok());
    EXPECT_TRUE(loop_
                    .RunInThread([this] {
                      Drain();
                      if (on_stop_) on_stop_();
                    })
                    .ok());
  }

  EventLoop* loop() { return &loop_; }

  // Runs `fn` on the loop's thread; returns when it has run.
  void Run(std::function<void()> fn) {
    Event done;
    {
      const std::lock_guard<std::mutex> lock(mu_);
      queue_.push_back([&] {
        fn();
        done.Set();
      });
    }
    loop_.Wake();
    ASSERT_TRUE(done.Wait());
  }

  // Ends the loop, `on_stop` last on its thread; the status of Join().
  Status End(std::function<void()> on_stop) {
    Run([&] { on_stop_ = std::move(on_stop); });
    loop_.Stop();
    return loop_.Join();
  }

 private:
  void Drain() {
    std::vector<std::function<void()>> queue;
    {
      const std::lock_guard<std::mutex> lock(mu_);
      queue.swap(queue_);
    }
    for (const auto& fn : queue) fn();
  }

  // Loop's thread only.
  std::function<void()> on_stop_;
  // Guarded by mu_.
  std::mutex mu_;
  std::vector<std::function<void()>> queue_;
  // Last, so that its thread has ended before the rest goes.
  EventLoop loop_;
};

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_LOOP_THREAD_H_
