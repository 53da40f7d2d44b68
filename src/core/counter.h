// A number of the metrics.
#ifndef PATHCAST_CORE_COUNTER_H_
#define PATHCAST_CORE_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace pathcast {

// A number with one writer: add without the bus lock that fetch_add would take.
class Counter {
 public:
  // [hub thread]
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n,
                 std::memory_order_relaxed);
  }
  void Sub(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) - n,
                 std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  // [any thread]
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_COUNTER_H_
