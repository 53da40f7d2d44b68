// What happened to streams, on its way to the host.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_NOTICES_H_
#define PATHCAST_ENGINE_NOTICES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/reply.h"

namespace pathcast {

class Notices {
 public:
  // Handed over in one turn; the rest is only counted, in the metrics. Not so
  // the end of a stream, of which each is told: an app may count who is there.
  static constexpr uint32_t kMaxATurn = 256;

  // `outgoing`: the replies of the turn; outlives this.
  explicit Notices(std::vector<Reply>* outgoing) : outgoing_(outgoing) {}
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  void Add(NoticeReply notice) {
    if (notice.kind == NoticeKind::kClosed || ++count_ <= kMaxATurn)
      outgoing_->push_back(std::move(notice));
  }
  void EndTurn() { count_ = 0; }

 private:
  std::vector<Reply>* const outgoing_;
  uint32_t count_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_NOTICES_H_
