#include "engine/channels.h"

#include <algorithm>

#include "core/cursor.h"

namespace pathcast {

namespace {

// Logs looked at for old actions in one tick, and how long that may take.
constexpr size_t kTrimsPerTick = 256;
constexpr int64_t kTrimUs = 500;

// Tenants looked at for what is over their share, for each action that comes
// while all logs together are over their bound. Somebody is over it then, so a
// round finds one.
constexpr size_t kRelievedPerAction = 64;

}  // namespace

Channel* Channels::Get(const std::string& tenant) const {
  auto found = by_tenant_.find(tenant);
  return found == by_tenant_.end() ? nullptr : found->second.get();
}

std::string Channels::Position(const std::string& tenant,
                               uint64_t moment) const {
  std::string cursor;
  const MutexLock lock(&context_->positions_mu);
  const Channel* channel = Get(tenant);
  if (channel == nullptr) return cursor;
  if (const auto seq = channel->SeqAsOf(*context_, moment)) {
    AppendCursor(&cursor, channel->log().epoch(), *seq);
  }
  return cursor;
}

std::vector<std::string> Channels::Tenants() const {
  std::vector<std::string> names;
  const MutexLock lock(&context_->positions_mu);
  names.reserve(by_tenant_.size());
  for (const auto& entry : by_tenant_) names.push_back(entry.first);
  return names;
}

Channel* Channels::Use(const std::string& tenant) {
  if (Channel* known = Get(tenant)) return known;
  auto made = std::make_unique<Channel>(tenant, context_->random.HexId(12),
                                        history_begins_ms_);
  Channel* channel = made.get();
  channel->NoteBegun(*context_);
  if (mirrors_) channel->Restart(*context_, ActionLog::Unread());
  {
    const MutexLock lock(&context_->positions_mu);
    by_tenant_.emplace(tenant, std::move(made));
  }
  context_->metrics->tenants.Add(1);
  JoinRing(channel);
  Touch(channel);
  ForgetSurplus();
  return channel;
}

void Channels::Touch(Channel* channel) {
  if (channel->idle) idle_.erase(channel->idle_place);
  channel->idle = channel->size() == 0;
  if (channel->idle) channel->idle_place = idle_.insert(idle_.end(), channel);
}

void Channels::ForgetSurplus() {
  // The newest one is always kept: its caller holds it.
  while (by_tenant_.size() > max_tenants_ && idle_.size() > 1) {
    Forget(idle_.front());
  }
}

void Channels::Forget(Channel* channel) {
  if (on_forget_) on_forget_(*channel);
  scheduler_->Forget(channel);
  context_->metrics->tenants.Sub(1);
  // Its last action may be of this very millisecond, or of one ahead.
  const int64_t reach = std::max(context_->now_ms, channel->log().ReachMs());
  history_begins_ms_ = std::max(history_begins_ms_, reach + 1);
  channel->Retire(*context_);
  idle_.erase(channel->idle_place);
  LeaveRing(channel);
  const MutexLock lock(&context_->positions_mu);
  by_tenant_.erase(by_tenant_.find(channel->tenant()));
}

void Channels::Relieve(Channel* newest) {
  if (context_->metrics->log_bytes.Get() <= max_total_log_bytes_) return;
  Shrink(newest);
  const size_t count = std::min(by_tenant_.size(), kRelievedPerAction);
  for (size_t i = 0; i < count; ++i) {
    if (context_->metrics->log_bytes.Get() <= max_total_log_bytes_) return;
    Shrink(relief_);
    relief_ = relief_->ring_next;
  }
}

void Channels::Shrink(Channel* channel) {
  const uint64_t share = max_total_log_bytes_ / by_tenant_.size();
  const uint64_t total = context_->metrics->log_bytes.Get();
  const uint64_t bytes = channel->log().bytes();
  if (total <= max_total_log_bytes_ || bytes <= share) return;
  channel->ShrinkLog(
      *context_, bytes - std::min(bytes - share, total - max_total_log_bytes_));
}

void Channels::JoinRing(Channel* channel) {
  if (hand_ == nullptr) {
    hand_ = relief_ = channel;
    return;
  }
  channel->ring_previous = hand_->ring_previous;
  channel->ring_next = hand_;
  channel->ring_previous->ring_next = channel;
  hand_->ring_previous = channel;
}

void Channels::LeaveRing(Channel* channel) {
  Channel* next = channel->ring_next == channel ? nullptr : channel->ring_next;
  if (hand_ == channel) hand_ = next;
  if (relief_ == channel) relief_ = next;
  channel->ring_previous->ring_next = channel->ring_next;
  channel->ring_next->ring_previous = channel->ring_previous;
  channel->ring_previous = channel->ring_next = channel;
}

void Channels::TrimSome() {
  const size_t count = std::min(by_tenant_.size(), kTrimsPerTick);
  const int64_t until = context_->clock->NowUs() + kTrimUs;
  for (size_t i = 0; i < count; ++i) {
    hand_->TrimLog(*context_);
    hand_->instances().Trim(context_->options.log.ttl_ms, context_->steady_ms);
    hand_ = hand_->ring_next;
    if (context_->clock->NowUs() >= until) return;
  }
}

}  // namespace pathcast
