#include "engine/scheduler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

#include "loop/event_loop.h"

namespace pathcast {

namespace {

// Of one tenant before another one has its turn: some 20 sends of small
// frames, or a few long ones. The tenants of few streams together have as
// much before a long pass goes on.
constexpr uint64_t kSliceBytes = 64 * 1024;
constexpr int64_t kSliceUs = 150;

// Fan-out in one turn of the loop before commands and sockets are looked at
// again. With the slice it bounds what a tenant of many streams adds to
// another tenant's action.
constexpr int64_t kFanOutUs = 300;

constexpr size_t kFewStreams = 32;

// While commands wait: how long a long pass stands still at most.
constexpr int64_t kLongWaitUs = 1'000;

}  // namespace

Status Scheduler::Open(EventLoop* loop, std::function<void()> on_turn) {
  return busy_.Open(loop, std::move(on_turn));
}

void Scheduler::RunSoon(Channel* channel) {
  if (channel->queued || !channel->needs_pass()) return;
  channel->queued = true;
  (channel->size() <= kFewStreams ? short_ : long_).push_back(channel);
}

void Scheduler::Hold(Channel* channel) {
  if (channel->held) return;
  channel->held = true;
  held_.push_back(channel);
}

void Scheduler::Release() {
  for (Channel* channel : held_) channel->held = false;
  held_.clear();
}

void Scheduler::Forget(Channel* channel) {
  // Who is forgotten has been idle longest and came into these first, so it is
  // found at the front.
  if (channel->queued) {
    auto place = std::find(short_.begin(), short_.end(), channel);
    if (place != short_.end()) {
      short_.erase(place);
    } else {
      long_.erase(std::find(long_.begin(), long_.end(), channel));
    }
  }
  if (channel->held)
    held_.erase(std::find(held_.begin(), held_.end(), channel));
  channel->queued = channel->held = false;
}

Channel* Scheduler::TakeFrom(std::deque<Channel*>* queue) {
  for (size_t held = 0; held < queue->size(); ++held) {
    Channel* channel = queue->front();
    queue->pop_front();
    if (!channel->held) return channel;
    queue->push_back(channel);
  }
  return nullptr;
}

int64_t Scheduler::RunSlice(Channel* channel, int64_t now) {
  SliceBudget budget;
  budget.bytes = kSliceBytes;
  budget.until_us = now + kSliceUs;
  if (channel->RunSlice(*context_, budget)) {
    channel->queued = false;
  } else {
    long_.push_back(channel);
  }
  return context_->clock->NowUs();
}

bool Scheduler::RunShort(int64_t* now) {
  const int64_t until = *now + kSliceUs;
  bool ran = false;
  while (*now < until) {
    Channel* channel = TakeFrom(&short_);
    if (channel == nullptr) break;
    *now = RunSlice(channel, *now);
    ran = true;
  }
  return ran;
}

void Scheduler::FanOut(bool commands_wait) {
  if (short_.empty() && long_.empty()) return;
  int64_t now = context_->clock->NowUs();
  const int64_t until = now + kFanOutUs;
  for (bool more = true; more && now < until;) {
    more = RunShort(&now);
    if (commands_wait && now < long_ran_us_ + kLongWaitUs) break;
    if (Channel* channel = TakeFrom(&long_)) {
      now = long_ran_us_ = RunSlice(channel, now);
      more = true;
    }
    if (commands_wait) break;
  }
  // On one core the app's thread would else wait for the scheduler's tick,
  // which is milliseconds.
  std::this_thread::yield();
}

}  // namespace pathcast
