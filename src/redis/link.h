// A link to one Redis: pipelined commands, and a connection that is made again
// whenever it is lost.
//
// Owned by whoever asks; hub thread only; destroyed before its loop ends. May
// be destroyed inside any of its callbacks. What the callbacks use outlives it:
// destroying it answers what is open.
//
// Invariants:
//  1. Each command's callback runs exactly once, never inside Send(), in the
//     order of the commands that one connection took.
//  2. A command that Redis may have carried out is never answered kUnsent; one
//     is sent at most once.
//  3. At most one connection at a time.
#ifndef PATHCAST_REDIS_LINK_H_
#define PATHCAST_REDIS_LINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/random.h"
#include "loop/event_loop.h"
#include "redis/handshake.h"
#include "redis/protocol.h"
#include "redis/reply.h"
#include "redis/trouble.h"
#include "redis/url.h"

namespace pathcast::redis {

// Where to connect, or why that is not known.
using OnFound = std::function<void(const Endpoint&, const Trouble&)>;
// Asked before each attempt. Answers once, perhaps at once; an answer that
// comes when nobody waits for it any more is of no effect.
using Find = std::function<void(OnFound)>;

// Always the same place.
inline Find FindAt(Endpoint endpoint) {
  return [endpoint = std::move(endpoint)](const OnFound& found) {
    found(endpoint, Trouble());
  };
}

struct LinkOptions {
  // All three outlive the link.
  EventLoop* loop = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;

  Find find;
  Introduction introduction;

  // From the find's answer to a connected socket.
  uint64_t connect_timeout_ms = 5'000;
  // A connection on which nothing came for so long is asked for a PING.
  int64_t probe_after_ms = 5'000;
  // One that owes an answer and sends nothing for so long is given up, the
  // handshake's included. A reply that has begun may take twice as long, and
  // more where much of it came (Liveness).
  int64_t answer_within_ms = 3'000;
  // Between attempts: full jitter below a bound that doubles from one to the
  // other. It is back at the first when a connection lasted the second.
  int64_t retry_min_ms = 100;
  int64_t retry_max_ms = 5'000;
  // Of commands that the kernel has not taken; what does not fit is answered
  // kUnsent.
  size_t max_output_bytes = size_t{64} << 20;
  // Arrays that begin with one of the words of pub/sub, and errors, are not
  // answers but go to LinkEvents::on_push.
  bool subscribes = false;
};

class Link {
 public:
  enum class State : uint8_t {
    kIdle,        // Not opened yet.
    kConnecting,  // Finding, dialing, handshake.
    kReady,
    kLost,    // Waits for the next attempt; the trouble says why.
    kClosed,  // For good.
  };

  using OnAnswer = std::function<void(Reply)>;

  struct Events {
    // kNone with all states but kLost. Never called inside Open(), Send() or
    // Close(); inside Drop() and
    // Reconnect() it is.
    std::function<void(State, const Trouble&)> on_state;
    // Only where the link subscribes.
    std::function<void(Reply)> on_push;
  };

  Link(LinkOptions options, Events events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Begins to connect, and does not cease until it is closed. kIo: the loop
  // refuses. REQUIRES: kIdle.
  Status Open();
  // Where the link is not ready, or its output is full, the answer is kUnsent,
  // in the next turn; of one that was closed, when it is destroyed.
  void Send(Arguments arguments, OnAnswer on_answer);
  void Send(std::initializer_list<std::string_view> arguments,
            OnAnswer on_answer) {
    Send(Arguments(arguments.begin(), arguments.size()), std::move(on_answer));
  }
  // What comes of it is told by on_push. False: not ready, or full; nothing was
  // sent. REQUIRES: the link subscribes.
  bool SendUnanswered(Arguments arguments);
  // Gives up the connection, if there is one, and tries again after the usual
  // wait.
  void Drop(Trouble trouble);
  // Likewise without the wait: somebody knows where the right Redis is.
  void Reconnect(Trouble trouble);
  // Answers what is open before it returns. Idempotent.
  void Close();

  State state() const;
  bool ready() const { return state() == State::kReady; }
  // Why the last connection or attempt failed; kNone once one is ready.
  const Trouble& trouble() const;
  // Of commands, not taken by the kernel.
  size_t output_bytes() const;
  // Commands without an answer.
  size_t unanswered() const;

 private:
  class Impl;
  // Lives on while one of its callbacks runs.
  std::shared_ptr<Impl> impl_;
};

std::string_view ToString(Link::State state);

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_LINK_H_
