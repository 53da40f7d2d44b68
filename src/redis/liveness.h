// Whether a connection is alive: by what is owed, what came, and when somebody
// was there to see it.
//
// One per connection; sans I/O; hub thread only. Times are steady µs unless a
// name says ms.
#ifndef PATHCAST_REDIS_LIVENESS_H_
#define PATHCAST_REDIS_LIVENESS_H_

#include <algorithm>
#include <cstdint>
#include <optional>

namespace pathcast::redis {

class Liveness {
 public:
  enum class Verdict : uint8_t {
    kFine,
    kProbe,   // Nothing is owed and nothing came: ask for something.
    kSilent,  // Something is owed and nothing came.
  };

  // REQUIRES: both > 0.
  Liveness(int64_t probe_after_ms, int64_t answer_within_ms)
      : probe_after_ms_(probe_after_ms), answer_within_ms_(answer_within_ms) {}

  // How often to look: within the shorter of the two times a few times.
  int64_t LookMs() const {
    constexpr int64_t kLooks = 4, kShortestMs = 5;
    return std::max(kShortestMs,
                    std::min(probe_after_ms_, answer_within_ms_) / kLooks);
  }
  // The connection is made.
  void Begin(int64_t now) { last_look_us_ = watched_since_us_ = now; }
  // `owed_since`: of the oldest command without an answer, when it was made.
  Verdict Look(int64_t now, int64_t last_read,
               std::optional<int64_t> owed_since) {
    // While this thread was away nobody read, so nothing of that time counts.
    if (now - last_look_us_ > 2 * 1000 * LookMs()) watched_since_us_ = now;
    last_look_us_ = now;
    const int64_t last = std::max(last_read, watched_since_us_);
    if (!owed_since) {
      return now - last >= probe_after_ms_ * 1000 ? Verdict::kProbe
                                                  : Verdict::kFine;
    }
    return now - std::max(last, *owed_since) >= answer_within_ms_ * 1000
               ? Verdict::kSilent
               : Verdict::kFine;
  }

 private:
  const int64_t probe_after_ms_;
  const int64_t answer_within_ms_;
  int64_t last_look_us_ = 0;
  // Since then this thread has looked in time.
  int64_t watched_since_us_ = 0;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_LIVENESS_H_
