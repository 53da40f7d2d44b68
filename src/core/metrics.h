// Counters and gauges of one hub. Written by the hub thread alone, read from
// any thread.
#ifndef PATHCAST_CORE_METRICS_H_
#define PATHCAST_CORE_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/broker_metrics.h"
#include "core/counter.h"
#include "core/histogram.h"
#include "core/wire.h"

namespace pathcast {

// How a stream can end: the close reasons, then these two.
inline constexpr size_t kEndGone = kCloseReasonCount;
inline constexpr size_t kEndHubClosed = kCloseReasonCount + 1;
inline constexpr size_t kEndCount = kCloseReasonCount + 2;

enum class Refusal : uint8_t { kUserLimit, kTenantLimit, kDraining };
inline constexpr size_t kRefusalCount = 3;

struct Metrics {
  // Gauges.
  Counter connections, sink_connections, leases, tenants, log_actions,
      log_bytes, slow_sinks, backlog_bytes;
  // Published and not yet offered to all; for the hub's own bound.
  Counter window_bytes;
  // Counters.
  Counter opened, publishes, duplicates, ephemerals, ephemerals_dropped,
      deliveries, bytes, writes, heartbeats, heartbeats_skipped, conflations,
      compactions, evictions, replacements;
  std::array<Counter, kReasonCount> resyncs;
  std::array<Counter, kEndCount> closes;
  std::array<Counter, kRefusalCount> refusals;
  Histogram publish_to_written;
  BrokerMetrics broker;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_METRICS_H_
