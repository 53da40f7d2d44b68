// The addresses of a host's name, without waiting for them.
//
// Owned by whoever connects; loop's thread only; destroyed before its loop
// ends. The lookup itself runs in libuv's thread pool, since the system has no
// other way that does not block. One that is under way when the loop ends is
// waited for, a second at most (EventLoop::Join).
#ifndef PATHCAST_LOOP_NAME_LOOKUP_H_
#define PATHCAST_LOOP_NAME_LOOKUP_H_

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"

namespace pathcast {

class EventLoop;

// What connect() takes. A value.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

class NameLookup {
 public:
  // Never empty where it is ok; in the system's order of preference.
  using Callback = std::function<void(Result<std::vector<SocketAddress>>)>;

  NameLookup() = default;
  ~NameLookup() { Cancel(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  // The address that `host` itself is, of IPv4 or IPv6; no lookup is needed.
  static std::optional<SocketAddress> Numeric(const std::string& host,
                                              uint16_t port);

  // `callback` runs once, later, on the loop's thread, unless cancelled; it may
  // destroy this. kIo: it could not be begun. REQUIRES: none is under way.
  Status Start(EventLoop* loop, const std::string& host, uint16_t port,
               Callback callback);
  // The callback will not be called. Idempotent.
  void Cancel();

 private:
  struct Request;  // Freed when the lookup ends, not with this.
  Request* request_ = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_LOOP_NAME_LOOKUP_H_
