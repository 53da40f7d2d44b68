// A Lua script, called by its name (EVALSHA) and sent whole only to a Redis
// that does not have it: one that is new, was restarted, or forgot (SCRIPT
// FLUSH).
//
// One per script and link; owned by whoever calls it; hub thread only. It may
// be destroyed while calls are open: their callbacks run all the same.
//
// Invariants:
//  1. Each call's callback runs exactly once, as of Link; never with NOSCRIPT.
//  2. Calls are carried out in the order in which they were made. Only another
//     client that loads the script in between can change that: calls that were
//     on their way then pass those that had been refused.
#ifndef PATHCAST_REDIS_SCRIPT_H_
#define PATHCAST_REDIS_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "redis/link.h"

namespace pathcast::redis {

class Script {
 public:
  // The link outlives it.
  Script(Link* link, std::string body);
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // As KEYS and ARGV. They are copied.
  void Call(std::span<const std::string_view> keys,
            std::span<const std::string_view> arguments,
            Link::OnAnswer on_answer);

  const std::string& sha() const;
  // How often the body was sent.
  uint64_t loads() const;

 private:
  struct State;
  // Open calls hold it too.
  const std::shared_ptr<State> state_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_SCRIPT_H_
