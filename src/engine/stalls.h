// The streams whose sink did not take everything at once, and which of them
// have taken nothing for too long.
//
// Owner: HubThread. Thread: hub thread. A connection leaves before it is
// destroyed.
#ifndef PATHCAST_ENGINE_STALLS_H_
#define PATHCAST_ENGINE_STALLS_H_

#include <cstdint>
#include <vector>

#include "core/context.h"
#include "engine/connection.h"

namespace pathcast {

class Stalls {
 public:
  Stalls(Context* context, int64_t slow_timeout_ms)
      : context_(context), slow_timeout_ms_(slow_timeout_ms) {}
  Stalls(const Stalls&) = delete;
  Stalls& operator=(const Stalls&) = delete;

  // Harmless where it is watched already.
  void Watch(Connection* connection);
  void Remove(Connection* connection);
  // Those whose time is over. Lets go of those that have caught up.
  std::vector<Connection*> Due();

 private:
  Context* const context_;
  const int64_t slow_timeout_ms_;
  std::vector<Connection*> watched_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_STALLS_H_
