// When which stream has to end: the earlier of its expiry and the end of its
// life time.
//
// Owner: HubThread. Thread: hub thread. A connection leaves before it is
// destroyed.
#ifndef PATHCAST_ENGINE_DEADLINES_H_
#define PATHCAST_ENGINE_DEADLINES_H_

#include <cstdint>
#include <set>
#include <utility>

#include "core/context.h"
#include "engine/connection.h"

namespace pathcast {

class Deadlines {
 public:
  // `lifetime_ms` is cut to a random 80–100 % for each stream; 0: for ever.
  Deadlines(Context* context, int64_t lifetime_ms)
      : context_(context), lifetime_ms_(lifetime_ms) {}
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // `expires_at_ms`: 0: never. REQUIRES: it is not in here.
  void Add(Connection* connection, int64_t expires_at_ms);
  void Remove(Connection* connection);
  // One whose time has come; null: none. It stays until it is removed.
  Connection* Due() const;

 private:
  Context* const context_;
  const int64_t lifetime_ms_;
  std::set<std::pair<int64_t, Connection*>> by_time_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_DEADLINES_H_
