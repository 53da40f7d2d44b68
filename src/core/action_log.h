// The log of one tenant: ordered, bounded, with an identity. Where a broker
// keeps the log this is the tail of it that a node mirrors: it begins at any
// seq, goes on under another name, or is begun anew in place.
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

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
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

// A name that the log had before; a cursor of it up to that seq is one of the
// log's own.
struct FormerEpoch {
  std::string epoch;
  uint64_t last_seq = 0;
};

// What a mirror begins with.
struct LogLife {
  std::string epoch;
  std::vector<FormerEpoch> former = {};
  int64_t born_ms = 0;
  // As lost_through_ms().
  int64_t lost_through_ms = INT64_MIN;
  // The action after this one is the first that the mirror gets.
  uint64_t head_seq = 0;
  // The newest time that the keeper of the log has given.
  int64_t clock_ms = INT64_MAX;
};

// Of a log that has not been read: no client is at any place of it.
inline constexpr std::string_view kUnreadEpoch = "0";

class ActionLog {
 public:
  // `born_ms`: since when this life of the log would have seen every action.
  ActionLog(std::string epoch, int64_t born_ms)
      : epoch_(std::move(epoch)), born_ms_(born_ms) {}
  // A mirror that is still to be read: every verdict is `broker_lost`.
  static LogLife Unread() {
    return {.epoch = std::string(kUnreadEpoch), .born_ms = 1, .clock_ms = 0};
  }
  ActionLog(const ActionLog&) = delete;
  ActionLog& operator=(const ActionLog&) = delete;

  const std::string& epoch() const { return epoch_; }
  bool unread() const { return epoch_ == kUnreadEpoch; }
  const std::vector<FormerEpoch>& former() const { return former_; }
  // Up to which seq a cursor of this epoch is one of the log; none: it never
  // was.
  std::optional<uint64_t> ExtentOf(std::string_view epoch) const;
  int64_t born_ms() const { return born_ms_; }
  // [any thread] under Context::positions_mu, as the epoch.
  uint64_t head_seq() const {
    return head_seq_.load(std::memory_order_acquire);
  }
  // The oldest seq kept; head_seq() + 1 when none is.
  uint64_t first_seq() const { return head_seq() + 1 - size(); }
  size_t size() const { return entries_.size() - begin_; }
  // Of the JSON of the actions kept. What they take in memory is more: frame,
  // fields and places, some 500 to 650 bytes each.
  uint64_t bytes() const { return bytes_; }
  // Heap bytes of the log itself, without its entries, estimated.
  size_t TableBytes() const {
    return entries_.capacity() * sizeof(EntryRef) +
           by_id_.bucket_count() * sizeof(void*);
  }
  // A time from which a resume loses nothing that is still to come: `now_ms`,
  // but for a mirror, whose actions another clock stamps.
  int64_t SafeNowMs(int64_t now_ms) const {
    return std::min(now_ms, clock_ms_);
  }
  // The keeper of the log has said this time.
  void NoteClock(int64_t ms) { clock_ms_ = std::max(clock_ms_, ms); }
  // The same log under a new name.
  void Rename(std::string epoch, std::vector<FormerEpoch> former) {
    epoch_ = std::move(epoch);
    former_ = std::move(former);
  }
  // Another log in its place, or another stretch of it; nothing is kept.
  void Restart(LogLife life);
  // The keeper has lost what is up to this time.
  void NoteLost(int64_t through_ms) {
    lost_through_ms_ = std::max(lost_through_ms_, through_ms);
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
  void GiveBack();

  std::string epoch_;
  int64_t born_ms_;
  int64_t clock_ms_ = INT64_MAX;
  std::vector<FormerEpoch> former_;
  // Grows without a lock; it begins anew under Context::positions_mu.
  std::atomic<uint64_t> head_seq_{0};
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
