// A client's place in a tenant's log, and its text: "<epoch>.<seq>".
//
// Values; any thread. The text comes back from browsers, so the parser takes
// exactly what AppendCursor makes and nothing else.
#ifndef PATHCAST_CORE_CURSOR_H_
#define PATHCAST_CORE_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pathcast {

// Bounds an epoch's length; a longer one does not parse.
inline constexpr size_t kMaxEpochChars = 32;
// The greatest seq: beyond it JavaScript numbers lose integers. A cursor above
// it does not parse.
inline constexpr uint64_t kMaxSeq = (uint64_t{1} << 53) - 1;
// Names a position in no log: an epoch that never exists (SPEC §2).
inline constexpr std::string_view kNowhereCursor = "0.0";

struct Cursor {
  std::string epoch;
  uint64_t seq = 0;
};

// Strict: 1–32 of [0-9a-z], a dot, a decimal seq without sign or leading zeros
// and at most kMaxSeq. `out` is untouched when false is returned.
bool ParseCursor(std::string_view text, Cursor* out);

void AppendCursor(std::string* out, std::string_view epoch, uint64_t seq);

}  // namespace pathcast

#endif  // PATHCAST_CORE_CURSOR_H_
