// Where time comes from: the seam that lets tests stand still or jump.
//
// A clock belongs to one hub and outlives it; hub thread only.
#ifndef PATHCAST_CORE_CLOCK_H_
#define PATHCAST_CORE_CLOCK_H_

#include <cstdint>

namespace pathcast {

class Clock {
 public:
  virtual ~Clock() = default;

  // Unix ms; never goes back, though the wall clock may: it then stands still
  // until the wall has caught up.
  virtual int64_t NowMs() = 0;
  // µs since some fixed point; steady, for measuring durations.
  virtual int64_t NowUs() = 0;
};

// The machine's clocks.
class MonotoneClock final : public Clock {
 public:
  int64_t NowMs() override;
  int64_t NowUs() override;

 private:
  int64_t last_ms_ = 0;
};

// Moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ms) : now_us_(now_ms * 1000) {}

  int64_t NowMs() override { return now_us_ / 1000; }
  int64_t NowUs() override { return now_us_; }
  void AdvanceMs(int64_t ms) { now_us_ += ms * 1000; }
  void AdvanceUs(int64_t us) { now_us_ += us; }

 private:
  int64_t now_us_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_CLOCK_H_
