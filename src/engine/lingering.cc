#include "engine/lingering.h"

#include <sys/socket.h>

#include <utility>

#include "engine/socket_sink.h"
#include "loop/event_loop.h"

namespace pathcast {

void Lingering::Add(EventLoop* loop, Descriptor socket, int64_t now_ms) {
  (void)::shutdown(socket.get(), SHUT_WR);
  if (sockets_.size() >= kMaxSockets) return;
  Socket& entry = sockets_.emplace_back();
  entry.descriptor = std::move(socket);
  entry.owner = this;
  entry.place = std::prev(sockets_.end());
  entry.until_ms = now_ms + kLingerMs;
  const bool watched =
      entry.watcher
          .Start(loop, entry.descriptor.get(), &Lingering::OnEvents, &entry)
          .ok() &&
      entry.watcher.Update(PollWatcher::kReadable | PollWatcher::kDisconnect)
          .ok();
  if (!watched) sockets_.pop_back();
}

void Lingering::CloseExpired(int64_t now_ms) {
  while (!sockets_.empty() && sockets_.front().until_ms <= now_ms)
    sockets_.pop_front();
}

void Lingering::OnEvents(void* context, int events) {
  auto* socket = static_cast<Socket*>(context);
  const bool ended =
      (events & (PollWatcher::kError | PollWatcher::kDisconnect)) != 0;
  if (ended || !DiscardFrom(socket->descriptor.get(), &socket->discarded)) {
    socket->owner->sockets_.erase(socket->place);
  }
}

}  // namespace pathcast
