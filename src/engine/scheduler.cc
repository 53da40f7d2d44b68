#include "engine/scheduler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

#include "loop/event_loop.h"

namespace pathcast {

namespace {

// Of one company before another one has its turn: some 20 sends of small
// frames, or a few long ones.
constexpr uint64_t kSliceBytes = 64 * 1024;
constexpr int64_t kSliceUs = 150;

// Fan-out in one turn of the loop before commands and sockets are looked at
// again. With the slice it bounds what a company of many streams adds to
// another company's action.
constexpr int64_t kFanOutUs = 300;

}  // namespace

Status Scheduler::Open(EventLoop* loop, std::function<void()> on_turn) {
  return busy_.Open(loop, std::move(on_turn));
}

void Scheduler::RunSoon(Channel* channel) {
  if (channel->queued || !channel->needs_pass()) return;
  channel->queued = true;
  queue_.push_back(channel);
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
  if (channel->queued)
    queue_.erase(std::find(queue_.begin(), queue_.end(), channel));
  if (channel->held)
    held_.erase(std::find(held_.begin(), held_.end(), channel));
  channel->queued = channel->held = false;
}

void Scheduler::FanOut() {
  if (queue_.empty()) return;
  int64_t now = context_->clock->NowUs();
  const int64_t until = now + kFanOutUs;
  for (size_t held = 0; held < queue_.size();) {
    Channel* channel = queue_.front();
    queue_.pop_front();
    if (channel->held) {
      queue_.push_back(channel);
      ++held;
      continue;
    }
    held = 0;
    SliceBudget budget;
    budget.bytes = kSliceBytes;
    budget.until_us = now + kSliceUs;
    if (channel->Slice(*context_, budget)) {
      channel->queued = false;
    } else {
      queue_.push_back(channel);
    }
    now = context_->clock->NowUs();
    if (now >= until) break;
  }
  // On one core the app's thread would else wait for the scheduler's tick,
  // which is milliseconds.
  std::this_thread::yield();
}

}  // namespace pathcast
