// A sink whose bytes go through the host (JavaScript): where a socket cannot be
// taken.
//
// Owner: the connection. Thread: hub thread. Whole messages only. What the host
// has not passed on yet is bounded by a window, so a host that stalls makes
// this sink slow like any other.
#ifndef PATHCAST_ENGINE_HOST_SINK_H_
#define PATHCAST_ENGINE_HOST_SINK_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/sink.h"
#include "engine/reply.h"

namespace pathcast {

class HostSink final : public Sink {
 public:
  // `replies` outlives the sink.
  HostSink(uint64_t number, uint64_t window_bytes, std::vector<Reply>* replies)
      : number_(number), window_bytes_(window_bytes), replies_(replies) {}

  int64_t Write(const IoVec* parts, size_t count) override {
    if (full_) return 0;
    std::string bytes;
    for (size_t i = 0; i < count && in_flight_ + bytes.size() < window_bytes_;
         ++i) {
      bytes.append(parts[i].data, parts[i].size);
    }
    if (bytes.empty()) return 0;
    const auto took = static_cast<int64_t>(bytes.size());
    in_flight_ += bytes.size();
    replies_->push_back(SinkDataReply{number_, std::move(bytes)});
    return took;
  }

  void WantWritable(bool wanted) override { want_writable_ = wanted; }

  // Nothing more until Taken.
  void Fill() { full_ = true; }

  // True if the subscription may write again.
  bool Taken(uint64_t bytes) {
    full_ = false;
    in_flight_ -= std::min(in_flight_, bytes);
    return want_writable_ && in_flight_ < window_bytes_;
  }

 private:
  const uint64_t number_;
  // At the bound the sink is slow; one message may go over it.
  const uint64_t window_bytes_;
  std::vector<Reply>* const replies_;
  uint64_t in_flight_ = 0;
  bool want_writable_ = false;
  bool full_ = false;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HOST_SINK_H_
