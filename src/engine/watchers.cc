#include "engine/watchers.h"

#include "core/metrics.h"

namespace pathcast {

void Watchers::Watch(const WatchCommand& command, bool open) {
  if (open) {
    waiting_[command.number].push_back(command.ticket);
    return;
  }
  uint64_t end = kEndGone;
  for (const End& known : ended_) {
    if (known.number == command.number) end = known.end;
  }
  outgoing_->push_back(DoneReply{command.ticket, end});
}

void Watchers::Ended(uint64_t number, size_t end) {
  const End known{number, static_cast<uint8_t>(end)};
  if (ended_.size() < kRemembered) {
    ended_.push_back(known);
  } else {
    ended_[next_] = known;
    next_ = (next_ + 1) % kRemembered;
  }
  auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  for (const Ticket ticket : found->second) {
    outgoing_->push_back(DoneReply{ticket, end});
  }
  waiting_.erase(found);
}

}  // namespace pathcast
