// The log of one tenant: ordered, bounded, with an identity.
//
// Owner: the tenant's Channel. Thread: hub thread. Lives as long as the tenant
// is remembered; its entries may outlive it by reference.
//
// Invariants:
//   1. entries hold consecutive seqs, the last one is head_seq(); seq counts
//   from 1.
//   2. arrived_ms never decreases along the log.
//   3. by_id_ holds exactly the ids of the entries that are kept.
#ifndef PATHCAST_CORE_ACTION_LOG_H_
#define PATHCAST_CORE_ACTION_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/entry.h"

namespace pathcast {

struct LogLimits {
  // The oldest go first.
  uint64_t max_actions = 1000;
  // By arrival.
  int64_t ttl_ms = 24 * 60 * 60 * 1000;
  // Of JSON: lib/SPEC.md §1.
  uint64_t max_bytes = 16u << 20;
};

class ActionLog {
 public:
  // `born_ms`: since when this life of the log would have seen every action.
  ActionLog(std::string epoch, int64_t born_ms)
      : epoch_(std::move(epoch)), born_ms_(born_ms) {}
  ActionLog(const ActionLog&) = delete;
  ActionLog& operator=(const ActionLog&) = delete;

  const std::string& epoch() const { return epoch_; }
  int64_t born_ms() const { return born_ms_; }
  uint64_t head_seq() const { return head_seq_; }
  // The oldest seq kept; head_seq() + 1 when none is.
  uint64_t first_seq() const { return head_seq_ + 1 - size(); }
  size_t size() const { return entries_.size() - begin_; }
  // Of the JSON of the actions kept. What they take in memory is more: frame,
  // fields and places, some 500 to 650 bytes each.
  uint64_t bytes() const { return bytes_; }
  // Heap bytes of the log itself, without its entries, estimated.
  size_t TableBytes() const {
    return entries_.capacity() * sizeof(EntryRef) +
           by_id_.bucket_count() * sizeof(void*);
  }
  // Greatest max(timestamp, arrival) among what was trimmed; lowest int64 if
  // nothing was.
  int64_t lost_through_ms() const { return lost_through_ms_; }

  // The same among all that it ever had.
  int64_t ReachMs() const;

  // The seq of the kept action with this id; 0 if there is none.
  uint64_t FindId(std::string_view id) const;

  // REQUIRES: entry->seq == head_seq() + 1, its arrived_ms >= that of the last.
  void Append(EntryRef entry);

  // Drops what is over the limits at `now_ms`.
  void Trim(const LogLimits& limits, int64_t now_ms);

  // REQUIRES: first_seq() <= seq <= head_seq().
  const EntryRef& At(uint64_t seq) const {
    return entries_[begin_ + (seq - first_seq())];
  }

  // The first kept seq whose max(timestamp, arrival) is at or after `since_ms`;
  // head_seq() + 1 if none.
  uint64_t FirstSince(int64_t since_ms) const;

 private:
  void DropFirst();

  const std::string epoch_;
  const int64_t born_ms_;
  uint64_t head_seq_ = 0;
  uint64_t bytes_ = 0;
  int64_t lost_through_ms_ = INT64_MIN;
  // A vector with a moving begin: an idle tenant costs no block as a deque
  // would.
  std::vector<EntryRef> entries_;
  size_t begin_ = 0;
  // Keys point into entries.
  std::unordered_map<std::string_view, uint64_t> by_id_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_ACTION_LOG_H_
