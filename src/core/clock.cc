#include "core/clock.h"

#include <chrono>

namespace pathcast {

int64_t MachineClock::WallMs() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
}

int64_t MachineClock::NowUs() {
  const auto up = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(up).count();
}

}  // namespace pathcast
