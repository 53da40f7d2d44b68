// What time brings: heartbeats, expiry, stalled sinks, old actions, draining.
#include <algorithm>
#include <utility>

#include "engine/hub_thread.h"

namespace pathcast {

namespace {

// Heartbeats are spread over this many ticks of one interval, as far as the
// tick's bounds allow.
constexpr int64_t kTicksPerHeartbeat = 64;
constexpr int64_t kMinTickMs = 5;
constexpr int64_t kMaxTickMs = 250;  // also how late an expiry can be

// Step of a drain: short enough that its pace is even.
constexpr int64_t kDrainStepMs = 20;

// Logs looked at for old actions in one tick.
constexpr size_t kTrimsPerTick = 256;

// The hub thread yields to the app's: on one core its fan-out would otherwise
// show as loop delay.
constexpr int kThreadNice = 5;

}  // namespace

Status HubThread::Start() {
  const int64_t heartbeat = std::max<int64_t>(1, options_.core.heartbeat_ms);
  tick_ms_ = std::clamp(heartbeat / kTicksPerHeartbeat, kMinTickMs, kMaxTickMs);
  buckets_ = std::vector<Connection::Ring>(static_cast<size_t>(
      std::max<int64_t>(1, (heartbeat + tick_ms_ - 1) / tick_ms_)));
  Status status = tick_.Open(&hub_->loop_, [this] {
    BeginTurn();
    OnTick();
    EndTurn();
  });
  if (status.ok()) {
    status = drain_timer_.Open(&hub_->loop_, [this] {
      BeginTurn();
      DrainStep();
      EndTurn();
    });
  }
  if (status.ok()) {
    status = busy_.Open(&hub_->loop_, [this] {
      BeginTurn();
      DrainMailbox();
      FanOut();
      EndTurn();
    });
  }
  if (!status.ok()) return status;
  next_tick_ms_ = context_.steady_ms + tick_ms_;
  tick_.Every(static_cast<uint64_t>(tick_ms_));
  hub_->loop_.SetThreadNice(kThreadNice);
  return status;
}

void HubThread::OnStop() {
  BeginTurn();
  closed_ = true;
  CloseAll(kEndHubClosed);
  lingering_.CloseAll();
  doomed_.clear();
  tick_.Close();
  drain_timer_.Close();
  busy_.Close();
}

void HubThread::OnTick() {
  if (context_.steady_ms >= next_tick_ms_) {
    // After a stall each bucket is due at most once.
    const int64_t late = (context_.steady_ms - next_tick_ms_) / tick_ms_;
    const auto due = static_cast<size_t>(
        std::min<int64_t>(late + 1, static_cast<int64_t>(buckets_.size())));
    for (size_t i = 0; i < due; ++i) {
      Heartbeat(next_bucket_);
      next_bucket_ = (next_bucket_ + 1) % buckets_.size();
    }
    next_tick_ms_ += (late + 1) * tick_ms_;
  }
  CloseExpired();
  CloseStalled();
  lingering_.CloseExpired(context_.steady_ms);
  TrimSome();
}

void HubThread::JoinHeartbeat(Connection* connection) {
  // Round robin, so that a storm of newcomers is spread; the first one comes
  // within one interval.
  connection->heartbeat.connection = connection;
  join_bucket_ = (join_bucket_ + 1) % buckets_.size();
  connection->heartbeat.JoinBefore(&buckets_[join_bucket_]);
}

void HubThread::Heartbeat(size_t bucket) {
  Connection::Ring* anchor = &buckets_[bucket];
  for (Connection::Ring* at = anchor->next; at != anchor; at = at->next) {
    Connection* connection = at->connection;
    Channel& channel = connection->channel();
    if (connection->gone()) continue;
    if (connection->WriteUnlessSlow(
            context_,
            channel.PingAt(connection->dialect(), connection->pos()))) {
      context_.metrics->heartbeats.Add(1);
    } else {
      context_.metrics->heartbeats_skipped.Add(1);
    }
  }
}

void HubThread::SetDeadline(Connection* connection, int64_t expires_at_ms) {
  int64_t deadline = expires_at_ms;
  bool is_expiry = expires_at_ms != 0;
  if (options_.lifetime_ms > 0) {
    const auto life = static_cast<uint64_t>(options_.lifetime_ms);
    const auto ends =
        context_.now_ms +
        static_cast<int64_t>(context_.random.Between(life * 4 / 5, life));
    if (deadline == 0 || ends < deadline) {
      deadline = ends;
      is_expiry = false;
    }
  }
  if (deadline == 0) return;
  connection->deadline_ms = std::max<int64_t>(1, deadline);
  connection->deadline_is_expiry = is_expiry;
  deadlines_.emplace(connection->deadline_ms, connection);
  CloseExpired();
}

void HubThread::CloseExpired() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= context_.now_ms) {
    Connection* connection = deadlines_.begin()->second;
    const CloseReason reason = connection->deadline_is_expiry
                                   ? CloseReason::kAuthExpired
                                   : CloseReason::kDrain;
    Close(connection, static_cast<size_t>(reason));
  }
}

