// What a stream is told that is not let in, and when whoever was sent away may
// come back. Thread: hub thread.
#ifndef PATHCAST_ENGINE_TURN_AWAY_H_
#define PATHCAST_ENGINE_TURN_AWAY_H_

#include <cstdint>
#include <string>

#include "core/context.h"
#include "core/limiter.h"
#include "core/metrics.h"
#include "core/wire.h"
#include "engine/command.h"

namespace pathcast {

// Random; longer after a reason that lasts.
uint64_t RetryMsFor(Context* context, CloseReason reason);

// All that it gets, its response head included. `result`: which limit, and how
// many hold it.
std::string TurnAwayText(Context* context, const StreamRequest& request,
                         Refusal refusal, const AdmissionResult& result);

// All that a stream gets which ends before its log is known: it is where it
// was.
std::string NeverBegunText(Context* context, const StreamRequest& request,
                           CloseReason reason);

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_TURN_AWAY_H_
