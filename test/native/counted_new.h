// Counts what operator new hands out in this program: for tests that promise
// to allocate nothing. Include it in one file of a program, and in no header.
#ifndef PATHCAST_TEST_NATIVE_COUNTED_NEW_H_
#define PATHCAST_TEST_NATIVE_COUNTED_NEW_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace pathcast {

inline uint64_t allocations = 0;  // One thread.

}  // namespace pathcast

void* operator new(size_t size) {
  ++pathcast::allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

#endif  // PATHCAST_TEST_NATIVE_COUNTED_NEW_H_
