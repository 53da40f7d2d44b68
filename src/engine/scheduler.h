// Whose turn it is: the tenants with something to fan out, a slice of each
// after the other, so that a big one does not hold up a small one. Those of few
// streams go first: their pass is short, and what they add to a long one is
// little.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_SCHEDULER_H_
#define PATHCAST_ENGINE_SCHEDULER_H_

#include <deque>
#include <functional>

#include "core/channel.h"
#include "core/context.h"
#include "core/status.h"
#include "loop/busy_hint.h"

namespace pathcast {

class EventLoop;

class Scheduler {
 public:
  explicit Scheduler(Context* context) : context_(context) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // `on_turn` is called once a turn of the loop while work is left.
  Status Open(EventLoop* loop, std::function<void()> on_turn);
  // On the loop's thread, before it ends.
  void Close() { busy_.Close(); }

  // Its window will be offered to its streams. No effect where it waits
  // already, or has nothing to offer.
  void RunSoon(Channel* channel);
  // Nothing of it goes out before Release: its window has the beginning of a
  // publish call that is being carried out in parts.
  void Hold(Channel* channel);
  void Release();
  // It is about to be destroyed.
  void Forget(Channel* channel);

  // One turn's share of the fan-outs. `commands_wait`: what waits may be
  // another tenant's, and what it publishes leaves with the rest in fewer
  // writes, so that long passes go on only now and then.
  void FanOut(bool commands_wait);
  // Another turn follows at once: a fan-out is left, or `more`.
  void EndTurn(bool more) {
    busy_.Set(more || !short_.empty() || !long_.empty());
  }

 private:
  // The next of `queue` that is not held; null: there is none.
  static Channel* TakeFrom(std::deque<Channel*>* queue);
  // The time afterwards. What is left of it is a long pass from then on.
  int64_t RunSlice(Channel* channel, int64_t now);
  // Those of few streams, a slice's time together. False: there was none.
  bool RunShort(int64_t* now);

  Context* const context_;
  // Tenants of few streams, before their first slice.
  std::deque<Channel*> short_;
  std::deque<Channel*> long_;
  std::deque<Channel*> held_;
  // When a long pass last went on.
  int64_t long_ran_us_ = 0;
  BusyHint busy_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_SCHEDULER_H_
