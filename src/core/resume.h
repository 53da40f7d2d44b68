// The verdict on a client's position, and the opening of its stream. Pure: log
// in, verdict out.
#ifndef PATHCAST_CORE_RESUME_H_
#define PATHCAST_CORE_RESUME_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/action_log.h"
#include "core/context.h"
#include "core/subscription.h"
#include "core/wire.h"

namespace pathcast {

class Channel;

// What the client gave. `last_event_id` wins over `since_ms`.
struct ResumePoint {
  std::string last_event_id;  // empty: none
  bool has_since = false;
  int64_t since_ms = 0;
};

struct Verdict {
  Reason reason = Reason::kFresh;
  bool recovered = false;
  uint64_t next_seq = 0;  // recovered: catch-up starts here
  // A resync must follow the hello.
  bool needs_resync() const { return !recovered && reason != Reason::kFresh; }
};

// `now_ms`: the hub's clock.
Verdict Judge(const ActionLog& log, const ResumePoint& point, int64_t now_ms);

struct OpeningRequest {
  std::string_view http_head;
  std::string_view connection_id;
  const ResumePoint* point = nullptr;
};

// The position that is safe to resume from right after the hello.
std::string HelloId(const ActionLog& log, const Verdict& verdict);

// Head, retry, connected, hello.
std::string MakeHello(Context& context, const ActionLog& log,
                      const Dialect& dialect, const OpeningRequest& request,
                      const Verdict& verdict);

// All that opens a stream: the hello, then the catch-up or a resync.
// `subscription` says what passes and in which dialect.
std::vector<Piece> MakeOpening(Context& context, Channel& channel,
                               const Subscription& subscription,
                               const OpeningRequest& request);

}  // namespace pathcast

#endif  // PATHCAST_CORE_RESUME_H_
