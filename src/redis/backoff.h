// How long to wait before the next attempt: full jitter below a bound that
// doubles with each failure.
//
// One per link; hub thread only.
#ifndef PATHCAST_REDIS_BACKOFF_H_
#define PATHCAST_REDIS_BACKOFF_H_

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "core/random.h"

namespace pathcast::redis {

class Backoff {
 public:
  // Bounds of the first wait and of all. REQUIRES: 0 < first_ms <= longest_ms.
  Backoff(int64_t first_ms, int64_t longest_ms)
      : first_ms_(first_ms), longest_ms_(longest_ms) {
    assert(first_ms > 0 && longest_ms >= first_ms);
  }

  // At least 1 ms.
  int64_t NextMs(Random* random) {
    const int64_t bound = failures_ >= kMaxDoublings
                              ? longest_ms_
                              : std::min(longest_ms_, first_ms_ << failures_);
    ++failures_;
    return static_cast<int64_t>(
        random->Between(1, static_cast<uint64_t>(bound)));
  }
  void Reset() { failures_ = 0; }

 private:
  // By then any sensible first bound has passed any sensible last one.
  static constexpr int kMaxDoublings = 30;

  const int64_t first_ms_;
  const int64_t longest_ms_;
  int failures_ = 0;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_BACKOFF_H_
