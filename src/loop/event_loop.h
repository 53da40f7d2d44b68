// A libuv loop and the thread that runs it.
//
// Owned by the hub. Life: Start() → handles made → RunInThread() → Stop() →
// Join() → destroyed. Between Start() and RunInThread() the calling thread is
// the loop's thread; afterwards the thread made here is, until Join() returns.
// Never uses libuv's thread pool, which belongs to the app, but to look up a
// host's name (NameLookup).
//
// Invariants:
//  1. Timers, hints and watchers are made, used and closed on the loop's
//     thread only.
//  2. All of them are closed when `on_stop` returns; Join() reports one that
//     was not.
//  3. After Join() no thread, descriptor or handle is left.
#ifndef PATHCAST_LOOP_EVENT_LOOP_H_
#define PATHCAST_LOOP_EVENT_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "core/status.h"

struct uv_loop_s;

namespace pathcast {

class EventLoop {
 public:
  EventLoop();
  // Stops and joins if that was not done.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Makes the loop. `on_wake` runs on the loop's thread, at least once after
  // each Wake() before Stop(); wakes coalesce, so it has to drain, never to
  // count. kIo when the system refuses (descriptors). REQUIRES: called once.
  Status Start(std::function<void()> on_wake);

  // Starts the thread, all signals blocked in it but those of its own faults.
  // After Stop(), `on_stop` runs on it, once, as the last of all callbacks: it
  // closes whatever the owner has on the loop. kIo: no thread could be made;
  // the loop then stays with the caller. REQUIRES: Start() was ok.
  Status RunInThread(std::function<void()> on_stop);

  // [any thread], from a successful Start() until Join().
  void Wake();
  // [any thread], likewise. Asks the thread, if there is one, to end;
  // idempotent.
  void Stop();
  // Waits for the thread's end, closes the loop. Idempotent. A lookup of a name
  // that nobody can stop is waited for, a second at most. kIo: a handle is
  // still open; close it and call again (a loop destroyed before that leaks
  // its memory). REQUIRES: Stop() was called; not on the loop's own thread.
  Status Join();

  // Nice value of the loop's thread alone, -20 to 19; greater yields to others.
  // Linux only, no effect elsewhere or where not allowed. Before RunInThread()
  // or on the loop's thread.
  void SetThreadNice(int nice);

  // True on the thread that may use handles now.
  bool OnLoopThread() const;

  // [any thread] Monotonic µs.
  static int64_t NowUs();

  // For the other files of loop/.
  uv_loop_s* uv() const;
  // +1 when a lookup of a name begins, -1 when it has ended.
  void CountLookup(int change);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pathcast

#endif  // PATHCAST_LOOP_EVENT_LOOP_H_
