// SHA-1, by which Redis names scripts. Not for secrets. Any thread.
#ifndef PATHCAST_REDIS_SHA1_H_
#define PATHCAST_REDIS_SHA1_H_

#include <string>
#include <string_view>

namespace pathcast::redis {

// 40 lower-case hex digits.
std::string Sha1Hex(std::string_view bytes);

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_SHA1_H_
