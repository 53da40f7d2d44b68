// Random numbers for jitter and ids: xoshiro256**, the same for the same seed.
//
// One owner, one thread. Not for secrets: an id made here is unguessable only
// as far as nothing depends on it being so.
#ifndef PATHCAST_CORE_RANDOM_H_
#define PATHCAST_CORE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace pathcast {

class Random {
 public:
  explicit Random(uint64_t seed);

  // Unpredictable between processes; for the one place that makes the hub's
  // Random. Everything else is given its seed.
  static uint64_t SystemSeed();

  uint64_t Next();
  // Uniform in [low, high]. REQUIRES: low <= high.
  uint64_t Between(uint64_t low, uint64_t high);
  // Uniform in 50–150 % of `mean`.
  uint64_t Jitter(uint64_t mean);
  // `digits` lower-case hex digits.
  std::string HexId(size_t digits);

 private:
  uint64_t state_[4];
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_RANDOM_H_
