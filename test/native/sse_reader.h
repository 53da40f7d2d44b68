// Reads what a sink got, as strictly as the specification writes it
// (lib/SPEC.md §3): field order, LF, one empty line. Anything else is a
// malformed stream.
#ifndef PATHCAST_TEST_NATIVE_SSE_READER_H_
#define PATHCAST_TEST_NATIVE_SSE_READER_H_

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pathcast {

struct SseMessage {
  std::string retry;
  std::string event;
  std::string id;
  std::string data;

  // The text of a string field of `data`, or "".
  std::string Text(std::string_view name) const {
    const std::string key = "\"" + std::string(name) + "\":\"";
    const size_t at = data.find(key);
    if (at == std::string::npos) return {};
    const size_t begin = at + key.size();
    return data.substr(begin, data.find('"', begin) - begin);
  }
  uint64_t Number(std::string_view name) const {
    const std::string key = "\"" + std::string(name) + "\":";
    const size_t at = data.rfind(key);
    if (at == std::string::npos) return UINT64_MAX;
    return std::strtoull(data.c_str() + at + key.size(), nullptr, 10);
  }
  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    const std::string key = "\"queryPaths\":[";
    size_t at = data.find(key);
    if (at == std::string::npos) return paths;
    at += key.size();
    while (at < data.size() && data[at] != ']') {
      const size_t end = data.find('"', at + 1);
      paths.push_back(data.substr(at + 1, end - at - 1));
      at = end + 1;
      if (at < data.size() && data[at] == ',') ++at;
    }
    return paths;
  }
  std::string type() const { return Text("type"); }
  // The seq of the id; nothing without an id.
  std::optional<uint64_t> IdSeq() const {
    const size_t dot = id.find('.');
    if (dot == std::string::npos) return std::nullopt;
    return std::strtoull(id.c_str() + dot + 1, nullptr, 10);
  }
};

struct SseStream {
  std::vector<SseMessage> messages;
  std::string rest;       // of a message that was cut
  std::string malformed;  // the first line that nobody may write; "" if none
};

// `bytes`: from after the HTTP head.
inline SseStream ReadSse(std::string_view bytes) {
  SseStream out;
  size_t begin = 0;
  while (begin < bytes.size()) {
    const size_t end = bytes.find("\n\n", begin);
    if (end == std::string_view::npos) {
      out.rest = bytes.substr(begin);
      return out;
    }
    SseMessage message;
    int stage = 0;  // retry, event, id, data: in this order, each at most once
    for (size_t at = begin; at <= end;) {
      const size_t line_end = bytes.find('\n', at);
      const std::string_view line = bytes.substr(at, line_end - at);
      auto take = [&](int is, std::string_view name, std::string* into) {
        if (stage >= is || line.substr(0, name.size()) != name) return false;
        *into = line.substr(name.size());
        stage = is;
        return true;
      };
      const bool known = take(1, "retry: ", &message.retry) ||
                         take(2, "event: ", &message.event) ||
                         take(3, "id: ", &message.id) ||
                         take(4, "data: ", &message.data) ||
                         (line == "data:" && take(4, "data:", &message.data));
      if (!known || line.find('\r') != std::string_view::npos) {
        out.malformed = line;
        return out;
      }
      at = line_end + 1;
    }
    if (stage != 4) {
      out.malformed = "a message without data";
      return out;
    }
    out.messages.push_back(std::move(message));
    begin = end + 2;
  }
  return out;
}

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_SSE_READER_H_
