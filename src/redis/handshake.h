// What a new connection is asked before it is ready, and what the answers mean:
// AUTH, SELECT, CLIENT SETNAME, ROLE, and a PING that shows a Redis that is
// loading, cut off from its master or wants a password.
//
// One per connection; sans I/O; any thread.
#ifndef PATHCAST_REDIS_HANDSHAKE_H_
#define PATHCAST_REDIS_HANDSHAKE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "redis/reply.h"
#include "redis/trouble.h"
#include "redis/url.h"

namespace pathcast::redis {

struct Introduction {
  Credentials credentials;
  int32_t db = 0;
  // For CLIENT LIST; empty: none. A Redis that refuses it is no trouble.
  std::string client_name;
  // A replica is refused: a master that was demoted looks like one.
  bool require_master = false;
};

class Handshake {
 public:
  explicit Handshake(const Introduction& introduction);

  // All at once, in this order.
  const std::vector<std::vector<std::string>>& commands() const {
    return commands_;
  }
  // The answer to the next of them; kNone: go on. REQUIRES: !done().
  Trouble Take(const Reply& reply);
  bool done() const { return taken_ == steps_.size(); }

 private:
  enum class Step : uint8_t { kAuth, kSelect, kName, kRole, kPing };

  void Add(Step step, std::vector<std::string> command);

  std::vector<Step> steps_;
  std::vector<std::vector<std::string>> commands_;
  size_t taken_ = 0;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_HANDSHAKE_H_
