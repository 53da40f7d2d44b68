#include "engine/socket_sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>

#include "engine/user_timeout.h"

namespace pathcast {

namespace {

// An IoVec is handed to the kernel as it is.
static_assert(sizeof(IoVec) == sizeof(iovec));
static_assert(offsetof(IoVec, data) == offsetof(iovec, iov_base));
static_assert(offsetof(IoVec, size) == offsetof(iovec, iov_len));

// Unsent bytes the kernel may hide from the hub per socket. Without it a slow
// reader shows only after megabytes of stale events.
constexpr int kNotSentLowWater = 16 * 1024;

// Bytes a client may send after its request before it is taken for an attack
// and closed.
constexpr uint32_t kMaxDiscarded = 256 * 1024;

// Fails without harm on a Unix socket or an older kernel: the cap still holds,
// only later.
void SetInt(int fd, int level, int option, int value) {
  (void)::setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

Status SocketSink::Open(EventLoop* loop, Connection* connection,
                        const SocketOptions& options) {
  connection_ = connection;
  const int fd = socket_.get();
  SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef TCP_NOTSENT_LOWAT
  SetInt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kNotSentLowWater);
#endif
  (void)SetUserTimeout(fd, options.user_timeout_ms);
  Status status = watcher_.Start(loop, fd, &SocketSink::OnEvents, this);
  if (!status.ok()) return status;
  return watcher_.Update(PollWatcher::kReadable | PollWatcher::kDisconnect);
}

int64_t SocketSink::Write(const IoVec* parts, size_t count) {
  for (;;) {
    ssize_t result;
    if (count == 1) {
      result = ::send(socket_.get(), parts->data, parts->size,
                      MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr message{};
      message.msg_iov = reinterpret_cast<iovec*>(const_cast<IoVec*>(parts));
      message.msg_iovlen = count;
      result = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (result >= 0) return result;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    // The machine is short of memory, not the client of will. The socket counts
    // as writable all the while, so waiting for that would be a spin.
    starved_ = errno == ENOBUFS || errno == ENOMEM;
    return starved_ ? 0 : kGone;
  }
}

void SocketSink::WantWritable(bool wanted) {
  if (wanted == want_writable_ || !watcher_.open()) return;
  want_writable_ = wanted;
  WatchFor(wanted && !starved_);
}

void SocketSink::Feed() {
  if (!starved_) return;
  starved_ = false;
  if (want_writable_ && watcher_.open()) WatchFor(true);
}

void SocketSink::WatchFor(bool writable) {
  const int interest = PollWatcher::kReadable | PollWatcher::kDisconnect |
                       (writable ? PollWatcher::kWritable : 0);
  // A refusal here means that the descriptor is broken; the next write says so.
  (void)watcher_.Update(interest);
}

std::string SocketSink::PeerAddress() const {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (::getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size) !=
      0) {
    return {};
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
    (void)::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
  } else if (peer.ss_family == AF_INET6) {
    const in6_addr& v6 =
        reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr;
    // A listener on `::` sees IPv4 clients as ::ffff:a.b.c.d.
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      (void)::inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof(text));
    } else {
      (void)::inet_ntop(AF_INET6, &v6, text, sizeof(text));
    }
  }
  return text;
}

Descriptor SocketSink::Release() {
  watcher_.Close();
  return std::move(socket_);
}

void SocketSink::OnEvents(void* self, int events) {
  auto* sink = static_cast<SocketSink*>(self);
  const bool alive =
      (events & (PollWatcher::kError | PollWatcher::kDisconnect)) == 0 &&
      ((events & PollWatcher::kReadable) == 0 || sink->DiscardInput());
  if (!alive) {
    sink->events_->OnSocketGone(sink->connection_);
    return;
  }
  if ((events & PollWatcher::kWritable) != 0)
    sink->events_->OnSocketWritable(sink->connection_);
}

bool SocketSink::DiscardInput() {
  return DiscardFrom(socket_.get(), &discarded_);
}

bool DiscardFrom(int fd, uint32_t* discarded) {
  char buffer[4096];
  // Bounded, so that a flood from one client does not hold the others up; the
  // rest comes next turn.
  for (int reads = 0; reads < 4; ++reads) {
    const ssize_t got = ::recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got == 0) return false;
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    *discarded += static_cast<uint32_t>(got);
    if (*discarded > kMaxDiscarded) return false;
    if (static_cast<size_t>(got) < sizeof(buffer)) return true;
  }
  return true;
}

}  // namespace pathcast
