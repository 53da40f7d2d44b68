// Connections by the time at which something is due to them: a binary heap, in
// which each knows its place, so that one that leaves is found at once.
//
// Costs 16 bytes a connection, for every stream has a life time by default; a
// deque, because it has no spare room and gives its memory back by itself.
//
// Owner: Deadlines. Thread: hub thread.
#ifndef PATHCAST_ENGINE_DEADLINE_HEAP_H_
#define PATHCAST_ENGINE_DEADLINE_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "engine/connection.h"

namespace pathcast {

class DeadlineHeap {
 public:
  // `place`: the member in which a connection keeps its place here.
  explicit DeadlineHeap(uint32_t Connection::*place) : place_(place) {}
  DeadlineHeap(const DeadlineHeap&) = delete;
  DeadlineHeap& operator=(const DeadlineHeap&) = delete;

  bool empty() const { return entries_.empty(); }
  // REQUIRES: !empty().
  int64_t first_ms() const { return entries_.front().at_ms; }
  Connection* first() const { return entries_.front().connection; }

  // REQUIRES: it is not in here.
  void Add(int64_t at_ms, Connection* connection) {
    entries_.push_back({at_ms, connection});
    Up(entries_.size() - 1);
  }

  // Harmless where it is not in here.
  void Remove(Connection* connection) {
    const size_t at = connection->*place_;
    if (at == Connection::kNowhere) return;
    connection->*place_ = Connection::kNowhere;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (last.connection != connection) {
      entries_[at] = last;
      if (at > 0 && last.at_ms < entries_[Parent(at)].at_ms)
        Up(at);
      else
        Down(at);
    }
  }

 private:
  struct Entry {
    int64_t at_ms;
    Connection* connection;
  };

  static size_t Parent(size_t at) { return (at - 1) / 2; }

  void Put(size_t at, const Entry& entry) {
    entries_[at] = entry;
    entry.connection->*place_ = static_cast<uint32_t>(at);
  }

  void Up(size_t at) {
    const Entry entry = entries_[at];
    while (at > 0 && entry.at_ms < entries_[Parent(at)].at_ms) {
      Put(at, entries_[Parent(at)]);
      at = Parent(at);
    }
    Put(at, entry);
  }

  void Down(size_t at) {
    const Entry entry = entries_[at];
    for (;;) {
      size_t child = 2 * at + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() &&
          entries_[child + 1].at_ms < entries_[child].at_ms)
        child++;
      if (entry.at_ms <= entries_[child].at_ms) break;
      Put(at, entries_[child]);
      at = child;
    }
    Put(at, entry);
  }

  uint32_t Connection::*const place_;
  std::deque<Entry> entries_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_DEADLINE_HEAP_H_
