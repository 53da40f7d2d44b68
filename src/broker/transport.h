// What the log of a hub needs of a connection to a broker: commands that are
// answered in order, and subscriptions. The native one is redis_transport.h; a
// host's own client can stand here too.
//
// Owner: the hub thread's broker. Thread: hub thread.
//
// Invariants:
//  1. Each command's callback runs exactly once, never inside the call. What is
//     answered kUnsent was not carried out; kLost: nobody knows.
//  2. Commands are carried out in the order of the calls as long as the
//     connection lasts.
//  3. Every message of a channel comes from its on_subscribed until
//     subscriptions_ready() is false again.
#ifndef PATHCAST_BROKER_TRANSPORT_H_
#define PATHCAST_BROKER_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"
#include "redis/reply.h"
#include "redis/trouble.h"

namespace pathcast::broker {

enum class LinkState : uint8_t { kConnecting, kReady, kLost, kClosed };

class Transport {
 public:
  struct Events {
    // What commands_ready(), subscriptions_ready(), misses() or state() say has
    // changed.
    std::function<void()> on_state;
    std::function<void(std::string_view channel)> on_subscribed;
    // All channels stand, after misses() became false. Over a host: they may
    // still be about to.
    std::function<void()> on_standing;
    // The payload is the callee's.
    std::function<void(std::string_view channel, std::string payload)>
        on_message;
  };
  using OnAnswer = std::function<void(redis::Reply)>;
  using Strings = std::span<const std::string_view>;

  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Begins to connect. REQUIRES: called once.
  virtual Status Open(Events events) = 0;
  // Answers what is open. Idempotent.
  virtual void Close() = 0;

  // A script that Eval() will be asked for; the same body gives the same
  // number.
  virtual size_t AddScript(std::string_view body) = 0;
  virtual void Eval(size_t script, Strings keys, Strings arguments,
                    OnAnswer on_answer) = 0;
  virtual void Command(Strings arguments, OnAnswer on_answer) = 0;
  // Counted, as Subscriber's.
  virtual void Subscribe(std::string_view channel) = 0;
  virtual void Unsubscribe(std::string_view channel) = 0;
  // What was published came back on no subscription: other connections, both
  // of them where there are two.
  virtual void Resubscribe() = 0;

  virtual bool commands_ready() const = 0;
  virtual bool subscriptions_ready() const = 0;
  // Messages may pass this node by; of a host's client that is any trouble.
  virtual bool misses() const = 0;
  // Counts the connections that commands were ready on.
  virtual uint64_t connection() const = 0;
  // Of the Redis that carries commands out, as the scripts name it; empty where
  // that is not sure.
  virtual std::string_view run_id() const = 0;
  // A script has said it. Empty: it may have changed.
  virtual void NoteRun(std::string_view run) = 0;
  // What doorbells ring with.
  virtual std::string_view ring() const = 0;
  // Of both connections together, and why it is not ready.
  virtual LinkState state() const = 0;
  virtual const redis::Trouble& trouble() const = 0;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_TRANSPORT_H_
