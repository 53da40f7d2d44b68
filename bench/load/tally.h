// What the clients got: counts, latencies, and whether any position was
// skipped.
//
// Latency comes from the payload: `"t":"<ns of CLOCK_MONOTONIC>"`, written by
// the server just before it publishes; both ends share the machine's clock. A
// message with that mark is an *event*; everything else (hello, ping,
// invalidate, …) is counted by kind.
#pragma once

#include <cstdint>
#include <string_view>

#include "connection.h"
#include "histogram.h"
#include "sse_reader.h"

namespace bench {

// Since the last reset.
struct Counts {
  uint64_t events = 0;
  // Bytes of the events, extra blank lines included.
  uint64_t event_bytes = 0;
  // Messages that are events, `invalidate` or `resync`; their bytes; the
  // largest of them.
  uint64_t payloads = 0;
  uint64_t payload_bytes = 0;
  uint64_t largest_payload = 0;
  uint64_t hellos = 0;
  uint64_t recovered = 0;
  uint64_t invalidates = 0;
  uint64_t resyncs = 0;
  uint64_t pings = 0;
  uint64_t server_closes = 0;
  // Positions skipped without a cover, and positions seen twice.
  uint64_t gaps = 0;
  uint64_t repeats = 0;
};

class Tally final : public SseReader::Sink {
 public:
  // `cursors`: ids are pathcast's `<epoch>.<seq>`, so positions can be checked.
  void set_cursors(bool cursors) { cursors_ = cursors; }

  // What comes next was received by `connection` at `now_ns`.
  void Begin(Connection* connection, uint64_t now_ns) {
    connection_ = connection;
    arrived_ns_ = now_ns;
  }
  void Reset();

  const Counts& counts() const { return counts_; }
  const Histogram& steady_latency() const { return steady_latency_; }
  const Histogram& stalled_latency() const { return stalled_latency_; }

  void OnMessage(const SseMessage& message) override;
  void OnFiller(size_t bytes) override { counts_.event_bytes += bytes; }

 private:
  void OnEvent(const SseMessage& message, uint64_t sent_ns);
  void OnHello(const SseMessage& message);
  void OnCover(const SseMessage& message, uint64_t from, uint64_t to);
  void CountPayload(const SseMessage& message);
  // The stream now stands at `to`, having covered everything from `from` on.
  void Move(uint64_t from, uint64_t to);

  bool cursors_ = false;
  Connection* connection_ = nullptr;
  uint64_t arrived_ns_ = 0;
  // Where the mark stood in the event before: the place to look first.
  size_t mark_hint_ = 0;
  Counts counts_;
  Histogram steady_latency_;
  Histogram stalled_latency_;
};

}  // namespace bench
