// Counts of durations in microseconds, log-linear: 64 steps per power of two,
// so a percentile is read with an error below 1.6 %. Values past the range fall
// into the last bucket.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  void Record(uint64_t us) {
    ++counts_[Bucket(us)];
    ++total_;
    if (us > max_) max_ = us;
  }

  uint64_t total() const { return total_; }
  uint64_t max() const { return max_; }

  // The upper end of the bucket that holds the given share (0..1) of the
  // values; 0 without any.
  uint64_t Percentile(double share) const {
    if (total_ == 0) return 0;
    const auto wanted =
        static_cast<uint64_t>(share * static_cast<double>(total_ - 1)) + 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return UpperEnd(i) < max_ ? UpperEnd(i) : max_;
    }
    return max_;
  }

  void Reset() { *this = Histogram(); }

 private:
  static constexpr int kStepBits = 6;
  static constexpr size_t kSteps = size_t{1} << kStepBits;
  // 2^40 us is twelve days: nothing measured here reaches it.
  static constexpr size_t kBuckets = kSteps * (40 - kStepBits + 1);

  static size_t Bucket(uint64_t us) {
    if (us < kSteps) return static_cast<size_t>(us);
    const int power = static_cast<int>(std::bit_width(us)) - 1;
    const size_t step = static_cast<size_t>(us >> (power - kStepBits)) - kSteps;
    const size_t bucket =
        kSteps * static_cast<size_t>(power - kStepBits + 1) + step;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }

  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t power = bucket / kSteps + kStepBits - 1;
    const uint64_t step = bucket % kSteps + kSteps;
    return ((step + 1) << (power - kStepBits)) - 1;
  }

  std::array<uint32_t, kBuckets> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace bench
