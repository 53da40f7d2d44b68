// Replies of the hub thread as JavaScript values. JavaScript thread only.
#ifndef PATHCAST_ADDON_REPLIES_H_
#define PATHCAST_ADDON_REPLIES_H_

#include <napi.h>

#include <vector>

#include "core/metrics.h"
#include "engine/reply.h"

namespace pathcast {

// An array of one flat array per reply; its first element is the kind
// (`Reply` in lib/native/binding.ts).
Napi::Value RepliesToJs(Napi::Env env, std::vector<Reply>* replies);

// All counters and gauges in the order of `MetricNames`.
Napi::Value MetricsToJs(Napi::Env env, const Metrics& metrics);
Napi::Value MetricNames(Napi::Env env);

}  // namespace pathcast

#endif  // PATHCAST_ADDON_REPLIES_H_
