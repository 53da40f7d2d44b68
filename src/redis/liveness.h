// Whether a connection is alive: by what is owed, what came, whether a reply
// that has begun comes to its end, and when somebody was there to see it.
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
    kProbe,    // Nothing is owed and nothing came: ask for something.
    kSilent,   // Something is owed and nothing came.
    kEndless,  // A reply has begun, and its end does not come.
  };
  // A reply of which a part is here: since when, and how much of it.
  struct Partial {
    int64_t since = 0;
    uint64_t bytes = 0;
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
               std::optional<int64_t> owed_since,
               std::optional<Partial> partial) {
    // While this thread was away nobody read, so nothing of that time counts.
    if (now - last_look_us_ > 2 * 1000 * LookMs()) watched_since_us_ = now;
    last_look_us_ = now;
    const int64_t last = std::max(last_read, watched_since_us_);
    if (partial && now - std::max(partial->since, watched_since_us_) >=
                       EndWithin(*partial))
      return Verdict::kEndless;
    if (!owed_since) {
      return now - last >= probe_after_ms_ * 1000 ? Verdict::kProbe
                                                  : Verdict::kFine;
    }
    return now - std::max(last, *owed_since) >= answer_within_ms_ * 1000
               ? Verdict::kSilent
               : Verdict::kFine;
  }

 private:
  // A long one over a slow network has its time: so much for each KiB. What
  // trickles more slowly has a fault behind it.
  static constexpr int64_t kUsAKib = 1'000'000 / 16;
  static constexpr int64_t kKib = 1024;
  int64_t EndWithin(const Partial& partial) const {
    return 2 * answer_within_ms_ * 1000 +
           static_cast<int64_t>(partial.bytes) / kKib * kUsAKib;
  }

  const int64_t probe_after_ms_;
  const int64_t answer_within_ms_;
  int64_t last_look_us_ = 0;
  // Since then this thread has looked in time.
  int64_t watched_since_us_ = 0;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_LIVENESS_H_
