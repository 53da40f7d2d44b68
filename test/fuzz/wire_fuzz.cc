// Whatever an id, a payload, a message or a cursor holds: one event comes out,
// and no field but those that were meant.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/cursor.h"
#include "core/json_text.h"
#include "core/wire.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// One event is lines that begin with a known field, then one empty line.
void RequireOneEvent(std::string_view out) {
  Require(out.find('\r') == out.npos && out.find('\0') == out.npos);
  Require(out.find("\n\n") == out.size() - 2);
  int ids = 0, datas = 0;
  for (size_t at = 0; at + 1 < out.size(); at = out.find('\n', at) + 1) {
    const std::string_view line = out.substr(at);
    const bool id = line.starts_with("id: ");
    const bool data = line.starts_with("data: ");
    ids += id ? 1 : 0;
    datas += data ? 1 : 0;
    Require(id || data || line.starts_with("event: serialized-error\n"));
  }
  Require(ids <= 1 && datas == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 2),
                               size - 2);
  const std::string_view first = input.substr(0, data[1]);
  const std::string_view rest = input.substr(first.size());
  const pathcast::Dialect dialect{.trpc = (data[0] & 1) != 0,
                                  .ids = (data[0] & 2) != 0,
                                  .transformed = (data[0] & 4) != 0};
  const pathcast::Wrap wrap{.prefix = "{\"json\":", .suffix = "}"};

  std::string out;
  pathcast::AppendMessage(&out, dialect, wrap, first, rest);
  RequireOneEvent(out);
  out.clear();
  pathcast::AppendSerializedError(&out, dialect, wrap, first, -32603, rest, 503,
                                  rest);
  RequireOneEvent(out);

  out.clear();
  pathcast::AppendJsonString(&out, input);
  Require(out.size() >= 2 && out.front() == '"' && out.back() == '"');
  for (size_t at = 1; at + 1 < out.size(); ++at) {
    Require(static_cast<unsigned char>(out[at]) >= 0x20 && out[at] != '"');
    if (out[at] == '\\') ++at;
    Require(at + 1 < out.size());
  }

  pathcast::Cursor cursor;
  if (pathcast::ParseCursor(input, &cursor)) {
    std::string text;
    pathcast::AppendCursor(&text, cursor.epoch, cursor.seq);
    Require(text == input);
  }
  return 0;
}
