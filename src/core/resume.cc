#include "core/resume.h"

#include <algorithm>
#include <utility>

#include "core/channel.h"
#include "core/cursor.h"

namespace pathcast {

namespace {

// A cursor that no log ever has: a stream cut between its verdict and its
// resync must not resume.
constexpr std::string_view kDeadEpoch = "0";

// tRPC clients open a new connection when this share of heartbeats has not
// come.
constexpr uint64_t ReconnectAfter(int64_t heartbeat_ms) {
  return static_cast<uint64_t>(heartbeat_ms) * 5 / 2;
}

Verdict JudgeCursor(const ActionLog& log, const std::string& text) {
  Cursor cursor;
  if (!ParseCursor(text, &cursor)) return {Reason::kUnknownCursor, false, 0};
  if (cursor.epoch != log.epoch()) return {Reason::kEpochChanged, false, 0};
  if (cursor.seq > log.head_seq()) return {Reason::kAheadOfLog, false, 0};
  if (cursor.seq + 1 < log.first_seq()) return {Reason::kTrimmed, false, 0};
  return {Reason::kResumed, true, cursor.seq + 1};
}

Verdict JudgeTime(const ActionLog& log, int64_t since_ms) {
  if (since_ms < log.born_ms()) return {Reason::kEpochChanged, false, 0};
  if (since_ms <= log.lost_through_ms()) return {Reason::kTrimmed, false, 0};
  return {Reason::kResumed, true, log.FirstSince(since_ms)};
}

// The catch-up as one message, or as pieces. Turns the verdict where not even
// one message fits.
struct CatchUp {
  std::string message;
  std::vector<Piece> pieces;
};

CatchUp MakeCatchUp(Context& context, Channel& channel,
                    const Subscription& subscription, Verdict* verdict) {
  CatchUp result;
  const ActionLog& log = channel.log();
  uint64_t count = 0;
  uint64_t bytes = 0;
  for (uint64_t seq = verdict->next_seq; seq <= log.head_seq(); ++seq) {
    Entry& entry = *log.At(seq);
    if (!subscription.Passes(entry)) continue;
    ++count;
    bytes += subscription.FrameOf(entry, context).size();
  }
  if (count <= context.options.compact_after &&
      bytes <= context.options.connection_cap_bytes) {
    for (uint64_t seq = verdict->next_seq; seq <= log.head_seq(); ++seq) {
      const EntryRef& entry = log.At(seq);
      if (!subscription.Passes(*entry)) continue;
      result.pieces.push_back(
          Piece{entry, {}, subscription.FrameOf(*entry, context)});
    }
    return result;
  }
  Stretch stretch;
  for (uint64_t seq = verdict->next_seq; seq <= log.head_seq(); ++seq) {
    if (subscription.Passes(*log.At(seq))) Absorb(&stretch, *log.At(seq));
  }
  context.metrics->compactions.Add(1);
  if (AppendStretch(context, channel, subscription.dialect(), stretch,
                    &result.message)) {
    result.message.clear();
    *verdict = {Reason::kOverflow, false, 0};
  }
  return result;
}

}  // namespace

Verdict Judge(const ActionLog& log, const ResumePoint& point) {
  if (!point.last_event_id.empty())
    return JudgeCursor(log, point.last_event_id);
  if (point.has_since) return JudgeTime(log, point.since_ms);
  return {};
}

std::vector<Piece> MakeOpening(Context& context, Channel& channel,
                               const Subscription& subscription,
                               const OpeningRequest& request,
                               Verdict* verdict) {
  const ActionLog& log = channel.log();
  const Dialect& dialect = subscription.dialect();
  *verdict = Judge(log, *request.point);
  CatchUp catch_up;
  if (verdict->recovered)
    catch_up = MakeCatchUp(context, channel, subscription, verdict);

  std::string head_cursor;
  AppendCursor(&head_cursor, log.epoch(), log.head_seq());
  std::string hello_id = head_cursor;
  if (verdict->recovered) {
    hello_id.clear();
    AppendCursor(&hello_id, log.epoch(), verdict->next_seq - 1);
  } else if (verdict->needs_resync()) {
    hello_id.clear();
    AppendCursor(&hello_id, kDeadEpoch, 0);
  }

  const bool by_time =
      request.point->last_event_id.empty() && request.point->has_since;
  Hello hello;
  hello.timestamp = by_time ? std::min(request.point->since_ms, context.now_ms)
                            : context.now_ms;
  hello.recovered = verdict->recovered;
  hello.reason = verdict->reason;
  hello.cursor = head_cursor;
  hello.epoch = log.epoch();
  hello.server_time = context.now_ms;
  hello.heartbeat_ms = static_cast<uint64_t>(context.options.heartbeat_ms);
  hello.connection_id = request.connection_id;

  Piece first;
  std::string& text = first.own;
  text.append(request.http_head);
  AppendRetry(&text, context.random.Jitter(
                         static_cast<uint64_t>(context.options.retry_ms)));
  if (dialect.trpc)
    AppendConnected(&text, ReconnectAfter(context.options.heartbeat_ms));
  AppendMessage(&text, dialect, context.wrap, hello_id, HelloJson(hello));
  text.append(catch_up.message);
  if (verdict->needs_resync()) {
    context.metrics->resyncs[static_cast<size_t>(verdict->reason)].Add(1);
    AppendMessage(
        &text, dialect, context.wrap, head_cursor,
        ResyncJson(context.now_ms, context.resync_paths_json, verdict->reason));
  }
  std::vector<Piece> opening;
  opening.reserve(1 + catch_up.pieces.size());
  opening.push_back(std::move(first));
  for (Piece& piece : catch_up.pieces) opening.push_back(std::move(piece));
  return opening;
}

}  // namespace pathcast
