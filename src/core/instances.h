// The browser instances of one tenant that had a stream: one that comes back
// without a position has missed something (SPEC §2).
//
// Owner: the tenant's Channel. Thread: hub thread. By the steady clock, so
// that a clock that is set makes nobody forgotten. Of user and instance only
// hashes are kept: two that share one would cost a resync that nobody needed.
#ifndef PATHCAST_CORE_INSTANCES_H_
#define PATHCAST_CORE_INSTANCES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pathcast {

class Instances {
 public:
  // At the bound the one of the user that was seen longest ago goes.
  static constexpr size_t kMaxPerUser = 100;

  static uint64_t HashOf(std::string_view id);

  // It was seen less than `ttl_ms` ago.
  bool Knows(uint64_t user, uint64_t instance, int64_t ttl_ms,
             int64_t steady_ms) const;
  void Note(uint64_t user, uint64_t instance, int64_t steady_ms);
  // Lets go of those that were not seen for `ttl_ms`, at most once in a tenth
  // of that.
  void Trim(int64_t ttl_ms, int64_t steady_ms);

  bool empty() const { return by_user_.empty(); }
  size_t CountOf(uint64_t user) const;

 private:
  struct Seen {
    uint64_t instance = 0;
    int64_t at_ms = 0;
  };
  // Of each user the longest unseen first.
  std::unordered_map<uint64_t, std::vector<Seen>> by_user_;
  int64_t trimmed_ms_ = INT64_MIN / 2;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_INSTANCES_H_