void HubThread::CloseStalled() {
  for (size_t i = 0; i < slow_.size();) {
    Connection* connection = slow_[i];
    if (!connection->slow()) {
      connection->watched_slow = false;
      slow_[i] = slow_.back();
      slow_.pop_back();
      continue;
    }
    if (context_.steady_ms - connection->stalled_since_ms() >=
        options_.slow_timeout_ms) {
      Close(connection, static_cast<size_t>(
                            CloseReason::kSlow));  // takes itself out of slow_
      continue;
    }
    ++i;
  }
}

void HubThread::TrimSome() {
  if (trim_next_ >= trim_round_.size()) {
    trim_round_.clear();
    trim_next_ = 0;
    trim_round_.reserve(channels_.size());
    for (auto& [company, channel] : channels_)
      trim_round_.push_back(channel.get());
  }
  const size_t stop = std::min(trim_round_.size(), trim_next_ + kTrimsPerTick);
  for (; trim_next_ < stop; ++trim_next_)
    trim_round_[trim_next_]->TrimLog(context_);
}

void HubThread::Run(DrainCommand& command) {
  if (closed_) {
    outgoing_.push_back(DoneReply{command.ticket, 0});
    return;
  }
  drain_tickets_.push_back(command.ticket);
  draining_ = true;
  drain_order_.clear();
  drain_next_ = 0;
  drain_order_.reserve(connections_.size());
  for (auto& [number, connection] : connections_)
    drain_order_.push_back(number);
  for (size_t i = drain_order_.size(); i > 1; --i) {
    std::swap(drain_order_[i - 1],
              drain_order_[context_.random.Between(0, i - 1)]);
  }
  drain_began_ms_ = context_.steady_ms;
  drain_over_ms_ = std::max<int64_t>(0, command.over_ms);
  drain_timer_.Every(kDrainStepMs);
  DrainStep();
}

void HubThread::DrainStep() {
  const int64_t elapsed = context_.steady_ms - drain_began_ms_;
  const size_t total = drain_order_.size();
  const size_t due =
      elapsed >= drain_over_ms_
          ? total
          : static_cast<size_t>(static_cast<double>(total) *
                                static_cast<double>(elapsed) /
                                static_cast<double>(drain_over_ms_));
  for (; drain_next_ < due; ++drain_next_) {
    if (Connection* connection = Find(drain_order_[drain_next_])) {
      Close(connection, static_cast<size_t>(CloseReason::kDrain));
    }
  }
  if (!connections_.empty() && drain_next_ < total) return;
  drain_timer_.Cancel();
  for (Ticket ticket : drain_tickets_)
    outgoing_.push_back(DoneReply{ticket, 0});
  drain_tickets_.clear();
}

}  // namespace pathcast
