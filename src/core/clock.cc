#include "core/clock.h"

#include <algorithm>
#include <chrono>

namespace pathcast {

int64_t MonotoneClock::NowMs() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now =
      std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  last_ms_ = std::max(last_ms_, now);
  return last_ms_;
}

int64_t MonotoneClock::NowUs() {
  const auto up = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(up).count();
}

}  // namespace pathcast
