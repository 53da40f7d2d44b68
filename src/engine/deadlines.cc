#include "engine/deadlines.h"

namespace pathcast {

void Deadlines::Add(Connection* connection, int64_t expires_at_ms) {
  if (expires_at_ms != 0) expiries_.Add(expires_at_ms, connection);
  if (lifetime_ms_ > 0) {
    const auto life = static_cast<uint64_t>(lifetime_ms_);
    const auto cut =
        static_cast<int64_t>(context_->random.Between(life * 4 / 5, life));
    lives_.Add(context_->steady_ms + cut, connection);
  }
}

void Deadlines::Remove(Connection* connection) {
  expiries_.Remove(connection);
  lives_.Remove(connection);
}

Deadlines::Due Deadlines::First() const {
  if (!expiries_.empty() && IsOver(expiries_.first_ms()))
    return {expiries_.first(), CloseReason::kAuthExpired};
  if (!lives_.empty() && lives_.first_ms() <= context_->steady_ms)
    return {lives_.first(), CloseReason::kDrain};
  return {};
}

}  // namespace pathcast
