// Where a Redis is and how to come in, read out of a URL.
//
//   redis://[[user]:password@][host][:port][/db]
//   redis+unix://[[user]:password@]/path/to.sock[?db=n]
//   redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/db]
//
// User and password are Redis's own; those of the sentinels are the parameters
// `sentinel_user` and `sentinel_password`. All parts are percent-decoded but
// hosts. Values; any thread.
#ifndef PATHCAST_REDIS_URL_H_
#define PATHCAST_REDIS_URL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace pathcast::redis {

inline constexpr uint16_t kRedisPort = 6379;
inline constexpr uint16_t kSentinelPort = 26379;

// A socket to connect to: a path of the file system, or a host and a port.
struct Endpoint {
  // A name or an address, IPv6 without brackets; empty where `path` is not.
  std::string host;
  uint16_t port = 0;
  // Of a Unix socket.
  std::string path;

  // "host:6379", "[::1]:6379", "/run/redis.sock".
  std::string ToString() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Credentials {
  // Empty: Redis's default user.
  std::string user;
  // Empty: no AUTH is sent.
  std::string password;
};

struct Url {
  enum class Kind : uint8_t { kTcp, kUnix, kSentinel };

  Kind kind = Kind::kTcp;
  // One, or each sentinel that is named. Never empty.
  std::vector<Endpoint> endpoints;
  // kSentinel: what the sentinels call the master.
  std::string master;
  Credentials credentials;
  Credentials sentinel_credentials;
  int32_t db = 0;

  // For people: passwords as ***, users as they are.
  std::string ToString() const;
};

// kInvalid names the part and what is allowed there. It never repeats a part
// that might hold a password.
Result<Url> ParseUrl(std::string_view text);

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_URL_H_
