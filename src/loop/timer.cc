#include "loop/timer.h"

#include <uv.h>

#include <cassert>
#include <memory>
#include <utility>

#include "loop/event_loop.h"
#include "loop/uv_status.h"

namespace pathcast {

struct Timer::Handle {
  uv_timer_t uv;
  std::function<void()> on_fire;

  static void OnFire(uv_timer_t* uv) {
    // Here it outlives its Timer, should the call destroy that.
    static_cast<Handle*>(uv->data)->on_fire();
  }
};

Status Timer::Open(EventLoop* loop, std::function<void()> on_fire) {
  assert(!open());
  assert(loop->OnLoopThread());
  auto handle = std::make_unique<Handle>();
  if (const int error = uv_timer_init(loop->uv(), &handle->uv)) {
    return UvStatus("the timer could not be made", error);
  }
  handle->on_fire = std::move(on_fire);
  handle->uv.data = handle.get();
  handle_ = handle.release();
  return Status::Ok();
}

void Timer::Every(uint64_t period_ms) {
  assert(open());
  assert(period_ms > 0);
  // Fails on a closing handle only, and that one is not ours any more.
  (void)uv_timer_start(&handle_->uv, &Handle::OnFire, period_ms, period_ms);
}

void Timer::Cancel() {
  assert(open());
  (void)uv_timer_stop(&handle_->uv);
}

void Timer::Close() {
  if (handle_ == nullptr) return;
  Handle* handle = std::exchange(handle_, nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* uv) { delete static_cast<Handle*>(uv->data); });
}

}  // namespace pathcast
