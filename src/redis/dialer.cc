#include "redis/dialer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

namespace pathcast::redis {
namespace {

Descriptor OpenSocket(int family) {
#ifdef SOCK_CLOEXEC
  return Descriptor(
      ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
#else
  Descriptor socket(::socket(family, SOCK_STREAM, 0));
  if (socket.valid()) {
    (void)::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
    (void)::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  }
  return socket;
#endif
}

SocketAddress UnixAddress(const std::string& path) {
  SocketAddress address;
  auto* target = reinterpret_cast<sockaddr_un*>(&address.storage);
  target->sun_family = AF_UNIX;
  const size_t size = std::min(path.size(), sizeof(target->sun_path) - 1);
  std::memcpy(target->sun_path, path.data(), size);
  address.size = sizeof(*target);
  return address;
}

}  // namespace

void Dialer::Start(EventLoop* loop, const Endpoint& endpoint,
                   uint64_t timeout_ms, Callback callback) {
  assert(!callback_ && timeout_ms > 0);
  loop_ = loop;
  endpoint_ = endpoint;
  callback_ = std::move(callback);
  addresses_.clear();
  next_ = 0;
  error_ = 0;
  Status status = deadline_.Open(loop_, [this] {
    Fail({TroubleKind::kTimeout, "no connection in time"});
  });
  if (status.ok())
    status = share_.Open(loop_, [this] {
      error_ = ETIMEDOUT;
      TryNext();
    });
  if (!status.ok()) return Fail({TroubleKind::kUnreachable, status.message()});
  deadline_.Every(timeout_ms);
  share_ms_ = timeout_ms;

  if (!endpoint_.path.empty()) {
    addresses_.push_back(UnixAddress(endpoint_.path));
    return TryNext();
  }
  if (const auto numeric =
          NameLookup::Numeric(endpoint_.host, endpoint_.port)) {
    addresses_.push_back(*numeric);
    return TryNext();
  }
  const auto found = [this](Result<std::vector<SocketAddress>> result) {
    if (!result.ok()) {
      return Fail({TroubleKind::kNoSuchHost, result.status().message()});
    }
    addresses_ = std::move(*result);
    // What the name took is spent already: the last ones may get less.
    share_ms_ = std::max<uint64_t>(1, share_ms_ / addresses_.size());
    TryNext();
  };
  status = lookup_.Start(loop_, endpoint_.host, endpoint_.port, found);
  if (!status.ok()) {
    Fail({TroubleKind::kNoSuchHost, status.message()});
  }
}

void Dialer::TryNext() {
  while (next_ < addresses_.size()) {
    watcher_.Close();
    socket_.Reset();
    const SocketAddress& address = addresses_[next_++];
    socket_ = OpenSocket(address.family());
    if (!socket_.valid()) {
      error_ = errno;
      continue;
    }
    if (::connect(socket_.get(), address.get(), address.size) == 0) {
      return Finish(std::move(socket_), Trouble());
    }
    error_ = errno;
    if (error_ != EINPROGRESS) continue;
    const Status watched = watcher_.Start(
        loop_, socket_.get(),
        [](void* dialer, int) { static_cast<Dialer*>(dialer)->OnWritable(); },
        this);
    if (!watched.ok() || !watcher_.Update(PollWatcher::kWritable).ok())
      continue;
    if (addresses_.size() > 1) share_.Every(share_ms_);
    return;
  }
  Fail({TroubleKind::kUnreachable, std::strerror(error_)});
}

void Dialer::OnWritable() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error == 0) return Finish(std::move(socket_), Trouble());
  error_ = error;
  TryNext();
}

void Dialer::Fail(Trouble trouble) { Finish(Descriptor(), std::move(trouble)); }

void Dialer::Finish(Descriptor socket, Trouble trouble) {
  const Callback callback = std::exchange(callback_, nullptr);
  Cancel();
  callback(std::move(socket), std::move(trouble));
}

void Dialer::Cancel() {
  callback_ = nullptr;
  lookup_.Cancel();
  deadline_.Close();
  share_.Close();
  watcher_.Close();
  socket_.Reset();
}

}  // namespace pathcast::redis
