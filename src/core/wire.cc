#include "core/wire.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>

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

bool IsId(const Dialect& dialect, std::string_view id) {
  return dialect.ids && !id.empty() &&
         std::none_of(id.begin(), id.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20;
         });
}

// The lines of one message, or one record. `event` is empty for none; `kind`
// says the same.
void AppendEvent(std::string* out, const Dialect& dialect, RecordKind kind,
                 std::string_view event, std::string_view id,
                 std::string_view data) {
  const bool has_id = IsId(dialect, id);
  if (dialect.framing == Framing::kRecords) {
    AppendRecord(out, kind, has_id, id, data);
    return;
  }
  if (!event.empty()) out->append("event: ").append(event).push_back('\n');
  if (has_id) out->append("id: ").append(id).push_back('\n');
  out->append(data.empty() ? "data:" : "data: ");
  AppendOnOneLine(out, data);
  out->append("\n\n");
}

template <class Int>
void AppendLittleEndian(std::string* out, Int value) {
  for (size_t i = 0; i < sizeof(Int); ++i) {
    out->push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
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

void AppendChunkHead(std::string* out, size_t size) {
  char digits[2 * sizeof(size)];
  const auto end = std::to_chars(digits, std::end(digits), size, 16).ptr;
  out->append(digits, end).append("\r\n");
}

void WrapInChunk(std::string* out, size_t from, Framing framing) {
  if (framing != Framing::kChunked || out->size() == from) return;
  std::string head;
  AppendChunkHead(&head, out->size() - from);
  out->insert(from, head);
  out->append("\r\n");
}

void EndBody(std::string* out, size_t from, Framing framing) {
  WrapInChunk(out, from, framing);
  if (framing == Framing::kChunked) out->append("0\r\n\r\n");
}

void AppendRecord(std::string* out, RecordKind kind, bool has_id,
                  std::string_view id, std::string_view data) {
  if (!has_id || id.size() > UINT16_MAX) {
    has_id = false;
    id = {};
  }
  AppendLittleEndian(out, static_cast<uint32_t>(4 + id.size() + data.size()));
  out->push_back(static_cast<char>(kind));
  out->push_back(static_cast<char>(has_id ? kRecordHasId : 0));
  AppendLittleEndian(out, static_cast<uint16_t>(id.size()));
  out->append(id).append(data);
}

void AppendRetry(std::string* out, const Dialect& dialect, uint64_t retry_ms) {
  if (dialect.framing == Framing::kRecords) {
    std::string number;
    AppendUint(&number, retry_ms);
    AppendRecord(out, RecordKind::kRetry, false, {}, number);
    return;
  }
  out->append("retry: ");
  AppendUint(out, retry_ms);
  out->push_back('\n');
}

void AppendConnected(std::string* out, const Dialect& dialect,
                     int64_t heartbeat_ms) {
  std::string json = "{\"reconnectAfterInactivityMs\":";
  AppendInt(&json, (heartbeat_ms * 5 + 1) / 2);
  json.push_back('}');
  AppendEvent(out, dialect, RecordKind::kConnected, "connected", {}, json);
}

void AppendMessage(std::string* out, const Dialect& dialect, const Wrap& wrap,
                   std::string_view id, std::string_view json) {
  std::string wrapped;
  if (dialect.transformed) {
    wrapped.reserve(wrap.prefix.size() + json.size() + wrap.suffix.size());
    wrapped.append(wrap.prefix).append(json).append(wrap.suffix);
    json = wrapped;
  }
  AppendEvent(out, dialect, RecordKind::kMessage, {}, id, json);
}

void AppendPing(std::string* out, const Dialect& dialect, std::string_view id,
                int64_t timestamp_ms) {
  std::string json = "{\"type\":\"ping\",\"timestamp\":";
  AppendInt(&json, timestamp_ms);
  json.append(",\"queryPaths\":[]}");
  AppendEvent(out, dialect, RecordKind::kPing, "ping", id, json);
}

void AppendServerClose(std::string* out, const Dialect& dialect,
                       std::string_view id, int64_t timestamp_ms,
                       CloseReason reason, uint64_t retry_ms) {
  AppendRetry(out, dialect, retry_ms);
  std::string json = "{\"type\":\"server_close\",\"timestamp\":";
  AppendInt(&json, timestamp_ms);
  json.append(",\"queryPaths\":[],\"reason\":\"").append(ToString(reason));
  json.append("\",\"retryMs\":");
  AppendUint(&json, retry_ms);
  json.push_back('}');
  AppendEvent(out, dialect, RecordKind::kServerClose, "server_close", id, json);
}

void AppendSerializedError(std::string* out, const Dialect& dialect,
                           const Wrap& wrap, std::string_view message,
                           int rpc_code, std::string_view code_name,
                           int http_status, std::string_view trpc_path) {
  std::string json;
  if (dialect.transformed) json.append(wrap.prefix);
  json.append("{\"message\":");
  AppendJsonString(&json, message);
  json.append(",\"code\":");
  AppendInt(&json, rpc_code);
  json.append(",\"data\":{\"code\":");
  AppendJsonString(&json, code_name);
  json.append(",\"httpStatus\":");
  AppendInt(&json, http_status);
  if (!trpc_path.empty()) {
    json.append(",\"path\":");
    AppendJsonString(&json, trpc_path);
  }
  json.append("}}");
  if (dialect.transformed) json.append(wrap.suffix);
  AppendEvent(out, dialect, RecordKind::kSerializedError, "serialized-error",
              {}, json);
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

void AppendSpread(std::string* json, uint64_t spread_ms) {
  if (spread_ms == 0) return;
  json->append(",\"spreadMs\":");
  AppendUint(json, spread_ms);
}

std::string ResyncJson(int64_t timestamp_ms, std::string_view resync_paths_json,
                       Reason reason, uint64_t spread_ms) {
  std::string json = "{\"type\":\"resync\",\"timestamp\":";
  AppendInt(&json, timestamp_ms);
  json.append(",\"queryPaths\":").append(resync_paths_json);
  json.append(",\"reason\":\"").append(ToString(reason)).append("\"");
  AppendSpread(&json, spread_ms);
  json.push_back('}');
  return json;
}

}  // namespace pathcast
