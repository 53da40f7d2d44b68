// Counters and gauges of one hub. Written by the hub thread alone, read from
// any thread.
#ifndef PATHCAST_CORE_METRICS_H_
#define PATHCAST_CORE_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/histogram.h"
#include "core/wire.h"

namespace pathcast {

// A number with one writer: add without the bus lock that fetch_add would take.
class Counter {
 public:
  // [hub thread]
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n,
                 std::memory_order_relaxed);
  }
  void Sub(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) - n,
                 std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  // [any thread]
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

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
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_METRICS_H_
