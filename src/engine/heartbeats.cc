#include "engine/heartbeats.h"

#include <algorithm>

#include "core/channel.h"

namespace pathcast {

namespace {

// Heartbeats are spread over this many ticks of one interval, as far as the
// tick's bounds allow.
constexpr int64_t kTicksPerHeartbeat = 64;
constexpr int64_t kMinTickMs = 5;
// Also how late an expiry can be.
constexpr int64_t kMaxTickMs = 250;

int64_t TickOf(int64_t interval_ms) {
  return std::clamp(interval_ms / kTicksPerHeartbeat, kMinTickMs, kMaxTickMs);
}

}  // namespace

Heartbeats::Heartbeats(Context* context, int64_t interval_ms)
    : context_(context),
      tick_ms_(TickOf(interval_ms)),
      buckets_(
          static_cast<size_t>(std::max<int64_t>(1, interval_ms / tick_ms_))),
      next_tick_ms_(context->steady_ms + tick_ms_) {}

void Heartbeats::Join(Connection* connection) {
  // Round robin, so that a storm of newcomers is spread; the first one comes
  // within one interval. Against the ticks' order: the first streams of a young
  // hub have almost an interval before theirs.
  join_bucket_ = (join_bucket_ + buckets_.size() - 1) % buckets_.size();
  connection->JoinRingBefore(&buckets_[join_bucket_]);
}

void Heartbeats::OnTick() {
  if (context_->steady_ms < next_tick_ms_) return;
  // After a stall each bucket is due at most once.
  const int64_t late = (context_->steady_ms - next_tick_ms_) / tick_ms_;
  const auto due = static_cast<size_t>(
      std::min<int64_t>(late + 1, static_cast<int64_t>(buckets_.size())));
  for (size_t i = 0; i < due; ++i) {
    Beat(next_bucket_);
    next_bucket_ = (next_bucket_ + 1) % buckets_.size();
  }
  next_tick_ms_ += (late + 1) * tick_ms_;
}

void Heartbeats::Beat(size_t bucket) {
  HeartbeatRing* anchor = &buckets_[bucket];
  for (HeartbeatRing* at = anchor->next; at != anchor; at = at->next)
    Ping(static_cast<Connection*>(at));
}

void Heartbeats::Ping(Connection* connection) {
  if (connection->gone()) return;
  Channel& channel = connection->channel();
  if (connection->WriteUnlessSlow(
          *context_, channel.PingAt(*context_, connection->dialect(),
                                    connection->pos()))) {
    context_->metrics->heartbeats.Add(1);
  } else {
    context_->metrics->heartbeats_skipped.Add(1);
  }
}

}  // namespace pathcast
