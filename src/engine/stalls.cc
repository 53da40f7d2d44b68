#include "engine/stalls.h"

namespace pathcast {

void Stalls::Watch(Connection* connection) {
  if (connection->watched_slow) return;
  connection->watched_slow = true;
  watched_.push_back(connection);
}

void Stalls::Remove(Connection* connection) {
  if (!connection->watched_slow) return;
  connection->watched_slow = false;
  std::erase(watched_, connection);
}

std::vector<Connection*> Stalls::Due() {
  std::vector<Connection*> due;
  std::erase_if(watched_, [&](Connection* connection) {
    if (!connection->slow()) {
      connection->watched_slow = false;
      return true;
    }
    if (connection->socket() != nullptr) connection->socket()->Feed();
    if (connection->leaving()) return false;
    if (context_->steady_ms - connection->stalled_since_ms() >=
        slow_timeout_ms_) {
      due.push_back(connection);
    }
    return false;
  });
  return due;
}

}  // namespace pathcast
