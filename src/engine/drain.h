// Closes what is open when it begins, in random order, evenly over a time.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_DRAIN_H_
#define PATHCAST_ENGINE_DRAIN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/status.h"
#include "engine/registry.h"
#include "engine/reply.h"
#include "loop/timer.h"

namespace pathcast {

class EventLoop;

class Drain {
 public:
  // `close` ends one connection; it leaves the registry. All outlive this.
  Drain(Context* context, Registry* registry, std::vector<Reply>* outgoing,
        std::function<void(Connection*)> close)
      : context_(context),
        registry_(registry),
        outgoing_(outgoing),
        close_(std::move(close)) {}
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  // `on_step` is called when a step is due.
  Status Open(EventLoop* loop, std::function<void()> on_step);
  // On the loop's thread, before it ends.
  void Close() { timer_.Close(); }

  // From the first Begin on.
  bool active() const { return active_; }

  // A later call begins anew with what is left; all are answered at its end.
  void Begin(Ticket ticket, int64_t over_ms);
  // Closes those that are due until the clock says `until_us`, one at least.
  // True when some are due that it did not get to.
  bool Step(int64_t until_us);
  // Whoever waits is answered.
  void Answer();

 private:
  Context* const context_;
  Registry* const registry_;
  std::vector<Reply>* const outgoing_;
  const std::function<void(Connection*)> close_;

  bool active_ = false;
  std::vector<Ticket> tickets_;
  // Connections in the order in which they are closed.
  std::vector<uint64_t> order_;
  size_t next_ = 0;
  int64_t began_ms_ = 0;
  int64_t over_ms_ = 0;
  Timer timer_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_DRAIN_H_
