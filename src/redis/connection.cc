#include "redis/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

namespace pathcast::redis {
namespace {

// hiredis moves what is left of a piece for each KiB it has read of it, so
// pieces are small.
constexpr size_t kPieceBytes = 16 << 10;
// What Redis may say in one go before browsers' sockets have their turn.
constexpr size_t kTurnBytes = 256 << 10;
// An output buffer that grew beyond it is given back once it is empty.
constexpr size_t kKeptBytes = 1 << 20;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;
#endif

// All of them are of no effect on a Unix socket, which needs none.
void SetOptions(int fd, int64_t user_timeout_ms) {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef SO_NOSIGPIPE
  (void)::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
#ifdef TCP_USER_TIMEOUT
  const int value =
      static_cast<int>(std::clamp<int64_t>(user_timeout_ms, 0, INT32_MAX));
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof(value));
#else
  (void)user_timeout_ms;
#endif
}

}  // namespace

Status Connection::Open(Descriptor socket, int64_t user_timeout_ms) {
  assert(!socket_.valid());
  socket_ = std::move(socket);
  SetOptions(socket_.get(), user_timeout_ms);
  last_read_us_ = clock_->NowUs();
  Status status = write_soon_.Open(loop_, [this] {
    write_soon_.Set(false);
    Write();
  });
  if (status.ok()) {
    status = watcher_.Start(
        loop_, socket_.get(),
        [](void* connection, int events) {
          static_cast<Connection*>(connection)->OnEvents(events);
        },
        this);
  }
  if (status.ok()) status = watcher_.Update(PollWatcher::kReadable);
  return status;
}

void Connection::Append(Arguments arguments) {
  assert(write_soon_.open());
  AppendCommand(arguments, &output_);
  if (!blocked_ && !ended_) write_soon_.Set(true);
}

void Connection::OnEvents(int events) {
  const std::weak_ptr<char> life = life_;
  if (events & PollWatcher::kWritable) {
    Write();
    if (life.expired() || ended_) return;
  }
  if ((events & ~PollWatcher::kWritable) == 0) return;
  // An error shows in reading too, with its name.
  Read();
  if (life.expired() || ended_ || !(events & PollWatcher::kError)) return;
  End(TroubleKind::kEnded, "the socket is in error");
}

void Connection::Write() {
  while (unwritten() > 0) {
    const ssize_t count =
        ::send(socket_.get(), output_.data() + sent_, unwritten(), kSendFlags);
    if (count > 0) {
      sent_ += static_cast<size_t>(count);
      written_ += static_cast<size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // There may be a last word of Redis's to read: why it closes.
    const int error = errno;
    const std::weak_ptr<char> life = life_;
    Read();
    if (!life.expired()) End(TroubleKind::kEnded, std::strerror(error));
    return;
  }
  if (unwritten() == 0) {
    output_.clear();
    if (output_.capacity() > kKeptBytes) std::string().swap(output_);
    sent_ = 0;
  } else if (sent_ > kKeptBytes) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  const bool blocked = unwritten() > 0;
  const int interest =
      PollWatcher::kReadable | (blocked ? PollWatcher::kWritable : 0);
  blocked_ = blocked;
  if (!watcher_.Update(interest).ok()) {
    End(TroubleKind::kEnded, "the socket can no longer be watched");
  }
}

bool Connection::HandOn() {
  const std::weak_ptr<char> life = life_;
  while (!life.expired() && !ended_) {
    auto next = reader_.Next();
    if (!next.ok()) {
      End(TroubleKind::kProtocol, next.status().message());
      return false;
    }
    if (!next->has_value()) return true;
    partial_.reset();
    handler_->OnReply(std::move(**next));
  }
  return false;
}

void Connection::NotePartial(uint64_t bytes) {
  if (!reader_.midway()) return;
  // Some of the first piece may be of the reply before it.
  if (!partial_) partial_ = {last_read_us_, 0};
  partial_->bytes += bytes;
}

void Connection::Read() {
  char piece[kPieceBytes];
  for (size_t total = 0; total < kTurnBytes;) {
    const ssize_t count = ::recv(socket_.get(), piece, sizeof(piece), 0);
    if (count > 0) {
      last_read_us_ = clock_->NowUs();
      total += static_cast<size_t>(count);
      const Status fed =
          reader_.Feed(std::string_view(piece, static_cast<size_t>(count)));
      if (!fed.ok()) return End(TroubleKind::kProtocol, fed.message());
      if (!HandOn()) return;
      NotePartial(static_cast<uint64_t>(count));
      if (static_cast<size_t>(count) < sizeof(piece)) return;
      continue;
    }
    if (count == 0) {
      return End(TroubleKind::kEnded, "Redis closed the connection");
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    return End(TroubleKind::kEnded, std::strerror(errno));
  }
}

void Connection::End(TroubleKind kind, std::string text) {
  if (ended_) return;
  ended_ = true;
  watcher_.Close();
  write_soon_.Close();
  handler_->OnEnd({kind, std::move(text)});
}

}  // namespace pathcast::redis
