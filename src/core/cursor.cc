#include "core/cursor.h"

#include "core/json_text.h"

namespace pathcast {

bool ParseCursor(std::string_view text, Cursor* out) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > kMaxEpochChars) {
    return false;
  }
  const std::string_view epoch = text.substr(0, dot);
  for (const char c : epoch) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return false;
  }

  const std::string_view digits = text.substr(dot + 1);
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return false;
  uint64_t seq = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    // Cannot wrap: seq is at most 2^53 before each step.
    seq = seq * 10 + static_cast<uint64_t>(c - '0');
    if (seq > kMaxSeq) return false;
  }

  out->epoch.assign(epoch);
  out->seq = seq;
  return true;
}

void AppendCursor(std::string* out, std::string_view epoch, uint64_t seq) {
  out->append(epoch);
  out->push_back('.');
  AppendUint(out, seq);
}

}  // namespace pathcast
