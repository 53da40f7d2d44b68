// When leases were last alive, for tests of the limiter: it is told where to
// look, not when.
#ifndef PATHCAST_TEST_NATIVE_ALIVE_H_
#define PATHCAST_TEST_NATIVE_ALIVE_H_

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "core/limiter.h"

namespace pathcast {

class Alive {
 public:
  // Outlives the limiter.
  void Touch(Limiter* limiter, uint64_t lease, int64_t at_ms) {
    int64_t& last = at_[lease];
    last = std::max(last, at_ms);
    limiter->Watch(lease, &last);
  }

 private:
  std::unordered_map<uint64_t, int64_t> at_;
};

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_ALIVE_H_
