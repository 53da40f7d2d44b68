// A sink that is a client's socket: non-blocking writes, what the client sends
// is thrown away, and its end is noticed.
//
// Owner: the connection. Thread: hub thread. The descriptor is closed with the
// sink unless it is released to linger.
#ifndef PATHCAST_ENGINE_SOCKET_SINK_H_
#define PATHCAST_ENGINE_SOCKET_SINK_H_

#include <cstdint>
#include <string>

#include "core/sink.h"
#include "core/status.h"
#include "loop/descriptor.h"
#include "loop/poll_watcher.h"

namespace pathcast {

class Connection;
class EventLoop;

// Called from the loop; may destroy the sink.
class SocketEvents {
 public:
  virtual ~SocketEvents() = default;
  virtual void OnSocketWritable(Connection* connection) = 0;
  virtual void OnSocketGone(Connection* connection) = 0;
};

struct SocketOptions {
  // A write that nobody acknowledges for this long ends the connection
  // (TCP_USER_TIMEOUT), where the platform has it. Longer than the slow
  // timeout: the kernel counts a closed window too.
  int64_t user_timeout_ms = 100'000;
};

class SocketSink final : public Sink {
 public:
  SocketSink(Descriptor socket, SocketEvents* events)
      : socket_(std::move(socket)), events_(events) {}

  // Sets the socket up and watches it for `connection`.
  Status Open(EventLoop* loop, Connection* connection,
              const SocketOptions& options);

  int64_t Write(const IoVec* parts, size_t count) override;
  void WantWritable(bool wanted) override;

  // Called now and then: a write that found the machine without memory is tried
  // again.
  void Feed();

  // The peer's address as the kernel knows it, IPv4 in its own form; empty for
  // a Unix socket, or where the peer has left.
  std::string PeerAddress() const;

  // Stops watching; the descriptor is the caller's from now on.
  Descriptor Release();

 private:
  static void OnEvents(void* self, int events);
  bool DiscardInput();
  void WatchFor(bool writable);

  Descriptor socket_;
  SocketEvents* const events_;
  Connection* connection_ = nullptr;
  PollWatcher watcher_;
  uint32_t discarded_ = 0;
  bool want_writable_ = false;
  // The last write failed for want of memory; Feed ends it.
  bool starved_ = false;
};

// Reads and throws away what is there. False: the peer has ended or reset the
// connection.
bool DiscardFrom(int fd, uint32_t* discarded);

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_SOCKET_SINK_H_
