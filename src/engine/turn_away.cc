#include "engine/turn_away.h"

#include "core/resume.h"

namespace pathcast {

namespace {

// JSON-RPC codes of tRPC, and what they stand for.
constexpr int kTooManyRequests = -32029;
// The one code on which tRPC clients come back.
constexpr int kInternalServerError = -32603;

// A stream that was ended for a reason that lasts comes back later than one
// that a deploy moves.
constexpr uint64_t kLongRetryFactor = 5;

}  // namespace

uint64_t RetryMsFor(Context* context, CloseReason reason) {
  auto mean = static_cast<uint64_t>(context->options.retry_ms);
  if (reason == CloseReason::kReplaced || reason == CloseReason::kEvicted ||
      reason == CloseReason::kLimit || reason == CloseReason::kSlow) {
    mean *= kLongRetryFactor;
  }
  return context->random.Jitter(mean);
}

std::string TurnAwayText(Context* context, const StreamRequest& request,
                         Refusal refusal, const AdmissionResult& result) {
  const bool draining = refusal == Refusal::kDraining;
  const CloseReason reason =
      draining ? CloseReason::kDrain : CloseReason::kLimit;
  const uint64_t retry_ms = RetryMsFor(context, reason);
  const Dialect& dialect = request.dialect;
  std::string text = request.http_head;
  if (!dialect.trpc) {
    AppendServerClose(&text, dialect, {},
                      SafeMsOfRefused(request.resume, context->now_ms), reason,
                      retry_ms);
  } else {
    AppendRetry(&text, dialect, retry_ms);
    AppendConnected(&text, dialect, context->options.heartbeat_ms);
    if (draining) {
      AppendSerializedError(
          &text, dialect, context->wrap, "The server is draining; reconnect",
          kInternalServerError, "SERVICE_UNAVAILABLE", 503, request.trpc_path);
    } else {
      std::string message = "Too many connections for this ";
      message += refusal == Refusal::kUserLimit ? "user: " : "company: ";
      message += std::to_string(result.current) + " of " +
                 std::to_string(result.limit);
      AppendSerializedError(&text, dialect, context->wrap, message,
                            kTooManyRequests, "TOO_MANY_REQUESTS", 429,
                            request.trpc_path);
    }
  }
  EndBody(&text, request.http_head.size(), dialect.framing);
  return text;
}

std::string NeverBegunText(Context* context, const StreamRequest& request,
                           CloseReason reason) {
  const Dialect& dialect = request.dialect;
  std::string text = request.http_head;
  if (dialect.trpc)
    AppendConnected(&text, dialect, context->options.heartbeat_ms);
  AppendServerClose(&text, dialect, {},
                    SafeMsOfRefused(request.resume, context->now_ms), reason,
                    RetryMsFor(context, reason));
  EndBody(&text, request.http_head.size(), dialect.framing);
  return text;
}

}  // namespace pathcast
