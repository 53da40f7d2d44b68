// What clang checks of locks (-Wthread-safety): std::mutex is not annotated in
// every standard library, this one is. Nothing for other compilers.
#ifndef PATHCAST_CORE_THREAD_ANNOTATIONS_H_
#define PATHCAST_CORE_THREAD_ANNOTATIONS_H_

#include <mutex>

#if defined(__clang__)
#define PATHCAST_ANNOTATION(x) __attribute__((x))
#else
#define PATHCAST_ANNOTATION(x)
#endif
#define GUARDED_BY(mutex) PATHCAST_ANNOTATION(guarded_by(mutex))

namespace pathcast {

class PATHCAST_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() PATHCAST_ANNOTATION(acquire_capability()) { mu_.lock(); }
  void Unlock() PATHCAST_ANNOTATION(release_capability()) { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class PATHCAST_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mu) PATHCAST_ANNOTATION(acquire_capability(mu))
      : mu_(mu) {
    mu_->Lock();
  }
  ~MutexLock() PATHCAST_ANNOTATION(release_capability()) { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mu_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_THREAD_ANNOTATIONS_H_
