// One open stream: its subscription, its sink, its lease, and its places in the
// hub's lists.
//
// Owner: HubThread's table of connections. Thread: hub thread. Destruction
// order: the subscription gives its gauges back (Retire) and leaves its channel
// first, then the sink closes its descriptor.
#ifndef PATHCAST_ENGINE_CONNECTION_H_
#define PATHCAST_ENGINE_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/channel.h"
#include "core/subscription.h"
#include "engine/command.h"
#include "engine/host_sink.h"
#include "engine/socket_sink.h"

namespace pathcast {

// Exactly one of the two is there.
struct ConnectionSink {
  std::unique_ptr<SocketSink> socket;
  std::unique_ptr<HostSink> host;
  Sink* get() const {
    return socket ? static_cast<Sink*>(socket.get())
                  : static_cast<Sink*>(host.get());
  }
};

class Connection final : public Subscription {
 public:
  // Moves the user and the address out of the request.
  Connection(StreamRequest* request, Channel* channel, ConnectionSink sink,
             std::unique_ptr<Filter> filter, int64_t now_ms)
      : Subscription(sink.get(), request->dialect, std::move(filter)),
        number_(request->number),
        user_(std::move(request->user)),
        address_(std::move(request->address)),
        since_ms_(now_ms),
        origin_(request->origin),
        channel_(channel),
        sink_(std::move(sink)) {}

  uint64_t number() const { return number_; }
  const std::string& user() const { return user_; }
  const std::string& address() const { return address_; }
  int64_t since_ms() const { return since_ms_; }
  uint32_t origin() const { return origin_; }
  Channel& channel() const { return *channel_; }
  SocketSink* socket() const { return sink_.socket.get(); }
  HostSink* host() const { return sink_.host.get(); }

  // 0: already released.
  uint64_t lease = 0;
  // Deadlines only; 0: none.
  int64_t expires_ms = 0;
  int64_t life_ends_ms = 0;
  // Of its user and its browser instance (core/instances.h); 0: it has none.
  uint64_t user_hash = 0;
  uint64_t instance_hash = 0;
  // Its sink has failed; closed at the end of the turn.
  bool doomed = false;
  // Expired before it began: it gets no catch-up, and this is a time from which
  // a resume loses nothing of it.
  std::optional<int64_t> hello_only_safe_ms;
  // Stalls only.
  bool watched_slow = false;

  // The heartbeat bucket it is in: a ring through the bucket's anchor.
  struct Ring {
    Ring* previous = this;
    Ring* next = this;
    Connection* connection = nullptr;
    void Leave() {
      previous->next = next;
      next->previous = previous;
      previous = next = this;
    }
    void JoinBefore(Ring* anchor) {
      previous = anchor->previous;
      next = anchor;
      previous->next = this;
      anchor->previous = this;
    }
  };
  Ring heartbeat;

 private:
  const uint64_t number_;
  const std::string user_;
  const std::string address_;
  const int64_t since_ms_;  // The hub's clock when it opened.
  const uint32_t origin_;
  Channel* const channel_;
  ConnectionSink sink_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_CONNECTION_H_
