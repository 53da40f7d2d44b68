#include "engine/drain.h"

#include <algorithm>

#include "loop/event_loop.h"

namespace pathcast {

namespace {

// Short enough that the pace of a drain is even.
constexpr uint64_t kStepMs = 20;

}  // namespace

Status Drain::Open(EventLoop* loop, std::function<void()> on_step) {
  return timer_.Open(loop, std::move(on_step));
}

void Drain::Begin(Ticket ticket, int64_t over_ms) {
  tickets_.push_back(ticket);
  active_ = true;
  next_ = 0;
  order_ = registry_->Numbers();
  for (size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[context_->random.Between(0, i - 1)]);
  }
  began_ms_ = context_->steady_ms;
  over_ms_ = std::max<int64_t>(0, over_ms);
  timer_.Every(kStepMs);
}

bool Drain::Step(int64_t until_us) {
  if (tickets_.empty()) return false;
  const int64_t elapsed = context_->steady_ms - began_ms_;
  const size_t total = order_.size();
  const size_t due = elapsed >= over_ms_
                         ? total
                         : static_cast<size_t>(static_cast<double>(total) *
                                               static_cast<double>(elapsed) /
                                               static_cast<double>(over_ms_));
  while (next_ < due) {
    Connection* connection = registry_->Find(order_[next_++]);
    if (connection == nullptr) continue;
    close_(connection);
    if (context_->clock->NowUs() >= until_us) break;
  }
  if (!registry_->empty() && next_ < total) return next_ < due;
  timer_.Cancel();
  Answer();
  return false;
}

void Drain::Answer() {
  for (Ticket ticket : tickets_) outgoing_->push_back(DoneReply{ticket, 0});
  tickets_.clear();
}

}  // namespace pathcast
