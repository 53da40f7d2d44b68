// Counts what operator new hands out in this program: for tests that promise
// to allocate nothing. Include it in one file of a program, and in no header.
//
// ThreadSanitizer brings an operator new of its own, and one program holds but
// one: PATHCAST_COUNTS_NEW is 0 there, and such tests are not compiled.
#ifndef PATHCAST_TEST_NATIVE_COUNTED_NEW_H_
#define PATHCAST_TEST_NATIVE_COUNTED_NEW_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__)
#define PATHCAST_COUNTS_NEW 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PATHCAST_COUNTS_NEW 0
#endif
#endif
#ifndef PATHCAST_COUNTS_NEW
#define PATHCAST_COUNTS_NEW 1
#endif

#if PATHCAST_COUNTS_NEW

namespace pathcast {

inline uint64_t allocations = 0;  // One thread.

}  // namespace pathcast

// Not inlined: g++ -O2 would see malloc() meet delete and call it a mismatch.
__attribute__((noinline)) void* operator new(size_t size) {
  ++pathcast::allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

#endif  // PATHCAST_COUNTS_NEW

#endif  // PATHCAST_TEST_NATIVE_COUNTED_NEW_H_
