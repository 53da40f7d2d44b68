#include "loop/event_loop.h"

#include <uv.h>

#include <atomic>
#include <cassert>
#include <thread>
#include <utility>

#include "loop/uv_status.h"

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pathcast {
namespace {

// The hub's deepest call chain needs a few KiB; the default would reserve 8
// MiB.
constexpr size_t kStackBytes = size_t{1} << 20;
// Turns that close callbacks get to run in; one is enough for those of libuv.
constexpr int kClosingTurns = 8;
// How long Join() waits for lookups of names; beyond it they cost the loop's
// memory and descriptors.
constexpr int kLookupTurns = 1000;
constexpr unsigned kLookupTurnMs = 1;

#ifndef _WIN32
// Of the calling thread.
void SetSignalMask(const sigset_t* mask, sigset_t* before) {
#ifdef __linux__
  // pthread_sigmask moved into another library of glibc's with 2.32, and an
  // addon that was built there loads in none before it. This is all it does.
  constexpr size_t kKernelSetBytes = 8;
  if (before != nullptr) sigemptyset(before);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, before, kKernelSetBytes);
#else
  pthread_sigmask(SIG_SETMASK, mask, before);
#endif
}
#endif

// Blocks signals while it lives, so that a thread made meanwhile is born with
// them blocked: the app's signal handlers run on its own threads. A thread's
// own faults stay open, the app's crash handler wants them.
class SignalBlock {
 public:
#ifdef _WIN32
  SignalBlock() {}
#else
  SignalBlock() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault :
         {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
      sigdelset(&all, fault);
    }
    SetSignalMask(&all, &before_);
  }
  ~SignalBlock() { SetSignalMask(&before_, nullptr); }
#endif
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

#ifndef _WIN32
 private:
  sigset_t before_;
#endif
};

void LowerThread(int nice) {
#ifdef __linux__
  // Linux niceness belongs to the thread. A refusal costs nothing but the nice.
  const auto tid = static_cast<id_t>(syscall(SYS_gettid));
  (void)setpriority(PRIO_PROCESS, tid, nice);
#else
  (void)nice;
#endif
}

}  // namespace

struct EventLoop::Impl {
  // kClosing: the thread has ended, the loop is not closed yet.
  enum class State { kNew, kStarted, kRunning, kClosing, kClosed };

  // Set at construction, or before the thread runs.
  uv_loop_t loop;
  uv_async_t wake;
  uv_thread_t thread;
  std::function<void()> on_wake;
  std::function<void()> on_stop;
  int nice = 0;

  // Any thread. Written by the owner alone, but for `home`.
  std::atomic<State> state{State::kNew};
  std::atomic<bool> stopping{false};
  // The thread that may use handles now; none while one is being born.
  std::atomic<std::thread::id> home{};

  // Loop's thread only.
  bool stopped = false;
  int lookups = 0;

  void OnWake();
  void RunThread();
  // Lets the callbacks of closed handles run, which free their memory.
  void RunClosing();
};

void EventLoop::Impl::OnWake() {
  if (!stopping.load(std::memory_order_acquire)) {
    on_wake();
    return;
  }
  if (stopped) return;
  stopped = true;
  if (on_stop) on_stop();
  // From here only handles that are closing, or were forgotten, are left.
  uv_unref(reinterpret_cast<uv_handle_t*>(&wake));
  uv_stop(&loop);
}

void EventLoop::Impl::RunThread() {
  home = std::this_thread::get_id();
#ifdef __linux__
  // Of this thread. pthread_setname_np would do the same, and would keep the
  // addon from loading under a glibc before 2.34.
  (void)prctl(PR_SET_NAME, "pathcast", 0, 0, 0);
#endif
  if (nice != 0) LowerThread(nice);
  uv_run(&loop, UV_RUN_DEFAULT);
  RunClosing();
}

