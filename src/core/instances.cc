#include "core/instances.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace pathcast {

uint64_t Instances::HashOf(std::string_view id) {
  return std::hash<std::string_view>{}(id);
}

bool Instances::Knows(uint64_t user, uint64_t instance, int64_t ttl_ms,
                      int64_t steady_ms) const {
  auto found = by_user_.find(user);
  if (found == by_user_.end()) return false;
  return std::any_of(
      found->second.begin(), found->second.end(), [&](const Seen& seen) {
        return seen.instance == instance && seen.at_ms + ttl_ms > steady_ms;
      });
}

void Instances::Note(uint64_t user, uint64_t instance, int64_t steady_ms) {
  std::vector<Seen>& seen = by_user_[user];
  std::erase_if(
      seen, [instance](const Seen& one) { return one.instance == instance; });
  if (seen.size() == kMaxPerUser) seen.erase(seen.begin());
  seen.push_back({instance, steady_ms});
}

void Instances::Trim(int64_t ttl_ms, int64_t steady_ms) {
  if (by_user_.empty() || steady_ms - trimmed_ms_ < ttl_ms / 10) return;
  trimmed_ms_ = steady_ms;
  for (auto user = by_user_.begin(); user != by_user_.end();) {
    std::erase_if(user->second, [&](const Seen& seen) {
      return seen.at_ms + ttl_ms <= steady_ms;
    });
    user = user->second.empty() ? by_user_.erase(user) : std::next(user);
  }
}

size_t Instances::CountOf(uint64_t user) const {
  auto found = by_user_.find(user);
  return found == by_user_.end() ? 0 : found->second.size();
}

}  // namespace pathcast
