// Sockets that have got their last message: their sending side is shut, and
// they are closed when the peer has closed too, or after a second. Closing at
// once could reset the connection under bytes that the peer has not read yet.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_LINGERING_H_
#define PATHCAST_ENGINE_LINGERING_H_

#include <cstdint>
#include <list>

#include "loop/descriptor.h"
#include "loop/poll_watcher.h"

namespace pathcast {

class EventLoop;

class Lingering {
 public:
  static constexpr int64_t kLingerMs = 1'000;
  // At the bound a socket is closed at once: its peer may miss its last
  // message.
  static constexpr size_t kMaxSockets = 2'048;

  Lingering() = default;
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;

  void Add(EventLoop* loop, Descriptor socket, int64_t now_ms);
  void CloseExpired(int64_t now_ms);
  void CloseAll() { sockets_.clear(); }

 private:
  struct Socket {
    // The watcher is closed before the descriptor.
    Descriptor descriptor;
    PollWatcher watcher;
    Lingering* owner = nullptr;
    std::list<Socket>::iterator place;
    int64_t until_ms = 0;
    uint32_t discarded = 0;
  };
  static void OnEvents(void* socket, int events);

  std::list<Socket> sockets_;  // by until_ms
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_LINGERING_H_
