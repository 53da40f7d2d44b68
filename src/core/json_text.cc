#include "core/json_text.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace pathcast {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool IsContinuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or
// 0 when there is none. REQUIRES: text[at] is not ASCII.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    // Past the end reads as ASCII, which continues nothing.
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i])
                                : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  const unsigned char second = byte(1);
  if (first < 0xC2 || first > 0xF4 || !IsContinuation(second)) return 0;
  if (first < 0xE0) return 2;
  if (!IsContinuation(byte(2))) return 0;
  if (first < 0xF0) {
    if (first == 0xE0 && second < 0xA0) return 0;  // Overlong.
    if (first == 0xED && second > 0x9F) return 0;  // A surrogate.
    return 3;
  }
  if (!IsContinuation(byte(3))) return 0;
  if (first == 0xF0 && second < 0x90) return 0;  // Overlong.
  if (first == 0xF4 && second > 0x8F) return 0;  // Above U+10FFFF.
  return 4;
}

void AppendAsciiEscape(std::string* out, unsigned char c) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
  }
}

template <class Int>
void AppendNumber(std::string* out, Int value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view utf8) {
  out->push_back('"');
  size_t plain = 0;  // Start of the run that is copied as it is.
  size_t at = 0;
  const auto flush = [&] { out->append(utf8.substr(plain, at - plain)); };
  while (at < utf8.size()) {
    const unsigned char c = static_cast<unsigned char>(utf8[at]);
    if (c < 0x80) {
      if (c < 0x20 || c == '"' || c == '\\') {
        flush();
        AppendAsciiEscape(out, c);
        plain = ++at;
      } else {
        ++at;
      }
      continue;
    }
    const size_t length = SequenceLength(utf8, at);
    if (length == 0) {
      flush();
      out->append("\\ufffd");
      plain = ++at;
      continue;
    }
    const std::string_view sequence = utf8.substr(at, length);
    if (sequence == "\u2028" || sequence == "\u2029") {
      flush();
      out->append(sequence == "\u2028" ? "\\u2028" : "\\u2029");
      plain = at += length;
    } else {
      at += length;
    }
  }
  flush();
  out->push_back('"');
}

void AppendOnOneLine(std::string* out, std::string_view json) {
  const size_t start = out->size();
  out->append(json);
  // Line ends are rare: three searches at memory's pace instead of a walk.
  for (const char c : {'\n', '\r', '\0'}) {
    if (!json.empty() && std::memchr(json.data(), c, json.size()) != nullptr) {
      std::replace_if(
          out->begin() + static_cast<std::ptrdiff_t>(start), out->end(),
          [](char at) { return at == '\n' || at == '\r' || at == '\0'; }, ' ');
      return;
    }
  }
}

void AppendUint(std::string* out, uint64_t value) { AppendNumber(out, value); }

void AppendInt(std::string* out, int64_t value) { AppendNumber(out, value); }

}  // namespace pathcast
