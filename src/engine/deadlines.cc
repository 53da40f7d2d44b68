#include "engine/deadlines.h"

namespace pathcast {

void Deadlines::Add(Connection* connection, int64_t expires_at_ms) {
  if (expires_at_ms != 0) {
    connection->expires_ms = expires_at_ms;
    expiries_.emplace(expires_at_ms, connection);
  }
  if (lifetime_ms_ > 0) {
    const auto life = static_cast<uint64_t>(lifetime_ms_);
    connection->life_ends_ms =
        context_->steady_ms +
        static_cast<int64_t>(context_->random.Between(life * 4 / 5, life));
    lives_.emplace(connection->life_ends_ms, connection);
  }
}

void Deadlines::Remove(Connection* connection) {
  if (connection->expires_ms != 0)
    expiries_.erase({connection->expires_ms, connection});
  if (connection->life_ends_ms != 0)
    lives_.erase({connection->life_ends_ms, connection});
  connection->expires_ms = connection->life_ends_ms = 0;
}

Deadlines::Due Deadlines::First() const {
  if (!expiries_.empty() && IsOver(expiries_.begin()->first))
    return {expiries_.begin()->second, CloseReason::kAuthExpired};
  if (!lives_.empty() && lives_.begin()->first <= context_->steady_ms)
    return {lives_.begin()->second, CloseReason::kDrain};
  return {};
}

}  // namespace pathcast
