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
#include <string>
#include <string_view>

#include "core/channel.h"
#include "core/subscription.h"
#include "engine/command.h"
#include "engine/host_sink.h"
#include "engine/socket_sink.h"

namespace pathcast {

// A sink, and which of the two it is.
class ConnectionSink {
 public:
  explicit ConnectionSink(std::unique_ptr<SocketSink> socket)
      : sink_(std::move(socket)), is_socket_(true) {}
  explicit ConnectionSink(std::unique_ptr<HostSink> host)
      : sink_(std::move(host)), is_socket_(false) {}

  Sink* get() const { return sink_.get(); }
  // Null where it is the other one.
  SocketSink* socket() const {
    return is_socket_ ? static_cast<SocketSink*>(sink_.get()) : nullptr;
  }

  std::unique_ptr<Sink> Release() { return std::move(sink_); }

 private:
  std::unique_ptr<Sink> sink_;
  bool is_socket_;
};

// A place in a heartbeat bucket: a ring through the bucket's anchor, or alone.
struct HeartbeatRing {
  HeartbeatRing* previous = this;
  HeartbeatRing* next = this;
  HeartbeatRing() = default;
  HeartbeatRing(const HeartbeatRing&) = delete;
  HeartbeatRing& operator=(const HeartbeatRing&) = delete;
  void LeaveRing() {
    previous->next = next;
    next->previous = previous;
    previous = next = this;
  }
  void JoinRingBefore(HeartbeatRing* anchor) {
    previous = anchor->previous;
    next = anchor;
    previous->next = this;
    anchor->previous = this;
  }
};

class Connection final : public Subscription, public HeartbeatRing {
 public:
  // Moves the user and the address out of the request.
  Connection(StreamRequest* request, Channel* channel, ConnectionSink sink,
             std::unique_ptr<Filter> filter, int64_t now_ms)
      : Subscription(sink.get(), request->dialect, std::move(filter)),
        is_socket_(sink.socket() != nullptr),
        origin_(request->origin),
        number_(request->number),
        user_(std::move(request->user)),
        address_(request->address.empty() ? nullptr
                                          : std::make_unique<const std::string>(
                                                std::move(request->address))),
        since_ms_(now_ms),
        channel_(channel),
        sink_(sink.Release()) {}

  uint64_t number() const { return number_; }
  const std::string& user() const { return user_; }
  // Empty where no proxy named one.
  std::string_view address() const {
    return address_ ? std::string_view(*address_) : std::string_view();
  }
  int64_t since_ms() const { return since_ms_; }
  uint32_t origin() const { return origin_; }
  Channel& channel() const { return *channel_; }
  // Exactly one of the two is there.
  SocketSink* socket() const {
    return is_socket_ ? static_cast<SocketSink*>(sink_.get()) : nullptr;
  }
  HostSink* host() const {
    return is_socket_ ? nullptr : static_cast<HostSink*>(sink_.get());
  }

  // 0: already released.
  uint64_t lease = 0;
  // Deadlines only: its places there.
  static constexpr uint32_t kNowhere = UINT32_MAX;
  uint32_t expiry_place = kNowhere;
  uint32_t life_place = kNowhere;
  // Of its browser instance (core/instances.h); 0: it has none.
  uint64_t instance_hash = 0;
  // Of that instance.
  uint64_t generation = kNoGeneration;
  // Until it is started: what its opening is made of. It waits for its log.
  std::unique_ptr<StreamRequest> request;
  // The read of the log that it waits for; 0: any.
  uint64_t awaited_read = 0;
  // Its sink has failed; closed at the end of the turn.
  bool doomed = false;
  // Stalls only.
  bool watched_slow = false;

 private:
  const bool is_socket_;
  const uint32_t origin_;
  const uint64_t number_;
  const std::string user_;
  const std::unique_ptr<const std::string> address_;
  // The hub's clock when it opened.
  const int64_t since_ms_;
  Channel* const channel_;
  const std::unique_ptr<Sink> sink_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_CONNECTION_H_
