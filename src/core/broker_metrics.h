// Counters of a log that lives in a broker. Written by the hub thread alone,
// read from any thread; all 0 where the log is memory.
#ifndef PATHCAST_CORE_BROKER_METRICS_H_
#define PATHCAST_CORE_BROKER_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/counter.h"
#include "core/histogram.h"

namespace pathcast {

// Why a new epoch, or a new name of one, began: what the scripts say.
enum class EpochCause : uint8_t {
  kNew,
  kLost,
  kRewound,
  kUnvouched,
  kVouched,
};
inline constexpr size_t kEpochCauseCount = 5;

struct BrokerMetrics {
  // Gauges. `link`: broker::LinkState; `companies`: logs that are mirrored.
  Counter link, subscriptions, companies, outbox_actions, outbox_bytes;
  // Counters.
  Counter reads, read_actions, gaps_found, gaps_healed, doorbells, foreign,
      queued, conflated, outbox_full, told, probes, probes_lost, resubscribes,
      reconnects, unsent, lost;
  std::array<Counter, kEpochCauseCount> epochs;
  // From Redis's stamp to here, in its whole milliseconds.
  Histogram doorbell_lag;
  // From hand-over to Redis's answer.
  Histogram script;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_BROKER_METRICS_H_
