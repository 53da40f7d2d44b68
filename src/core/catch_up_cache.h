// Long catch-ups of streams without a filter, as one message: made once for all
// that come back with one position. After a deploy thousands do, and the union
// of a thousand actions costs more than all the rest of a connect.
//
// Owner: the hub's Context. Thread: hub thread. Holds no bytes of any dialect:
// what is shared is the event's JSON. Bounded for the whole hub, so that quiet
// tenants hold nothing.
#ifndef PATHCAST_CORE_CATCH_UP_CACHE_H_
#define PATHCAST_CORE_CATCH_UP_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/stretch.h"

namespace pathcast {

struct CatchUpUnion {
  std::string epoch;
  uint64_t from = 0;  // [from, head], all of it kept
  uint64_t head = 0;
  std::shared_ptr<const Stretch> all;
  StretchJson encoded;
};

class CatchUpCache {
 public:
  static constexpr size_t kUnions = 32;

  // Null if it has to be made. Good until the next Put.
  const CatchUpUnion* Find(std::string_view epoch, uint64_t from,
                           uint64_t head) const {
    for (const CatchUpUnion& known : unions_) {
      if (known.from == from && known.head == head && known.epoch == epoch) {
        return &known;
      }
    }
    return nullptr;
  }

  // Takes the place of the oldest one.
  const CatchUpUnion* Put(CatchUpUnion made) {
    if (unions_.size() < kUnions) {
      unions_.push_back(std::move(made));
      return &unions_.back();
    }
    CatchUpUnion& place = unions_[next_];
    next_ = (next_ + 1) % kUnions;
    place = std::move(made);
    return &place;
  }

  size_t size() const { return unions_.size(); }

 private:
  std::vector<CatchUpUnion> unions_;
  size_t next_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_CATCH_UP_CACHE_H_