void EventLoop::Impl::RunClosing() {
  for (int turn = 0; turn < kClosingTurns; ++turn) {
    if (uv_run(&loop, UV_RUN_NOWAIT) == 0) return;
  }
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() {
  Stop();
  if (!Join().ok()) {
    // Freeing the loop under a handle that is still linked to it would corrupt
    // memory; losing it does not.
    (void)impl_.release();
  }
}

Status EventLoop::Start(std::function<void()> on_wake) {
  assert(impl_->state == Impl::State::kNew);
  Impl* impl = impl_.get();
  if (const int error = uv_loop_init(&impl->loop)) {
    return UvStatus("the loop could not be made", error);
  }
  const int error = uv_async_init(
      &impl->loop, &impl->wake,
      [](uv_async_t* wake) { static_cast<Impl*>(wake->data)->OnWake(); });
  if (error != 0) {
    uv_loop_close(&impl->loop);
    return UvStatus("the loop's wake could not be made", error);
  }
  impl->wake.data = impl;
  impl->on_wake = std::move(on_wake);
  impl->home = std::this_thread::get_id();
  impl->state = Impl::State::kStarted;
  return Status::Ok();
}

Status EventLoop::RunInThread(std::function<void()> on_stop) {
  assert(impl_->state == Impl::State::kStarted);
  Impl* impl = impl_.get();
  impl->on_stop = std::move(on_stop);
  uv_thread_options_t options{};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kStackBytes;
  impl->home = std::thread::id();
  impl->state = Impl::State::kRunning;
  const SignalBlock block;
  const int error = uv_thread_create_ex(
      &impl->thread, &options,
      [](void* arg) { static_cast<Impl*>(arg)->RunThread(); }, impl);
  if (error != 0) {
    impl->home = std::this_thread::get_id();
    impl->state = Impl::State::kStarted;
    return UvStatus("the loop's thread could not be made", error);
  }
  return Status::Ok();
}

void EventLoop::Wake() {
  assert(impl_->state == Impl::State::kStarted ||
         impl_->state == Impl::State::kRunning);
  // Fails on a closed handle only.
  (void)uv_async_send(&impl_->wake);
}

void EventLoop::Stop() {
  if (impl_->state != Impl::State::kRunning) return;
  if (!impl_->stopping.exchange(true, std::memory_order_acq_rel)) Wake();
}

Status EventLoop::Join() {
  Impl* impl = impl_.get();
  if (impl->state == Impl::State::kNew || impl->state == Impl::State::kClosed) {
    return Status::Ok();
  }
  if (impl->state != Impl::State::kClosing) {
    if (impl->state == Impl::State::kRunning) {
      assert(!OnLoopThread());
      uv_thread_join(&impl->thread);
      impl->home = std::this_thread::get_id();
    }
    impl->state = Impl::State::kClosing;
    // The wake goes last: any thread may use it until here.
    uv_close(reinterpret_cast<uv_handle_t*>(&impl->wake), nullptr);
  }
  impl->RunClosing();
  for (int turn = 0; impl->lookups > 0 && turn < kLookupTurns; ++turn) {
    uv_sleep(kLookupTurnMs);
    impl->RunClosing();
  }
  if (const int error = uv_loop_close(&impl->loop)) {
    return UvStatus("a handle was left open on the loop", error);
  }
  impl->state = Impl::State::kClosed;
  return Status::Ok();
}

void EventLoop::SetThreadNice(int nice) {
  if (impl_->state == Impl::State::kRunning && OnLoopThread()) {
    LowerThread(nice);
  } else {
    impl_->nice = nice;
  }
}

bool EventLoop::OnLoopThread() const {
  return impl_->home.load() == std::this_thread::get_id();
}

int64_t EventLoop::NowUs() { return static_cast<int64_t>(uv_hrtime() / 1000); }

uv_loop_s* EventLoop::uv() const { return &impl_->loop; }

void EventLoop::CountLookup(int change) { impl_->lookups += change; }

}  // namespace pathcast
