#include "core/histogram.h"

#include <algorithm>

namespace pathcast {
namespace {

// One writer, so a plain load and store do; no locked instruction.
void Bump(std::atomic<uint64_t>* counter, uint64_t by) {
  counter->store(counter->load(std::memory_order_relaxed) + by,
                 std::memory_order_relaxed);
}

}  // namespace

void Histogram::Record(int64_t us) {
  const uint64_t value = us < 0 ? 0 : static_cast<uint64_t>(us);
  const auto bound =
      std::lower_bound(kBoundsUs.begin(), kBoundsUs.end(), value);
  Bump(&counts_[static_cast<size_t>(bound - kBoundsUs.begin())], 1);
  Bump(&sum_us_, value);
}

uint64_t Histogram::total() const {
  uint64_t total = 0;
  for (size_t i = 0; i < kBuckets; ++i) total += count(i);
  return total;
}

}  // namespace pathcast
