#include "core/resume.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "core/catch_up_cache.h"
#include "core/channel.h"
#include "core/cursor.h"
#include "core/subscription.h"

namespace pathcast {

namespace {

// How far the clock that gave a time may run ahead of the hub's. A time that is
// ahead by less says when the client last heard something, but for so much: it
// gets what came since then. Beyond it the time is not of this log.
constexpr int64_t kMaxClockSkewMs = 60'000;

Verdict JudgeCursor(const ActionLog& log, const std::string& text) {
  Cursor cursor;
  if (!ParseCursor(text, &cursor)) return {Reason::kUnknownCursor, false, 0};
  const std::optional<uint64_t> extent = log.ExtentOf(cursor.epoch);
  if (!extent) return {Reason::kEpochChanged, false, 0};
  if (cursor.seq > *extent) {
    // What an older name has beyond it was lost with it.
    return {cursor.epoch == log.epoch() ? Reason::kAheadOfLog
                                        : Reason::kEpochChanged,
            false, 0};
  }
  if (cursor.seq + 1 < log.first_seq()) return {Reason::kTrimmed, false, 0};
  return {Reason::kResumed, true, cursor.seq + 1};
}

Verdict JudgeTime(const ActionLog& log, int64_t since_ms, int64_t now_ms) {
  if (since_ms < log.born_ms()) return {Reason::kEpochChanged, false, 0};
  if (since_ms <= log.lost_through_ms()) return {Reason::kTrimmed, false, 0};
  const uint64_t first = log.FirstSince(since_ms);
  if (first <= log.head_seq() || since_ms <= now_ms) {
    return {Reason::kResumed, true, first};
  }
  if (since_ms > now_ms + kMaxClockSkewMs) {
    return {Reason::kAheadOfLog, false, 0};
  }
  const int64_t earliest = std::max(since_ms - kMaxClockSkewMs, log.born_ms());
  if (earliest <= log.lost_through_ms()) return {Reason::kTrimmed, false, 0};
  return {Reason::kResumed, true, log.FirstSince(earliest)};
}

// What passes of all that is kept from `from` on.
CatchUpUnion MakeUnion(const Context& context, const Channel& channel,
                       const Subscription& subscription, uint64_t from) {
  const ActionLog& log = channel.log();
  auto stretch = std::make_shared<Stretch>();
  for (uint64_t seq = from; seq <= log.head_seq(); ++seq) {
    if (subscription.Passes(channel, *log.At(seq))) {
      stretch->Absorb(*log.At(seq));
    }
  }
  CatchUpUnion made{log.epoch(), from, log.head_seq(), nullptr, {}};
  made.encoded = EncodeStretch(context, channel, *stretch);
  made.all = std::move(stretch);
  return made;
}

// The catch-up, one by one or as one message. Turns the verdict where not even
// one message fits.
std::vector<Piece> MakeCatchUp(Context& context, Channel& channel,
                               const Subscription& subscription,
                               Verdict* verdict) {
  const ActionLog& log = channel.log();
  std::vector<Piece> result;
  const uint64_t from = verdict->next_seq;
  const bool too_many =
      subscription.filter() == nullptr &&
      log.head_seq() + 1 - from > context.options.compact_after;
  uint64_t bytes = 0;
  uint64_t seq = from;
  // Stops at the first that is too much: a long catch-up encodes no frames that
  // nobody gets.
  for (; !too_many && seq <= log.head_seq(); ++seq) {
    const EntryRef& entry = log.At(seq);
    if (!subscription.Passes(channel, *entry)) continue;
    Piece piece;
    piece.entry = entry;
    piece.frame = subscription.FrameOf(*entry, context);
    bytes += piece.frame.size();
    if (result.size() == context.options.compact_after ||
        bytes > context.options.connection_cap_bytes) {
      break;
    }
    result.push_back(std::move(piece));
  }
  if (seq > log.head_seq()) return result;
  result.clear();
  const CatchUpUnion* known =
      subscription.filter() != nullptr
          ? nullptr
          : context.catch_ups.Find(log.epoch(), from, log.head_seq());
  CatchUpUnion made;
  if (known == nullptr) {
    made = MakeUnion(context, channel, subscription, from);
    known = subscription.filter() != nullptr
                ? &made
                : context.catch_ups.Put(std::move(made));
  }
  if (known->encoded.is_resync) {
    *verdict = {Reason::kOverflow, false, 0};
    return result;
  }
  result.push_back(StretchPiece(context, channel, subscription.dialect(),
                                known->all, known->encoded));
  result.back().compaction = true;
  return result;
}

// The position that is safe to resume from right after the hello.
std::string HelloId(const ActionLog& log, const Verdict& verdict) {
  std::string id;
  if (verdict.needs_resync()) {
    id = kNowhereCursor;
  } else {
    AppendCursor(&id, log.epoch(),
                 verdict.recovered ? verdict.next_seq - 1 : log.head_seq());
  }
  return id;
}

// Head, retry, connected, hello. Who has ids comes back with one; who has none
// may come back with the timestamp, so that it must be a safe one.
std::string MakeHello(Context& context, const ActionLog& log,
                      const Dialect& dialect, const OpeningRequest& request,
                      const Verdict& verdict, int64_t safe_ms) {
  std::string head_cursor;
  AppendCursor(&head_cursor, log.epoch(), log.head_seq());
  Hello hello;
  if (!dialect.ids) {
    hello.timestamp = safe_ms;
  } else if (request.point->by_time()) {
    hello.timestamp = std::min(request.point->since_ms, context.now_ms);
  } else {
    hello.timestamp = log.SafeNowMs(context.now_ms);
  }
  hello.recovered = verdict.recovered;
  hello.reason = verdict.reason;
  hello.cursor = head_cursor;
  hello.epoch = log.epoch();
  hello.server_time = context.now_ms;
  hello.heartbeat_ms = static_cast<uint64_t>(context.options.heartbeat_ms);
  hello.connection_id = request.connection_id;

  std::string text(request.http_head);
  AppendRetry(
      &text, dialect,
      context.random.Jitter(static_cast<uint64_t>(context.options.retry_ms)));
  if (dialect.trpc) {
    AppendConnected(&text, dialect, context.options.heartbeat_ms);
  }
  AppendMessage(&text, dialect, context.wrap, HelloId(log, verdict),
                HelloJson(hello));
  return text;
}

}  // namespace

int64_t SafeMsAfterHello(const ActionLog& log, const ResumePoint& point,
                         const Verdict& verdict, int64_t now_ms) {
  if (point.by_time() && point.since_ms <= now_ms &&
      verdict.reason != Reason::kAheadOfLog) {
    return point.since_ms;
  }
  // Of another life of the log, for good.
  if (verdict.needs_resync()) return std::min(log.born_ms() - 1, now_ms);
  if (verdict.recovered && verdict.next_seq <= log.head_seq()) {
    return log.At(verdict.next_seq)->arrived_ms;
  }
  return log.SafeNowMs(now_ms);
}

int64_t SafeMsOfRefused(const ResumePoint& point, int64_t now_ms) {
  if (point.by_time()) {
    if (point.since_ms <= now_ms) return point.since_ms;
    // Where its next try is placed as this one would have been.
    return point.since_ms > now_ms + kMaxClockSkewMs
               ? 0
               : point.since_ms - kMaxClockSkewMs;
  }
  return point.last_event_id.empty() ? now_ms : 0;
}

bool IsBeyond(const ActionLog& log, const ResumePoint& point) {
  Cursor cursor;
  if (!ParseCursor(point.last_event_id, &cursor) ||
      cursor.epoch == kUnreadEpoch) {
    return false;
  }
  const std::optional<uint64_t> extent = log.ExtentOf(cursor.epoch);
  return !extent || cursor.seq > *extent;
}

Verdict Judge(const ActionLog& log, const ResumePoint& point, int64_t now_ms) {
  if (log.unread() || (point.unasked && IsBeyond(log, point))) {
    return {Reason::kBrokerLost, false, 0};
  }
  if (!point.last_event_id.empty()) {
    return JudgeCursor(log, point.last_event_id);
  }
  if (point.has_since) return JudgeTime(log, point.since_ms, now_ms);
  if (point.returns) return {Reason::kUnknownCursor, false, 0};
  return {};
}

std::vector<Piece> MakeOpening(Context& context, Channel& channel,
                               const Subscription& subscription,
                               const OpeningRequest& request) {
  const ActionLog& log = channel.log();
  const Dialect& dialect = subscription.dialect();
  Verdict verdict = Judge(log, *request.point, context.now_ms);
  std::vector<Piece> opening(1);
  if (verdict.recovered && !request.hello_only) {
    std::vector<Piece> catch_up =
        MakeCatchUp(context, channel, subscription, &verdict);
    std::move(catch_up.begin(), catch_up.end(), std::back_inserter(opening));
  }
  opening[0].safe_ms =
      SafeMsAfterHello(log, *request.point, verdict, context.now_ms);
  opening[0].own =
      MakeHello(context, log, dialect, request, verdict, opening[0].safe_ms);
  if (verdict.needs_resync() && !request.hello_only) {
    // In one piece with the hello: nothing can come between them.
    std::string id;
    AppendCursor(&id, log.epoch(), log.head_seq());
    AppendMessage(
        &opening[0].own, dialect, context.wrap, id,
        ResyncJson(log.SafeNowMs(context.now_ms), context.resync_paths_json,
                   verdict.reason, context.SpreadMs(channel.size())));
    opening[0].resync = verdict.reason;
  }
  WrapInChunk(&opening[0].own, request.http_head.size(), dialect.framing);
  return opening;
}

}  // namespace pathcast
