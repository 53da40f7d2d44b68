// Who waits for the end of a stream, and how the last ones ended.
//
// Owner: HubThread. Thread: hub thread. An answer is a reply, not a notice: it
// is never dropped.
#ifndef PATHCAST_ENGINE_WATCHERS_H_
#define PATHCAST_ENGINE_WATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/reply.h"

namespace pathcast {

class Watchers {
 public:
  // Ends remembered for those who ask late: a stream may be refused before its
  // opener has had a turn to ask.
  static constexpr size_t kRemembered = 1'024;

  // `outgoing`: the replies of the turn; outlives this.
  explicit Watchers(std::vector<Reply>* outgoing) : outgoing_(outgoing) {}
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  // `open`: it has not ended, or has not begun.
  void Watch(const WatchCommand& command, bool open);
  // `end`: a CloseReason, kEndGone or kEndHubClosed.
  void Ended(uint64_t number, size_t end);

 private:
  struct End {
    uint64_t number = 0;
    uint8_t end = 0;
  };

  std::vector<Reply>* const outgoing_;
  std::unordered_map<uint64_t, std::vector<Ticket>> waiting_;
  std::vector<End> ended_;  // a ring
  size_t next_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_WATCHERS_H_
