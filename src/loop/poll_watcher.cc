#include "loop/poll_watcher.h"

#include <uv.h>

#include <cassert>
#include <memory>
#include <utility>

#include "loop/event_loop.h"
#include "loop/uv_status.h"

namespace pathcast {

static_assert(PollWatcher::kReadable == UV_READABLE);
static_assert(PollWatcher::kWritable == UV_WRITABLE);
static_assert(PollWatcher::kDisconnect == UV_DISCONNECT);

struct PollWatcher::Handle {
  uv_poll_t uv;
  Callback callback = nullptr;
  void* context = nullptr;

  static void OnPoll(uv_poll_t* uv, int status, int events) {
    auto* handle = static_cast<Handle*>(uv->data);
    // A failed descriptor: libuv has stopped watching it.
    handle->callback(handle->context, status < 0 ? kError : events);
  }
};

PollWatcher::PollWatcher(PollWatcher&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

PollWatcher& PollWatcher::operator=(PollWatcher&& other) noexcept {
  if (this != &other) {
    Close();
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Status PollWatcher::Start(EventLoop* loop, int fd, Callback callback,
                          void* context) {
  assert(!open());
  assert(loop->OnLoopThread());
  auto handle = std::make_unique<Handle>();
#ifdef _WIN32
  const int error = uv_poll_init_socket(loop->uv(), &handle->uv,
                                        static_cast<uv_os_sock_t>(fd));
#else
  const int error = uv_poll_init(loop->uv(), &handle->uv, fd);
#endif
  if (error != 0) return UvStatus("the descriptor cannot be watched", error);
  handle->uv.data = handle.get();
  handle->callback = callback;
  handle->context = context;
  handle_ = handle.release();
  return Status::Ok();
}

Status PollWatcher::Update(int interest) {
  assert(open());
  const int error =
      interest == 0 ? uv_poll_stop(&handle_->uv)
                    : uv_poll_start(&handle_->uv, interest, &Handle::OnPoll);
  return error == 0 ? Status::Ok()
                    : UvStatus("the descriptor cannot be watched", error);
}

void PollWatcher::Close() {
  if (handle_ == nullptr) return;
  // Takes the descriptor out of the loop at once and drops events of it that
  // were fetched already; only the memory has to wait.
  Handle* handle = std::exchange(handle_, nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* uv) { delete static_cast<Handle*>(uv->data); });
}

size_t PollWatcher::Bytes() { return sizeof(Handle); }

}  // namespace pathcast
