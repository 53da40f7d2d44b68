#include "redis/sha1.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace pathcast::redis {
namespace {

constexpr size_t kBlockBytes = 64;
constexpr size_t kLengthBytes = 8;

void Mix(const unsigned char* block, uint32_t* state) {
  uint32_t words[80];
  for (size_t i = 0; i < 16; ++i) {
    words[i] = 0;
    for (size_t byte = 0; byte < 4; ++byte) {
      words[i] = words[i] << 8 | block[i * 4 + byte];
    }
  }
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(
        words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (size_t i = 0; i < 80; ++i) {
    uint32_t choice, constant;
    if (i < 20) {
      choice = (b & c) | (~b & d);
      constant = 0x5A827999;
    } else if (i < 40) {
      choice = b ^ c ^ d;
      constant = 0x6ED9EBA1;
    } else if (i < 60) {
      choice = (b & c) | (b & d) | (c & d);
      constant = 0x8F1BBCDC;
    } else {
      choice = b ^ c ^ d;
      constant = 0xCA62C1D6;
    }
    const uint32_t next = std::rotl(a, 5) + choice + e + constant + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

}  // namespace

std::string Sha1Hex(std::string_view bytes) {
  // Scripts are small: a padded copy is the plainest way.
  std::string padded(bytes);
  padded.push_back('\x80');
  while (padded.size() % kBlockBytes != kBlockBytes - kLengthBytes) {
    padded.push_back('\0');
  }
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) {
    padded.push_back(static_cast<char>(bits >> shift & 0xFF));
  }
  uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476,
                       0xC3D2E1F0};
  for (size_t at = 0; at < padded.size(); at += kBlockBytes) {
    Mix(reinterpret_cast<const unsigned char*>(padded.data()) + at, state);
  }
  std::string hex;
  for (const uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      hex.push_back("0123456789abcdef"[word >> shift & 15]);
    }
  }
  return hex;
}

}  // namespace pathcast::redis
