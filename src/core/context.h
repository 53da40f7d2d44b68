// What all channels of one hub share. Owner: the hub. Thread: hub thread.
#ifndef PATHCAST_CORE_CONTEXT_H_
#define PATHCAST_CORE_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "core/action_log.h"
#include "core/catch_up_cache.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "core/wire.h"

namespace pathcast {

struct CoreOptions {
  LogLimits log;
  uint64_t connection_cap_bytes = 64 * 1024;
  uint64_t max_invalidate_bytes = 8 * 1024;
  uint64_t compact_after = 100;
  int64_t heartbeat_ms = 15'000;
  int64_t retry_ms = 2'000;
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
