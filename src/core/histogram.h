// Durations counted in fixed buckets, 10 µs to 10 s in steps of 1-2-5.
//
// One thread records; any thread may read, and sees each number whole but not
// all of them at one instant (which a metrics scrape does not need).
#ifndef PATHCAST_CORE_HISTOGRAM_H_
#define PATHCAST_CORE_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pathcast {

class Histogram {
 public:
  // Upper bounds in µs, inclusive. What is longer goes into one more bucket.
  static constexpr std::array<uint64_t, 19> kBoundsUs = {
      10,     20,      50,      100,     200,     500,    1000,
      2000,   5000,    10000,   20000,   50000,   100000, 200000,
      500000, 1000000, 2000000, 5000000, 10000000};
  static constexpr size_t kBuckets = kBoundsUs.size() + 1;

  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // A negative duration counts as 0.
  void Record(int64_t us);

  // [any thread] Not cumulative. REQUIRES: bucket < kBuckets.
  uint64_t count(size_t bucket) const {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  uint64_t total() const;    // [any thread]
  uint64_t sum_us() const {  // [any thread]
    return sum_us_.load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> sum_us_{0};
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_HISTOGRAM_H_
