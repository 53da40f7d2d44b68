// The streams that are open, and the ways to find them: by number, by lease, by
// tenant and user.
//
// Owner: HubThread. Thread: hub thread. It owns every connection; the rooms
// beside it (Deadlines, Heartbeats, Stalls) name only connections in it.
#ifndef PATHCAST_ENGINE_REGISTRY_H_
#define PATHCAST_ENGINE_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/channel.h"
#include "engine/command.h"
#include "engine/connection.h"

namespace pathcast {

class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Its lease is set already.
  Connection* Add(std::unique_ptr<Connection> connection);
  // Destroys it.
  void Remove(Connection* connection);
  // The limiter has taken its lease back.
  void DropLease(Connection* connection);

  // Null where there is none.
  Connection* Find(uint64_t number) const;
  Connection* FindByLease(uint64_t lease) const;
  // Without those that are asked to end already, here and below.
  static bool Matches(const DisconnectCommand& match,
                      const Connection& connection);
  // All of them, whatever their tenant.
  std::vector<Connection*> Match(const DisconnectCommand& match) const;
  // At most `limit` of those above `after`, in the order of their numbers.
  // `channel`: of the query's tenant, if it names one; null: nobody's.
  std::vector<Connection*> Select(const ConnectionsCommand& query,
                                  const Channel* channel) const;
  // Any one. REQUIRES: not empty.
  Connection* First() const { return by_number_.begin()->second.get(); }
  std::vector<uint64_t> Numbers() const;

  bool empty() const { return by_number_.empty(); }
  size_t size() const { return by_number_.size(); }

 private:
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> by_number_;
  std::unordered_map<uint64_t, Connection*> by_lease_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_REGISTRY_H_
