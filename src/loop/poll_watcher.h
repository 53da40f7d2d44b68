// Readiness of one socket on an EventLoop.
//
// Owned by the connection; loop's thread only; closed before its loop ends.
// There are 10,000 of them: one pointer here, one heap block of
// sizeof(uv_poll_t) + 24 bytes behind it, no std::function.
#ifndef PATHCAST_LOOP_POLL_WATCHER_H_
#define PATHCAST_LOOP_POLL_WATCHER_H_

#include <cstddef>

#include "core/status.h"

namespace pathcast {

class EventLoop;

class PollWatcher {
 public:
  // Interest and event bits.
  static constexpr int kReadable = 1;
  static constexpr int kWritable = 2;
  // The peer shut its side down. May stay silent on platforms without it; a
  // read then shows the end.
  static constexpr int kDisconnect = 4;
  // Events only: the descriptor is in error (reset, say) and no longer watched.
  static constexpr int kError = 8;

  using Callback = void (*)(void* context, int events);

  PollWatcher() = default;
  ~PollWatcher() { Close(); }
  PollWatcher(const PollWatcher&) = delete;
  PollWatcher& operator=(const PollWatcher&) = delete;
  PollWatcher(PollWatcher&& other) noexcept;
  PollWatcher& operator=(PollWatcher&& other) noexcept;

  // Makes `fd` non-blocking; watches for nothing yet. The descriptor stays the
  // caller's: it closes it after Close(). `callback` may Close() or destroy the
  // watcher. kIo: not a descriptor that can be watched. REQUIRES: not open.
  Status Start(EventLoop* loop, int fd, Callback callback, void* context);
  // Watches for `interest` from now on; 0: for nothing. kIo only when the
  // system refuses. REQUIRES: open.
  Status Update(int interest);
  // The callback is not called again. Idempotent. The descriptor may be closed
  // at once.
  void Close();

  bool open() const { return handle_ != nullptr; }
  // Heap bytes of an open watcher.
  static size_t Bytes();

 private:
  struct Handle;  // Freed in the close callback, not with the watcher.
  Handle* handle_ = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_LOOP_POLL_WATCHER_H_
