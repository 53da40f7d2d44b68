// What all channels of one hub share. Owner: the hub. Thread: hub thread.
#ifndef PATHCAST_CORE_CONTEXT_H_
#define PATHCAST_CORE_CONTEXT_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "core/action_log.h"
#include "core/catch_up_cache.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/thread_annotations.h"
#include "core/wire.h"

namespace pathcast {

struct CoreOptions {
  LogLimits log;
  uint64_t connection_cap_bytes = 64 * 1024;
  uint64_t max_invalidate_bytes = 8 * 1024;
  uint64_t compact_after = 100;
  int64_t heartbeat_ms = 15'000;
  int64_t retry_ms = 2'000;
  // Over how long a tenant's clients spread what an event makes them read
  // again: nothing for so many streams, then so much for each of them.
  uint64_t spread_free_streams = 20;
  uint64_t spread_per_stream_ms = 5;
  uint64_t spread_max_ms = 5'000;
};

class SubscriptionObserver;

struct Context {
  explicit Context(uint64_t seed) : random(seed) {}

  CoreOptions options;
  Wrap wrap;
  Random random;
  CatchUpCache catch_ups;
  Metrics* metrics = nullptr;
  SubscriptionObserver* observer = nullptr;
  std::string resync_paths_json = "[\"*\"]";
  // Asked where a budget of time is spent; outlives this.
  Clock* clock = nullptr;
  // Those of the bound router and all above them.
  std::set<std::string, std::less<>> router_paths;
  // That live, this one among them. [any thread]
  std::atomic<uint64_t> nodes{1};
  // By this node's streams times the nodes: whatever the shares of the nodes
  // are, all of them together read at the rate of spread_per_stream_ms.
  uint64_t SpreadMs(size_t streams) const {
    const uint64_t audience = streams * nodes.load(std::memory_order_relaxed);
    if (audience <= options.spread_free_streams) return 0;
    return std::min(audience * options.spread_per_stream_ms,
                    options.spread_max_ms);
  }

  // Counts what any log here gets, and each log that begins: a moment, for
  // Channel::SeqAsOf. [any thread] reads it.
  std::atomic<uint64_t> moment{0};

  // Held where a tenant comes or goes, or its log gets another identity: any
  // thread may ask for a tenant's position (Channels::Position).
  Mutex positions_mu;
  // Set at each turn. The hub's clock: Unix ms, never goes back, but stands
  // still while the machine's is behind it.
  int64_t now_ms = 0;
  // The machine's, which may jump either way: an expiry is compared with it.
  int64_t wall_ms = 0;
  // Goes on always: what waits a while is measured with this one.
  int64_t steady_ms = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_CONTEXT_H_
