// A stretch of the window that was published at once and is too long to be
// listed one by one: each stream gets one invalidate for it.
//
// Owner: its Channel. Thread: hub thread.
#ifndef PATHCAST_CORE_IMPORT_H_
#define PATHCAST_CORE_IMPORT_H_

#include <cstdint>
#include <memory>

#include "core/stretch.h"

namespace pathcast {

struct Import {
  // Window positions: [from, to).
  uint64_t from = 0;
  uint64_t to = 0;
  // For streams without a filter; made when the first one is visited.
  std::shared_ptr<const Stretch> all;
  StretchJson encoded;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_IMPORT_H_
