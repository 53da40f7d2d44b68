// "I have more work": lets a long job run in slices between the loop's I/O.
//
// Owned by the job's owner; loop's thread only; destroyed before its loop
// ends. May be destroyed inside its own callback.
#ifndef PATHCAST_LOOP_BUSY_HINT_H_
#define PATHCAST_LOOP_BUSY_HINT_H_

#include <functional>

#include "core/status.h"

namespace pathcast {

class EventLoop;

class BusyHint {
 public:
  BusyHint() = default;
  ~BusyHint() { Close(); }
  BusyHint(const BusyHint&) = delete;
  BusyHint& operator=(const BusyHint&) = delete;

  // REQUIRES: not open. kIo when the loop does not run.
  Status Open(EventLoop* loop, std::function<void()> on_turn);
  // While set, the loop polls without waiting and calls `on_turn` once a turn,
  // after that turn's I/O. REQUIRES: open.
  void Set(bool busy);
  bool busy() const;
  // Idempotent.
  void Close();

  bool open() const { return handle_ != nullptr; }

 private:
  struct Handle;  // Freed in the close callbacks, not with the hint.
  Handle* handle_ = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_LOOP_BUSY_HINT_H_
