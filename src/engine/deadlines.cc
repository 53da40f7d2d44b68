#include "engine/deadlines.h"

#include <algorithm>

namespace pathcast {

void Deadlines::Add(Connection* connection, int64_t expires_at_ms) {
  int64_t deadline = expires_at_ms;
  bool is_expiry = expires_at_ms != 0;
  if (lifetime_ms_ > 0) {
    const auto life = static_cast<uint64_t>(lifetime_ms_);
    const auto ends =
        context_->now_ms +
        static_cast<int64_t>(context_->random.Between(life * 4 / 5, life));
    if (deadline == 0 || ends < deadline) {
      deadline = ends;
      is_expiry = false;
    }
  }
  if (deadline == 0) return;
  connection->deadline_ms = std::max<int64_t>(1, deadline);
  connection->deadline_is_expiry = is_expiry;
  by_time_.emplace(connection->deadline_ms, connection);
}

void Deadlines::Remove(Connection* connection) {
  if (connection->deadline_ms == 0) return;
  by_time_.erase({connection->deadline_ms, connection});
  connection->deadline_ms = 0;
}

Connection* Deadlines::Due() const {
  if (by_time_.empty() || by_time_.begin()->first > context_->now_ms)
    return nullptr;
  return by_time_.begin()->second;
}

}  // namespace pathcast
