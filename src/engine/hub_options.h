// What a hub is made with. Set once, before its thread starts.
#ifndef PATHCAST_ENGINE_HUB_OPTIONS_H_
#define PATHCAST_ENGINE_HUB_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "broker/log_options.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/limiter.h"
#include "core/wire.h"

namespace pathcast {

struct HubOptions {
  // First part of each connection id.
  std::string hub_id;
  CoreOptions core;
  LimiterOptions limits;
  Wrap wrap;
  int64_t slow_timeout_ms = 90'000;
  // 0: for ever.
  int64_t lifetime_ms = 0;
  uint64_t max_tenants = 100'000;
  // Of all logs together; beyond it tenants lose what is over their share.
  uint64_t max_total_log_bytes = uint64_t{1} << 30;
  // Where the log lives; none: here.
  std::optional<broker::LogOptions> broker = {};
  // Of everything random.
  uint64_t seed = 0;
  // Outlives the hub; null: the machine's.
  Clock* clock = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HUB_OPTIONS_H_
