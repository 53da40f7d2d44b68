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
#include "core/piece.h"
#include "core/wire.h"

namespace pathcast {

class Channel;
class Subscription;

// What the client gave. `last_event_id` wins over `since_ms`.
struct ResumePoint {
  // Empty: none.
  std::string last_event_id;
  bool has_since = false;
  int64_t since_ms = 0;
  bool by_time() const { return last_event_id.empty() && has_since; }
  // This browser instance had a stream before.
  bool returns = false;
  // The keeper of the log could not be asked: a place that the mirror does not
  // know is no verdict.
  bool unasked = false;
};

struct Verdict {
  Reason reason = Reason::kFresh;
  bool recovered = false;
  // Recovered: catch-up starts here.
  uint64_t next_seq = 0;
  // A resync must follow the hello.
  bool needs_resync() const { return !recovered && reason != Reason::kFresh; }
};

// A place in another log, or in one that has come further than this: of a
// mirror that may be behind, only the keeper of the log can tell.
bool IsBeyond(const ActionLog& log, const ResumePoint& point);

// `now_ms`: the hub's clock.
Verdict Judge(const ActionLog& log, const ResumePoint& point, int64_t now_ms);

// A client that was not let in is where it was before. One with a cursor may
// still store this time: then it is of no log, and a resync follows.
int64_t SafeMsOfRefused(const ResumePoint& point, int64_t now_ms);

struct OpeningRequest {
  std::string_view http_head;
  std::string_view connection_id;
  const ResumePoint* point = nullptr;
  // Of a stream that ends at once.
  bool hello_only = false;
};

// A time from which a client that is cut right after its `hello` loses nothing:
// where a resync is to follow, one that makes it come again.
int64_t SafeMsAfterHello(const ActionLog& log, const ResumePoint& point,
                         const Verdict& verdict, int64_t now_ms);

// The messages that open a stream: retry, connected, hello, then the catch-up
// or a resync. The first piece's safe_ms is SafeMsAfterHello.
// `subscription` says what passes and in which dialect.
std::vector<Piece> MakeOpening(Context& context, Channel& channel,
                               const Subscription& subscription,
                               const OpeningRequest& request);

}  // namespace pathcast

#endif  // PATHCAST_CORE_RESUME_H_
