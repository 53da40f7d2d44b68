#include "tally.h"

#include <charconv>

namespace bench {
namespace {

constexpr std::string_view kMark = "\"t\":\"";

uint64_t NumberAt(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

uint64_t NumberAfter(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  return at == std::string_view::npos ? 0
                                      : NumberAt(text.substr(at + key.size()));
}

// The `seq` of a cursor `<epoch>.<seq>`.
uint64_t SeqOf(std::string_view cursor) {
  const size_t dot = cursor.rfind('.');
  return dot == std::string_view::npos ? 0 : NumberAt(cursor.substr(dot + 1));
}

}  // namespace

void Tally::Reset() {
  counts_ = Counts();
  steady_latency_.Reset();
  stalled_latency_.Reset();
}

void Tally::OnMessage(const SseMessage& message) {
  if (!message.id.empty()) connection_->last_id = message.id;
  if (!message.has_data) return;
  if (!message.event.empty() && message.event != "message") {
    if (message.event == "ping") ++counts_.pings;
    if (message.event == "server_close") ++counts_.server_closes;
    return;
  }
  if (message.data.substr(mark_hint_, kMark.size()) != kMark) {
    const size_t at = message.data.find(kMark);
    if (at == std::string_view::npos) {
      if (message.data.starts_with("{\"type\":\"hello\""))
        return OnHello(message);
      const uint64_t seq = SeqOf(message.id);
      if (message.data.starts_with("{\"type\":\"invalidate\"")) {
        ++counts_.invalidates;
        connection_->saw_invalidate = true;
        return OnCover(message, NumberAfter(message.data, "\"from\":"),
                       NumberAfter(message.data, "\"to\":"));
      }
      if (message.data.starts_with("{\"type\":\"resync\"")) {
        ++counts_.resyncs;
        connection_->saw_resync = true;
        connection_->position_known = false;
        return OnCover(message, seq, seq);
      }
      return;
    }
    mark_hint_ = at;
  }
  OnEvent(message, NumberAt(message.data.substr(mark_hint_ + kMark.size())));
}

void Tally::OnEvent(const SseMessage& message, uint64_t sent_ns) {
  ++counts_.events;
  counts_.event_bytes += message.bytes;
  CountPayload(message);
  ++connection_->events;
  ++connection_->events_since_connect;
  const uint64_t us =
      arrived_ns_ > sent_ns ? (arrived_ns_ - sent_ns) / 1000 : 0;
  (connection_->in_stall_group ? stalled_latency_ : steady_latency_).Record(us);
  if (cursors_) {
    const uint64_t seq = SeqOf(message.id);
    Move(seq, seq);
  }
}

void Tally::OnHello(const SseMessage& message) {
  ++counts_.hellos;
  if (message.data.find("\"recovered\":true") != std::string_view::npos) {
    ++counts_.recovered;
    connection_->saw_recovered = true;
    return;
  }
  // Fresh: live begins at the head. With `0.0` a resync follows and says where
  // the stream stands.
  connection_->position_known = !message.id.starts_with("0.");
  connection_->position = SeqOf(message.id);
}

void Tally::OnCover(const SseMessage& message, uint64_t from, uint64_t to) {
  connection_->saw_cover = true;
  CountPayload(message);
  if (cursors_) Move(from, to);
}

void Tally::CountPayload(const SseMessage& message) {
  ++counts_.payloads;
  counts_.payload_bytes += message.bytes;
  if (message.bytes > counts_.largest_payload)
    counts_.largest_payload = message.bytes;
}

void Tally::Move(uint64_t from, uint64_t to) {
  if (connection_->position_known) {
    if (from > connection_->position + 1) ++counts_.gaps;
    if (from <= connection_->position) ++counts_.repeats;
  }
  connection_->position_known = true;
  connection_->position = to;
}

}  // namespace bench
