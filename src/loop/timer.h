// A timer on an EventLoop.
//
// Owned by whoever waits; loop's thread only; destroyed before its loop ends.
// May be destroyed inside its own callback.
#ifndef PATHCAST_LOOP_TIMER_H_
#define PATHCAST_LOOP_TIMER_H_

#include <cstdint>
#include <functional>

#include "core/status.h"

namespace pathcast {

class EventLoop;

class Timer {
 public:
  Timer() = default;
  ~Timer() { Close(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // REQUIRES: not open. kIo when the loop does not run.
  Status Open(EventLoop* loop, std::function<void()> on_fire);
  // Fires each `period_ms`, first after one period; an earlier setting is
  // dropped. REQUIRES: open, for both; period_ms > 0.
  void Every(uint64_t period_ms);
  void Cancel();
  // Never fires again. Idempotent.
  void Close();

  bool open() const { return handle_ != nullptr; }

 private:
  struct Handle;  // Freed in the close callback, not with the Timer.
  Handle* handle_ = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_LOOP_TIMER_H_
