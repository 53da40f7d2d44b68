// The seed of a random test: printed, and taken from PATHCAST_SEED to replay.
#ifndef PATHCAST_TEST_NATIVE_SEED_H_
#define PATHCAST_TEST_NATIVE_SEED_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/random.h"

namespace pathcast {

inline uint64_t TestSeed() {
  const char* given = std::getenv("PATHCAST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10)
                                         : Random::SystemSeed();
  std::printf("replay with PATHCAST_SEED=%llu\n",
              static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_SEED_H_
