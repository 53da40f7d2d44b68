// From an endpoint to a connected socket, without ever blocking the loop: looks
// the name up and tries its addresses in turn.
//
// Owned by a link; hub thread only; destroyed before its loop ends. May be
// destroyed inside its own callback.
#ifndef PATHCAST_REDIS_DIALER_H_
#define PATHCAST_REDIS_DIALER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "loop/descriptor.h"
#include "loop/event_loop.h"
#include "loop/name_lookup.h"
#include "loop/poll_watcher.h"
#include "loop/timer.h"
#include "redis/trouble.h"
#include "redis/url.h"

namespace pathcast::redis {

class Dialer {
 public:
  // A connected, non-blocking socket, or one that is not valid() and why.
  using Callback = std::function<void(Descriptor, Trouble)>;

  Dialer() = default;
  ~Dialer() { Cancel(); }
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  // `callback` runs once, perhaps before this returns, within `timeout_ms`
  // unless the loop is late: that is for the name and all addresses together.
  // REQUIRES: none is under way; timeout_ms > 0.
  void Start(EventLoop* loop, const Endpoint& endpoint, uint64_t timeout_ms,
             Callback callback);
  // The callback will not be called. Idempotent.
  void Cancel();

 private:
  void TryNext();
  void OnWritable();
  void Fail(Trouble trouble);
  // The last thing it does: this may be gone afterwards.
  void Finish(Descriptor socket, Trouble trouble);

  EventLoop* loop_ = nullptr;
  Endpoint endpoint_;
  Callback callback_;
  std::vector<SocketAddress> addresses_;
  size_t next_ = 0;
  // Of the address that was tried last.
  int error_ = 0;
  NameLookup lookup_;
  // Ends the whole.
  Timer deadline_;
  // Ends one of several addresses, so that the others get their turn.
  Timer share_;
  uint64_t share_ms_ = 0;
  // The watcher goes before its descriptor.
  Descriptor socket_;
  PollWatcher watcher_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_DIALER_H_
