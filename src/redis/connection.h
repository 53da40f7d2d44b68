// One connected socket to a Redis: commands are gathered and written once a
// turn of the loop, replies are handed on as they come.
//
// Owned by a link; hub thread only; destroyed before its loop ends. May be
// destroyed inside any call of its handler. It never reconnects.
#ifndef PATHCAST_REDIS_CONNECTION_H_
#define PATHCAST_REDIS_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/status.h"
#include "loop/busy_hint.h"
#include "loop/descriptor.h"
#include "loop/event_loop.h"
#include "loop/poll_watcher.h"
#include "redis/liveness.h"
#include "redis/protocol.h"
#include "redis/reply.h"
#include "redis/trouble.h"

namespace pathcast::redis {

class Connection {
 public:
  class Handler {
   public:
    virtual void OnReply(Reply reply) = 0;
    // Once, and nothing after it.
    virtual void OnEnd(Trouble trouble) = 0;

   protected:
    ~Handler() = default;
  };

  // All outlive it.
  Connection(EventLoop* loop, Clock* clock, Handler* handler)
      : loop_(loop), clock_(clock), handler_(handler) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes the socket over and sets its options: no delay, keep-alive, and how
  // long bytes may stay unacknowledged. REQUIRES: called once.
  Status Open(Descriptor socket, int64_t user_timeout_ms);

  // The command is written at the end of this turn. REQUIRES: open.
  void Append(Arguments arguments);
  // Of all bytes that were ever appended, the end; and how many of them the
  // kernel has.
  uint64_t appended() const { return written_ + unwritten(); }
  uint64_t written() const { return written_; }
  size_t unwritten() const { return output_.size() - sent_; }

  // Hands on what is readable now. This may be gone afterwards.
  void Read();
  // Steady µs of the last byte that came; of Open() before.
  int64_t last_read_us() const { return last_read_us_; }
  // The reply that is on its way.
  const std::optional<Liveness::Partial>& partial() const { return partial_; }

 private:
  void OnEvents(int events);
  void Write();
  void End(TroubleKind kind, std::string text);
  // False: this was destroyed, or has ended.
  bool HandOn();
  // So many bytes came, and all that is whole was handed on.
  void NotePartial(uint64_t bytes);

  // Set at construction.
  EventLoop* const loop_;
  Clock* const clock_;
  Handler* const handler_;

  // Hub thread only.
  ReplyReader reader_;
  std::string output_;
  // Of `output_`, from its begin.
  size_t sent_ = 0;
  uint64_t written_ = 0;
  int64_t last_read_us_ = 0;
  std::optional<Liveness::Partial> partial_;
  bool blocked_ = false;
  bool ended_ = false;
  // Gone with this: whoever calls a handler looks whether it is.
  const std::shared_ptr<char> life_ = std::make_shared<char>();
  BusyHint write_soon_;
  // The watcher goes before its descriptor.
  Descriptor socket_;
  PollWatcher watcher_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_CONNECTION_H_
