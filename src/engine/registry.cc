#include "engine/registry.h"

#include <algorithm>
#include <utility>

namespace pathcast {

Connection* Registry::Add(std::unique_ptr<Connection> owned) {
  Connection* connection = owned.get();
  if (connection->lease != 0) by_lease_.emplace(connection->lease, connection);
  by_number_.emplace(connection->number(), std::move(owned));
  return connection;
}

void Registry::Remove(Connection* connection) {
  if (connection->lease != 0) DropLease(connection);
  by_number_.erase(connection->number());
}

void Registry::DropLease(Connection* connection) {
  by_lease_.erase(connection->lease);
  connection->lease = 0;
}

Connection* Registry::Find(uint64_t number) const {
  auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second.get();
}

Connection* Registry::FindByLease(uint64_t lease) const {
  auto found = by_lease_.find(lease);
  return found == by_lease_.end() ? nullptr : found->second;
}

bool Registry::Matches(const DisconnectCommand& match,
                       const Connection& connection) {
  if (connection.leaving()) return false;
  if (match.user && connection.user() != *match.user) return false;
  if (match.origin != 0 && connection.origin() != match.origin) return false;
  return !match.tenant || connection.channel().tenant() == *match.tenant;
}

std::vector<Connection*> Registry::Match(const DisconnectCommand& match) const {
  std::vector<Connection*> matches;
  auto consider = [&](Connection* connection) {
    if (Matches(match, *connection)) matches.push_back(connection);
  };
  if (match.number) {
    if (Connection* connection = Find(*match.number)) consider(connection);
  } else {
    for (auto& [number, connection] : by_number_) consider(connection.get());
  }
  return matches;
}

std::vector<Connection*> Registry::Select(const ConnectionsCommand& query,
                                          const Channel* channel) const {
  std::vector<Connection*> found;
  auto consider = [&](Connection* connection) {
    if (connection->number() <= query.after || connection->leaving()) return;
    // An observer of the app itself is nobody's stream.
    if (connection->user().empty()) return;
    if (query.user && connection->user() != *query.user) return;
    if (query.origin != 0 && connection->origin() != query.origin) return;
    found.push_back(connection);
  };
  if (query.tenant) {
    for (size_t i = 0; channel != nullptr && i < channel->size(); ++i)
      consider(static_cast<Connection*>(channel->at(i)));
  } else {
    for (auto& [number, connection] : by_number_) consider(connection.get());
  }
  const size_t count = std::min(query.limit, found.size());
  std::partial_sort(
      found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count),
      found.end(),
      [](Connection* a, Connection* b) { return a->number() < b->number(); });
  found.resize(count);
  return found;
}

std::vector<uint64_t> Registry::Numbers() const {
  std::vector<uint64_t> numbers;
  numbers.reserve(by_number_.size());
  for (auto& [number, connection] : by_number_) numbers.push_back(number);
  return numbers;
}

}  // namespace pathcast
