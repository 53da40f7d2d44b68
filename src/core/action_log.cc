#include "core/action_log.h"

#include <algorithm>
#include <cassert>

#include "core/shrink.h"

namespace pathcast {

namespace {

constexpr size_t kMuch = 4;

int64_t ReachOf(const Entry& entry) {
  return std::max(entry.timestamp_ms, entry.arrived_ms);
}

}  // namespace

uint64_t ActionLog::FindId(std::string_view id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? 0 : found->second;
}

void ActionLog::Append(EntryRef entry) {
  assert(entry->seq == head_seq() + 1);
  assert(size() == 0 || entries_.back()->arrived_ms <= entry->arrived_ms);
  head_seq_.store(entry->seq, std::memory_order_release);
  bytes_ += entry->Json().size();
  by_id_.emplace(entry->id, entry->seq);
  entries_.push_back(std::move(entry));
}

std::optional<uint64_t> ActionLog::ExtentOf(std::string_view epoch) const {
  if (epoch == epoch_) return head_seq();
  for (const FormerEpoch& former : former_) {
    if (former.epoch == epoch) return former.last_seq;
  }
  return std::nullopt;
}

void ActionLog::Restart(LogLife life) {
  epoch_ = std::move(life.epoch);
  former_ = std::move(life.former);
  born_ms_ = life.born_ms;
  lost_through_ms_ = life.lost_through_ms;
  head_seq_.store(life.head_seq, std::memory_order_relaxed);
  clock_ms_ = life.clock_ms;
  bytes_ = 0;
  GiveBack();
}

void ActionLog::GiveBack() {
  entries_.clear();
  ShrinkToFit(&entries_);
  // Not `= {}`: that assigns an empty list and keeps the buckets.
  decltype(by_id_)().swap(by_id_);
  begin_ = 0;
}

void ActionLog::DropFirst() {
  EntryRef entry = std::move(entries_[begin_++]);
  bytes_ -= entry->Json().size();
  lost_through_ms_ = std::max(lost_through_ms_, ReachOf(*entry));
  by_id_.erase(entry->id);
}

int64_t ActionLog::ReachMs() const {
  int64_t reach = lost_through_ms_;
  for (size_t i = begin_; i < entries_.size(); ++i)
    reach = std::max(reach, ReachOf(*entries_[i]));
  return reach;
}

void ActionLog::Trim(const LogLimits& limits, int64_t now_ms) {
  while (size() > 0 &&
         (size() > limits.max_actions || bytes_ > limits.max_bytes ||
          entries_[begin_]->arrived_ms + limits.ttl_ms <= now_ms)) {
    DropFirst();
  }
  if (size() == 0) {
    GiveBack();
  } else if (begin_ >= 64 && begin_ >= entries_.size() / 2) {
    entries_.erase(entries_.begin(),
                   entries_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    // One that was much longer gives back what it does not need any more.
    if (entries_.capacity() > kMuch * entries_.size()) {
      ShrinkToFit(&entries_);
      by_id_.rehash(0);
    }
  }
}

uint64_t ActionLog::FirstSince(int64_t since_ms) const {
  for (size_t i = begin_; i < entries_.size(); ++i) {
    if (ReachOf(*entries_[i]) >= since_ms) return entries_[i]->seq;
  }
  return head_seq() + 1;
}

}  // namespace pathcast
