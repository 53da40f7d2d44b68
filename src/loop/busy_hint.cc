#include "loop/busy_hint.h"

#include <uv.h>

#include <cassert>
#include <memory>
#include <utility>

#include "loop/event_loop.h"
#include "loop/uv_status.h"

namespace pathcast {

// Two handles: an active idle makes the loop poll without waiting; the check
// runs after the poll, so the sockets that became ready go first.
struct BusyHint::Handle {
  uv_idle_t idle;
  uv_check_t check;
  std::function<void()> on_turn;
  int open_handles = 2;

  static void OnClosed(uv_handle_t* uv) {
    auto* handle = static_cast<Handle*>(uv->data);
    if (--handle->open_handles == 0) delete handle;
  }
};

Status BusyHint::Open(EventLoop* loop, std::function<void()> on_turn) {
  assert(!open());
  assert(loop->OnLoopThread());
  auto handle = std::make_unique<Handle>();
  // Neither can fail; checked all the same, before the first is made.
  if (const int error = uv_idle_init(loop->uv(), &handle->idle)) {
    return UvStatus("the idle handle could not be made", error);
  }
  handle->idle.data = handle.get();
  if (const int error = uv_check_init(loop->uv(), &handle->check)) {
    handle->open_handles = 1;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle.release()->idle),
             &Handle::OnClosed);
    return UvStatus("the check handle could not be made", error);
  }
  handle->check.data = handle.get();
  handle->on_turn = std::move(on_turn);
  handle_ = handle.release();
  return Status::Ok();
}

void BusyHint::Set(bool busy) {
  assert(open());
  if (busy == this->busy()) return;
  if (!busy) {
    (void)uv_idle_stop(&handle_->idle);
    (void)uv_check_stop(&handle_->check);
    return;
  }
  (void)uv_idle_start(&handle_->idle, [](uv_idle_t*) {});
  (void)uv_check_start(&handle_->check, [](uv_check_t* uv) {
    static_cast<Handle*>(uv->data)->on_turn();
  });
}

bool BusyHint::busy() const {
  return handle_ != nullptr &&
         uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->idle)) !=
             0;
}

void BusyHint::Close() {
  if (handle_ == nullptr) return;
  Handle* handle = std::exchange(handle_, nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->idle), &Handle::OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->check), &Handle::OnClosed);
}

}  // namespace pathcast
