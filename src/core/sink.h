// Where a subscription's bytes go.
#ifndef PATHCAST_CORE_SINK_H_
#define PATHCAST_CORE_SINK_H_

#include <cstddef>
#include <cstdint>

namespace pathcast {

// A part of what is written. Same layout as POSIX iovec; the socket layer
// checks that.
struct IoVec {
  const char* data;
  size_t size;
};

// Thread: hub thread. Owned by the connection, like the subscription that
// writes to it.
class Sink {
 public:
  virtual ~Sink() = default;

  // At most this many parts in one Write.
  static constexpr size_t kMaxParts = 64;
  static constexpr int64_t kGone = -1;

  // Takes a prefix of the bytes and says how long it is; kGone when nobody
  // reads any more.
  virtual int64_t Write(const IoVec* parts, size_t count) = 0;

  // While wanted, the owner calls Subscription::OnWritable when the sink can
  // take bytes.
  virtual void WantWritable(bool wanted) = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_SINK_H_
