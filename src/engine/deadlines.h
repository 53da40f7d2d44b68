// When which stream has to end: at its expiry, or when its life time is over.
// The first is somebody else's Unix time, compared with the machine's clock as
// it is now; the second is waited for with the steady one, so that a clock that
// is set ends no lives.
//
// Owner: HubThread. Thread: hub thread. A connection leaves before it is
// destroyed.
#ifndef PATHCAST_ENGINE_DEADLINES_H_
#define PATHCAST_ENGINE_DEADLINES_H_

#include <cstdint>

#include "core/context.h"
#include "core/wire.h"
#include "engine/connection.h"
#include "engine/deadline_heap.h"

namespace pathcast {

class Deadlines {
 public:
  struct Due {
    // Null: nobody is due.
    Connection* connection = nullptr;
    CloseReason reason = CloseReason::kDrain;
  };

  // `lifetime_ms` is cut to a random 80–100 % for each stream; 0: for ever.
  Deadlines(Context* context, int64_t lifetime_ms)
      : context_(context), lifetime_ms_(lifetime_ms) {}
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // `expires_at_ms`: 0: never.
  bool IsOver(int64_t expires_at_ms) const {
    return expires_at_ms != 0 && expires_at_ms <= context_->wall_ms;
  }
  // REQUIRES: it is not in here.
  void Add(Connection* connection, int64_t expires_at_ms);
  void Remove(Connection* connection);
  // One whose time has come. It stays until it is removed.
  Due First() const;

 private:
  Context* const context_;
  const int64_t lifetime_ms_;
  // Wall clock.
  DeadlineHeap expiries_{&Connection::expiry_place};
  // Steady clock.
  DeadlineHeap lives_{&Connection::life_place};
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_DEADLINES_H_
