#include "engine/scheduler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

#include "loop/event_loop.h"

namespace pathcast {

namespace {

// Subscriptions visited before another company has its turn.
constexpr size_t kVisitsPerSlice = 64;

// Fan-out in one turn of the loop before commands and sockets are looked at
// again. Bounds what a company of many streams adds to another company's
// action.
constexpr int64_t kFanOutBudgetUs = 1'000;

}  // namespace

Status Scheduler::Open(EventLoop* loop, std::function<void()> on_turn) {
  return busy_.Open(loop, std::move(on_turn));
}

void Scheduler::RunSoon(Channel* channel) {
  if (channel->queued || !channel->needs_pass()) return;
  channel->queued = true;
  queue_.push_back(channel);
}

void Scheduler::Forget(Channel* channel) {
  if (!channel->queued) return;
  // Who is forgotten has been idle longest and was queued first, so it is found
  // at the front.
  queue_.erase(std::find(queue_.begin(), queue_.end(), channel));
  channel->queued = false;
}

void Scheduler::FanOut() {
  const int64_t until = EventLoop::NowUs() + kFanOutBudgetUs;
  while (!queue_.empty()) {
    Channel* channel = queue_.front();
    queue_.pop_front();
    if (channel->Slice(*context_, kVisitsPerSlice, &EventLoop::NowUs)) {
      channel->queued = false;
    } else {
      queue_.push_back(channel);
    }
    if (EventLoop::NowUs() >= until) break;
    // On one core the app's thread would else wait for the scheduler's tick,
    // which is milliseconds.
    std::this_thread::yield();
  }
  busy_.Set(!queue_.empty());
}

}  // namespace pathcast
