// Where time comes from: the seam that lets tests stand still or jump.
//
// A clock belongs to one hub and outlives it; hub thread only, but where it
// says otherwise.
#ifndef PATHCAST_CORE_CLOCK_H_
#define PATHCAST_CORE_CLOCK_H_

#include <cstdint>

namespace pathcast {

class Clock {
 public:
  virtual ~Clock() = default;

  // Unix ms as the machine has it now; may jump either way. Decides about
  // expiry, which is a time that somebody else wrote down.
  virtual int64_t WallMs() = 0;
  // [any thread] µs since some fixed point; steady, for durations, life times
  // and budgets.
  virtual int64_t NowUs() = 0;

  // Unix ms that never go back: where the wall clock does, they stand still
  // until it has caught up. Stamps what is logged.
  int64_t NowMs() {
    const int64_t wall = WallMs();
    if (wall > last_ms_) last_ms_ = wall;
    return last_ms_;
  }

 private:
  int64_t last_ms_ = 0;
};

// The machine's clocks.
class MachineClock final : public Clock {
 public:
  int64_t WallMs() override;
  int64_t NowUs() override;
};

// Moves only when told to, either way.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ms)
      : wall_us_(now_ms * 1000), steady_us_(now_ms * 1000) {}

  int64_t WallMs() override { return wall_us_ / 1000; }
  int64_t NowUs() override { return steady_us_; }
  void AdvanceMs(int64_t ms) { AdvanceUs(ms * 1000); }
  void AdvanceUs(int64_t us) {
    wall_us_ += us;
    steady_us_ += us;
  }
  // Somebody sets the machine's clock.
  void JumpMs(int64_t ms) { wall_us_ += ms * 1000; }

 private:
  int64_t wall_us_;
  int64_t steady_us_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_CLOCK_H_
