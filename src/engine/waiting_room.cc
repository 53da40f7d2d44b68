#include "engine/waiting_room.h"

#include <algorithm>

namespace pathcast {

bool WaitingRoom::HasRoomFor(const StreamRequest& request) const {
  auto line = lines_.find({request.tenant, request.user});
  return line == lines_.end() || line->second < kMaxPerUser;
}

bool WaitingRoom::Has(uint64_t number) const {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [number](const Waiter& waiter) {
                       return waiter.request.number == number;
                     });
}

void WaitingRoom::Enter(StreamRequest request, ConnectionSink sink,
                        int64_t steady_ms) {
  ++lines_[{request.tenant, request.user}];
  waiters_.push_back({std::move(request), std::move(sink), steady_ms, 0});
}

void WaitingRoom::SeatFreed(const std::string& tenant,
                            const std::string& user) {
  if (waiters_.empty()) return;
  Line line(tenant, user);
  if (lines_.count(line) > 0) freed_.push_back(std::move(line));
}

void WaitingRoom::AnySeatFreed() {
  for (const auto& [line, count] : lines_) freed_.push_back(line);
}

std::optional<Waiter> WaitingRoom::TakeNext(
    const std::function<bool(const StreamRequest&)>& has_seat) {
  while (!freed_.empty()) {
    const Line& line = freed_.back();
    auto first = std::find_if(waiters_.begin(), waiters_.end(),
                              [&](const Waiter& waiter) {
                                return waiter.request.tenant == line.first &&
                                       waiter.request.user == line.second;
                              });
    if (first != waiters_.end() && has_seat(first->request)) return Take(first);
    freed_.pop_back();
  }
  return std::nullopt;
}

std::optional<Waiter> WaitingRoom::TakeOverdue(int64_t steady_ms) {
  if (waiters_.empty() || steady_ms - waiters_.front().since_ms < kWaitMs)
    return std::nullopt;
  return Take(waiters_.begin());
}

std::optional<Waiter> WaitingRoom::TakeAny(
    const std::function<bool(const StreamRequest&)>& match) {
  auto found =
      std::find_if(waiters_.begin(), waiters_.end(),
                   [&](const Waiter& waiter) { return match(waiter.request); });
  if (found == waiters_.end()) return std::nullopt;
  return Take(found);
}

std::vector<const StreamRequest*> WaitingRoom::DuePings(int64_t steady_ms) {
  std::vector<const StreamRequest*> due;
  for (Waiter& waiter : waiters_) {
    if (steady_ms - waiter.since_ms < waiter.pings * kPingMs) continue;
    // After a stall the missed ones are not made up for.
    waiter.pings = (steady_ms - waiter.since_ms) / kPingMs + 1;
    due.push_back(&waiter.request);
  }
  return due;
}

Waiter WaitingRoom::Take(Waiters::iterator place) {
  Waiter waiter = std::move(*place);
  waiters_.erase(place);
  auto line = lines_.find({waiter.request.tenant, waiter.request.user});
  if (--line->second == 0) lines_.erase(line);
  return waiter;
}

}  // namespace pathcast
