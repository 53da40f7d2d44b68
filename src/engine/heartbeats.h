// Pings each stream once an interval, spread over it: one ring of connections a
// bucket, one bucket a tick.
//
// Owner: HubThread. Thread: hub thread. A connection leaves its ring before it
// is destroyed.
#ifndef PATHCAST_ENGINE_HEARTBEATS_H_
#define PATHCAST_ENGINE_HEARTBEATS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/context.h"
#include "engine/connection.h"

namespace pathcast {

class Heartbeats {
 public:
  // `context` is in its first turn: the first tick is one period from now.
  Heartbeats(Context* context, int64_t interval_ms);
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

  int64_t tick_ms() const { return tick_ms_; }

  void Join(Connection* connection);
  void Leave(Connection* connection) { connection->LeaveRing(); }
  // Out of turn.
  void Ping(Connection* connection);
  // Pings the buckets that are due. May be called too often or too late.
  void OnTick();

 private:
  void Beat(size_t bucket);

  Context* const context_;
  const int64_t tick_ms_;
  std::vector<HeartbeatRing> buckets_;
  size_t next_bucket_ = 0;
  size_t join_bucket_ = 0;
  int64_t next_tick_ms_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HEARTBEATS_H_
