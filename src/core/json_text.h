// Writing JSON text by hand, for the few events an engine makes itself.
//
// Pure functions; any thread. What they append never holds a raw CR or LF, so
// it is safe inside one SSE `data:` line.
#ifndef PATHCAST_CORE_JSON_TEXT_H_
#define PATHCAST_CORE_JSON_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace pathcast {

// Appends `utf8` as a JSON string, quotes included. Control characters, quote
// and backslash are escaped as JSON.stringify does; U+2028 and U+2029 too (some
// readers take them for line ends). Each byte that is not part of valid UTF-8
// becomes \ufffd.
void AppendJsonString(std::string* out, std::string_view utf8);

// Appends `json` so that it stays within its line. JSON has no raw line ends
// inside strings; between its tokens a space means the same.
void AppendOnOneLine(std::string* out, std::string_view json);

void AppendUint(std::string* out, uint64_t value);
void AppendInt(std::string* out, int64_t value);

}  // namespace pathcast

#endif  // PATHCAST_CORE_JSON_TEXT_H_
