#include "core/wire.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/json_text.h"

namespace pathcast {
namespace {

constexpr std::string_view kReasonText[kReasonCount] = {
    "fresh",          "resumed",      "epoch_changed", "trimmed",
    "unknown_cursor", "ahead_of_log", "overflow",      "broker_lost",
};
constexpr std::string_view kCloseReasonText[kCloseReasonCount] = {
    "replaced", "evicted", "limit", "drain", "revoked", "auth_expired", "slow",
};

bool EndsLine(char c) { return c == '\n' || c == '\r' || c == '\0'; }

// Appends `json` so that it stays within its line. JSON has no raw line ends
// inside strings; between its tokens a space means the same.
void AppendOnOneLine(std::string* out, std::string_view json) {
  const size_t start = out->size();
  out->append(json);
  for (const char c : {'\n', '\r', '\0'}) {
    if (!json.empty() && std::memchr(json.data(), c, json.size()) != nullptr) {
      std::replace_if(out->begin() + static_cast<ptrdiff_t>(start), out->end(),
                      EndsLine, ' ');
      return;
    }
  }
}

void AppendId(std::string* out, const Dialect& dialect, std::string_view id) {
  if (!dialect.ids || id.empty()) return;
  if (std::any_of(id.begin(), id.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20;
      })) {
    return;
  }
  out->append("id: ").append(id).push_back('\n');
}

}  // namespace

std::string_view ToString(Reason reason) {
  return kReasonText[static_cast<size_t>(reason)];
}

std::string_view ToString(CloseReason reason) {
  return kCloseReasonText[static_cast<size_t>(reason)];
}

bool ParseCloseReason(std::string_view text, CloseReason* out) {
  for (int i = 0; i < kCloseReasonCount; ++i) {
    if (text == kCloseReasonText[i]) {
      *out = static_cast<CloseReason>(i);
      return true;
    }
  }
  return false;
}

void AppendRetry(std::string* out, uint64_t retry_ms) {
  out->append("retry: ");
  AppendUint(out, retry_ms);
  out->push_back('\n');
}

void AppendConnected(std::string* out, uint64_t reconnect_after_ms) {
  out->append("event: connected\ndata: {\"reconnectAfterInactivityMs\":");
  AppendUint(out, reconnect_after_ms);
  out->append("}\n\n");
}

void AppendMessage(std::string* out, const Dialect& dialect, const Wrap& wrap,
                   std::string_view id, std::string_view json) {
  AppendId(out, dialect, id);
  out->append("data: ");
  if (dialect.transformed) AppendOnOneLine(out, wrap.prefix);
  AppendOnOneLine(out, json);
  if (dialect.transformed) AppendOnOneLine(out, wrap.suffix);
  out->append("\n\n");
}

void AppendTransformedMessage(std::string* out, const Dialect& dialect,
                              std::string_view id,
                              std::string_view transformed_json) {
  AppendId(out, dialect, id);
  out->append("data: ");
  AppendOnOneLine(out, transformed_json);
  out->append("\n\n");
}

void AppendPing(std::string* out, const Dialect& dialect, std::string_view id) {
  out->append("event: ping\n");
  AppendId(out, dialect, id);
  out->append("data:\n\n");
}

void AppendServerClose(std::string* out, const Dialect& dialect,
                       std::string_view id, CloseReason reason,
                       uint64_t retry_ms) {
  AppendRetry(out, retry_ms);
  out->append("event: server_close\n");
  AppendId(out, dialect, id);
  out->append("data: {\"reason\":\"").append(ToString(reason));
  out->append("\",\"retryMs\":");
  AppendUint(out, retry_ms);
  out->append("}\n\n");
}

void AppendSerializedError(std::string* out, const Dialect& dialect,
                           const Wrap& wrap, std::string_view message,
                           int rpc_code, std::string_view code_name,
                           int http_status, std::string_view trpc_path) {
  out->append("event: serialized-error\ndata: ");
  if (dialect.transformed) AppendOnOneLine(out, wrap.prefix);
  out->append("{\"message\":");
  AppendJsonString(out, message);
  out->append(",\"code\":");
  AppendInt(out, rpc_code);
  out->append(",\"data\":{\"code\":");
  AppendJsonString(out, code_name);
  out->append(",\"httpStatus\":");
  AppendInt(out, http_status);
  if (!trpc_path.empty()) {
    out->append(",\"path\":");
    AppendJsonString(out, trpc_path);
  }
  out->append("}}");
  if (dialect.transformed) AppendOnOneLine(out, wrap.suffix);
  out->append("\n\n");
}

std::string HelloJson(const Hello& hello) {
  std::string json = "{\"type\":\"hello\",\"timestamp\":";
  AppendInt(&json, hello.timestamp);
  json.append(",\"queryPaths\":[],\"recovered\":");
  json.append(hello.recovered ? "true" : "false");
  json.append(",\"reason\":\"").append(ToString(hello.reason));
  json.append("\",\"cursor\":");
  AppendJsonString(&json, hello.cursor);
  json.append(",\"epoch\":");
  AppendJsonString(&json, hello.epoch);
  json.append(",\"serverTime\":");
  AppendInt(&json, hello.server_time);
  json.append(",\"heartbeatMs\":");
  AppendUint(&json, hello.heartbeat_ms);
  json.append(",\"connectionId\":");
  AppendJsonString(&json, hello.connection_id);
  json.push_back('}');
  return json;
}

std::string ResyncJson(int64_t now_ms, std::string_view resync_paths_json,
                       Reason reason) {
  std::string json = "{\"type\":\"resync\",\"timestamp\":";
  AppendInt(&json, now_ms);
  json.append(",\"queryPaths\":").append(resync_paths_json);
  json.append(",\"reason\":\"").append(ToString(reason)).append("\"}");
  return json;
}

}  // namespace pathcast
