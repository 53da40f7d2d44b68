// What the hub thread tells its host, and the box it goes through.
#ifndef PATHCAST_ENGINE_REPLY_H_
#define PATHCAST_ENGINE_REPLY_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/host_transport.h"
#include "broker/owner.h"
#include "core/thread_annotations.h"
#include "engine/command.h"
#include "redis/reply.h"

namespace pathcast {

// What became of an action, in memory and in a broker alike.
using PublishCode = broker::OutcomeCode;
using PublishOutcome = broker::Outcome;
struct PublishedReply {
  Ticket ticket = 0;
  std::vector<PublishOutcome> outcomes;
};

enum class LeaseCode : uint8_t {
  kHeld,
  kUserLimit,
  kTenantLimit,
  kDraining,
  kClosed
};

struct LeaseReply {
  Ticket ticket = 0;
  LeaseCode code = LeaseCode::kHeld;
  uint64_t lease = 0;
  uint32_t limit = 0;
  uint32_t current = 0;
};
struct DoneReply {
  Ticket ticket = 0;
  uint64_t value = 0;
};
struct LogReply {
  Ticket ticket = 0;
  std::string epoch;
  uint64_t head_seq = 0;
  // The first that was asked for; head_seq + 1: there is none.
  uint64_t first_seq = 1;
  // `actions` goes around what the host has: so many before it, the rest
  // behind. Not so: it is everything.
  bool around_known = false;
  uint64_t before_known = 0;
  std::vector<std::string> actions;
};
// One stream, as ConnectionInfo of lib/internal/engine.ts has it.
struct ConnectionInfo {
  uint64_t number = 0;
  std::string tenant;
  std::string user;
  int64_t since_ms = 0;
  uint64_t backlog_bytes = 0;
  std::string position;  // a cursor; empty while a backlog waits
  std::string address;
  std::optional<FilterSpec> filter;
};
struct ConnectionsReply {
  Ticket ticket = 0;
  std::vector<ConnectionInfo> connections;
};
struct SinkDataReply {
  uint64_t number = 0;
  std::string bytes;
};
struct SinkEndReply {
  uint64_t number = 0;
};

enum class NoticeKind : uint8_t { kConflated, kResync, kClosed, kRefused };

// `code`: Reason, index of an end (core/metrics.h) or Refusal, by kind.
struct NoticeReply {
  NoticeKind kind = NoticeKind::kClosed;
  uint8_t code = 0;
  uint64_t number = 0;
  uint64_t value = 0;
  std::string tenant;
  std::string user;
};

// What came of a BrokerCallCommand.
struct BrokerAnswerReply {
  Ticket ticket = 0;
  redis::Reply answer;
};
// `number`: broker::LinkState of a state.
enum class BrokerEventKind : uint8_t {
  kState,
  kSubscribed,
  kMessage,
  kWarning,
  kRevocations
};
struct BrokerEventReply {
  BrokerEventKind kind = BrokerEventKind::kState;
  uint8_t number = 0;
  // A channel, what kind of warning it is and, behind a space, of whom, or the
  // number of the question.
  std::string name;
  std::string text;
};

// For a client of the host's own.
struct HostQuestionReply {
  broker::HostQuestion question;
};

using Reply =
    std::variant<PublishedReply, LeaseReply, DoneReply, LogReply, SinkDataReply,
                 SinkEndReply, NoticeReply, ConnectionsReply, BrokerAnswerReply,
                 BrokerEventReply, HostQuestionReply>;

// The host's bell. Rung on the hub thread, at most once until the host has
// taken everything.
class Host {
 public:
  virtual ~Host() = default;
  virtual void OnReplies() = 0;
};

// Replies on their way to the host. Filled once a turn of the hub's loop, so
// the lock is taken once for all of a turn's replies and never while a socket
// is written.
class ReplyBox {
 public:
  // A host that does not come gets no more notices of what streams met or were
  // refused while this many replies wait: those are only counted, in the
  // metrics. Answers are as many as the host's questions, notices of an end as
  // the streams that it opened, and the bytes of sinks have their own bound.
  static constexpr size_t kMaxWaitingForNotices = 16'384;

  // [hub thread] True if the host has to be rung.
  bool Put(std::vector<Reply>* replies) {
    const MutexLock lock(&mu_);
    const bool was_empty = replies_.empty();
    for (Reply& reply : *replies) {
      if (replies_.size() >= kMaxWaitingForNotices && IsDroppable(reply)) {
        continue;
      }
      replies_.push_back(std::move(reply));
    }
    replies->clear();
    return was_empty && !replies_.empty();
  }

  // [host thread] At most `max` replies in order. `*more` says whether some are
  // left: the host then has to come again by itself.
  std::vector<Reply> Take(size_t max, bool* more) {
    std::vector<Reply> taken;
    const MutexLock lock(&mu_);
    while (!replies_.empty() && taken.size() < max) {
      taken.push_back(std::move(replies_.front()));
      replies_.pop_front();
    }
    *more = !replies_.empty();
    return taken;
  }

 private:
  static bool IsDroppable(const Reply& reply) {
    const auto* notice = std::get_if<NoticeReply>(&reply);
    return notice != nullptr && notice->kind != NoticeKind::kClosed;
  }

  Mutex mu_;
  std::deque<Reply> replies_ GUARDED_BY(mu_);
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_REPLY_H_
