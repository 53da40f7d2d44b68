// The bytes of SPEC §3: SSE messages around JSON that is already made, and the
// two events that depend on no action (`hello`, `resync`).
//
// Pure functions that append to a string; any thread. No message can be forged
// by what is put in: an id with a control character is left out, a raw CR, LF
// or NUL in JSON (where it could only be white space) becomes a space.
#ifndef PATHCAST_CORE_WIRE_H_
#define PATHCAST_CORE_WIRE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace pathcast {

// The verdict codes: REASONS of lib/protocol/events.ts, in its order.
enum class Reason : uint8_t {
  kFresh,
  kResumed,
  kEpochChanged,
  kTrimmed,
  kUnknownCursor,
  kAheadOfLog,
  kOverflow,
  kBrokerLost,
};
inline constexpr int kReasonCount = 8;
std::string_view ToString(Reason reason);

// Why the server ended a stream: CLOSE_REASONS of lib/protocol/events.ts, in
// its order.
enum class CloseReason : uint8_t {
  kReplaced,
  kEvicted,
  kLimit,
  kDrain,
  kRevoked,
  kAuthExpired,
  kSlow,
};
inline constexpr int kCloseReasonCount = 7;
std::string_view ToString(CloseReason reason);
// False when `text` is none of the codes; `out` is then untouched.
bool ParseCloseReason(std::string_view text, CloseReason* out);

// What the app's tRPC transformer puts around plain JSON; superjson:
// `{"json":` and `}`. Both empty without a transformer.
struct Wrap {
  std::string prefix;
  std::string suffix;
};

// What stands around a message: StreamSpec.framing of lib/internal/engine.ts.
enum class Framing : uint8_t {
  // SSE text as it is.
  kRaw,
  // SSE text in HTTP/1.1 chunks; an ordered end sends the last one.
  kChunked,
  // What the text would say, in parts: see RecordKind.
  kRecords,
};
inline constexpr size_t kFramingCount = 3;

// A record: u32 length of what follows it, u8 kind, u8 kRecordHasId or 0, u16
// length of the id, the id, then the data. Numbers are little-endian.
// lib/native/records.ts reads them.
enum class RecordKind : uint8_t {
  kMessage,
  kRetry,  // Of the message that follows; the data is its number.
  kConnected,
  kPing,
  kServerClose,
  kSerializedError,
};
inline constexpr uint8_t kRecordHasId = 1;

// How one stream is spoken to. Streams of one dialect share encoded frames.
struct Dialect {
  bool trpc = false;
  bool ids = true;           // False: no `id:` line, ever.
  bool transformed = false;  // Payloads go through the transformer.
  Framing framing = Framing::kRaw;

  friend bool operator==(const Dialect&, const Dialect&) = default;
};

// The functions below append a message as SSE text, or as a record. Chunks are
// put around one or more of them afterwards, by WrapInChunk.

// The line that begins a chunk of `size` bytes.
void AppendChunkHead(std::string* out, size_t size);
// Where the framing is chunked: makes what stands in `out` from `from` on one
// chunk. Nothing is no chunk: that would be the last one.
void WrapInChunk(std::string* out, size_t from, Framing framing);
// The same, and nothing follows it.
void EndBody(std::string* out, size_t from, Framing framing);

void AppendRecord(std::string* out, RecordKind kind, bool has_id,
                  std::string_view id, std::string_view data);

// "retry: 2134\n", without an empty line: it is the first line of the message
// that follows.
void AppendRetry(std::string* out, const Dialect& dialect, uint64_t retry_ms);

// The tRPC dialect's first message: a client that has heard nothing for 2.5
// heartbeats opens a new connection. Never transformed, never with an id.
void AppendConnected(std::string* out, const Dialect& dialect,
                     int64_t heartbeat_ms);

// "id: …\ndata: …\n\n". `id` is a cursor's text; empty for none (an ephemeral
// event of the plain dialect). Left out as well where the dialect has no ids.
// `json` is one JSON value; where the dialect is transformed, `wrap` goes
// around it.
void AppendMessage(std::string* out, const Dialect& dialect, const Wrap& wrap,
                   std::string_view id, std::string_view json);

// `timestamp_ms` of these two: a time from which a resume loses nothing.
void AppendPing(std::string* out, const Dialect& dialect, std::string_view id,
                int64_t timestamp_ms);

// The `retry:` line, then `event: server_close`. Never transformed.
void AppendServerClose(std::string* out, const Dialect& dialect,
                       std::string_view id, int64_t timestamp_ms,
                       CloseReason reason, uint64_t retry_ms);

// A refusal in tRPC's own shape. `trpc_path` may be empty: then there is no
// `path`.
void AppendSerializedError(std::string* out, const Dialect& dialect,
                           const Wrap& wrap, std::string_view message,
                           int rpc_code, std::string_view code_name,
                           int http_status, std::string_view trpc_path);

struct Hello {
  int64_t timestamp = 0;  // Unix ms from which a resume loses nothing.
  bool recovered = false;
  Reason reason = Reason::kFresh;
  std::string_view cursor;
  std::string_view epoch;
  int64_t server_time = 0;  // Unix ms.
  uint64_t heartbeat_ms = 0;
  std::string_view connection_id;
};
std::string HelloJson(const Hello& hello);

// The last field of an event: `,"spreadMs":105`, or nothing where it is 0. It
// comes on top of what bounds the event.
void AppendSpread(std::string* json, uint64_t spread_ms);

// `resync_paths_json` is a JSON array of strings, e.g. `["*"]`.
std::string ResyncJson(int64_t timestamp_ms, std::string_view resync_paths_json,
                       Reason reason, uint64_t spread_ms = 0);

}  // namespace pathcast

#endif  // PATHCAST_CORE_WIRE_H_
