// One simulated browser: its socket, where it is in the stream, and what it has
// got so far.
#pragma once

#include <cstdint>
#include <string>

#include "sse_reader.h"

namespace bench {

struct Connection {
  enum class State : uint8_t {
    kIdle,  // no socket; `retry_at_ns` says when to try again, 0: not by itself
    kConnecting,  // waiting for the socket to be writable
    kWaiting,     // request sent, nothing of the stream seen yet
    kStreaming,   // the first block of the stream has come
  };

  uint32_t index = 0;
  int fd = -1;
  State state = State::kIdle;
  // In the share that stops reading; stays set afterwards, so that its figures
  // stay apart.
  bool in_stall_group = false;
  // Not reading right now.
  bool stalled = false;
  SseReader reader;
  // Sent as Last-Event-ID.
  std::string last_id;
  uint64_t retry_at_ns = 0;

  // Since the last `reset`.
  uint32_t events = 0;

  // Since this life of the socket began.
  uint32_t events_since_connect = 0;
  bool saw_recovered = false;
  bool saw_cover = false;  // an `invalidate` or a `resync` came
  bool resumed = false;

  // The stream's position (`seq` of pathcast's cursor); for the check that
  // nothing is missing.
  bool position_known = false;
  uint64_t position = 0;
  // Since the last `unstall`.
  bool saw_invalidate = false;
  bool saw_resync = false;
};

}  // namespace bench
