#include "core/random.h"

#include <bit>
#include <cassert>
#include <chrono>
#include <cstdio>

namespace pathcast {
namespace {

// splitmix64: spreads a seed of few bits over the whole state.
uint64_t SplitMix(uint64_t* state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(&seed);
}

uint64_t Random::SystemSeed() {
  // std::random_device throws where it has no source; this never fails. Clocks
  // and an address alone are the fallback where there is no /dev/urandom.
  uint64_t seed = 0;
  if (std::FILE* file = std::fopen("/dev/urandom", "rb")) {
    std::setbuf(file, nullptr);  // Take eight bytes, not a page.
    if (std::fread(&seed, sizeof(seed), 1, file) != 1) seed = 0;
    std::fclose(file);
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch().count();
  const auto up = std::chrono::steady_clock::now().time_since_epoch().count();
  uint64_t mixed = seed ^ static_cast<uint64_t>(wall);
  mixed = SplitMix(&mixed) ^ static_cast<uint64_t>(up);
  return SplitMix(&mixed) ^ reinterpret_cast<uintptr_t>(&seed);
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Between(uint64_t low, uint64_t high) {
  assert(low <= high);
  const uint64_t span = high - low;
  if (span == UINT64_MAX) return Next();
  // The last, incomplete run of `span + 1` values would favour the low ones.
  const uint64_t choices = span + 1;
  const uint64_t limit = UINT64_MAX - UINT64_MAX % choices;
  uint64_t value;
  do {
    value = Next();
  } while (value >= limit);
  return low + value % choices;
}

uint64_t Random::Jitter(uint64_t mean) {
  return Between(mean - mean / 2, mean + mean / 2);
}

std::string Random::HexId(size_t digits) {
  std::string id(digits, '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (i % 16 == 0) bits = Next();
    id[i] = "0123456789abcdef"[bits & 15];
    bits >>= 4;
  }
  return id;
}

}  // namespace pathcast
