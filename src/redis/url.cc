#include "redis/url.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace pathcast::redis {
namespace {

// What a Unix socket's path may take up on every platform, its end included.
constexpr size_t kPathBytes = 104;

Status Invalid(std::string message) {
  return Status(Code::kInvalid, "the Redis URL: " + std::move(message));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `part` is for the error, which does not repeat `text`: it may be secret.
Result<std::string> Decode(std::string_view part, std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Invalid(std::string(part) +
                     " has a '%' that two hex digits do not follow; a '%' "
                     "itself is written %25");
    }
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

template <class T>
std::optional<T> Number(std::string_view text, T low, T high) {
  T value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty() || text[0] == '-' ||
      value < low || value > high) {
    return std::nullopt;
  }
  return value;
}

Result<int32_t> ParseDb(std::string_view text) {
  const auto db = Number<int32_t>(text, 0, INT32_MAX);
  if (!db) {
    return Invalid("the database '" + std::string(text) +
                   "' is none: a number from 0 is allowed");
  }
  return *db;
}

Result<Credentials> ParseCredentials(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) {
    return Invalid(
        "there is something before the '@' but no password: allowed are "
        "user:password@ and :password@");
  }
  auto user = Decode("the user", text.substr(0, colon));
  if (!user.ok()) return user.status();
  auto password = Decode("the password", text.substr(colon + 1));
  if (!password.ok()) return password.status();
  return Credentials{std::move(*user), std::move(*password)};
}

bool IsHostCharacter(char c, bool bracketed) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
      (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_') {
    return true;
  }
  // An address of IPv6 and its zone.
  return bracketed && (c == ':' || c == '%');
}

Result<Endpoint> ParseHost(std::string_view text, uint16_t default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  const bool bracketed = text.starts_with('[');
  std::string_view host = text;
  std::string_view rest;
  if (bracketed) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return Invalid("a host begins with '[' and has no ']'");
    }
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos) {
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  const bool named = std::all_of(host.begin(), host.end(), [&](char c) {
    return IsHostCharacter(c, bracketed);
  });
  if (!named || (bracketed && host.empty())) {
    return Invalid("the host '" + std::string(host) +
                   "' is none: a name, an IPv4 address or an IPv6 address in "
                   "brackets is allowed");
  }
  endpoint.host = host;
  if (!rest.empty()) {
    const auto port = rest[0] == ':'
                          ? Number<uint16_t>(rest.substr(1), 1, UINT16_MAX)
                          : std::nullopt;
    if (!port) {
      // Not repeated: where the host was forgotten, it is the password.
      return Invalid("what follows the host '" + endpoint.host +
                     "' is no port: a number from 1 to 65535 is allowed; an "
                     "IPv6 address stands in brackets");
    }
    endpoint.port = *port;
  }
  return endpoint;
}

// The three parts behind "scheme://".
struct Parts {
  std::string_view authority;
  std::string_view path;
  std::string_view query;
};

Result<Parts> Split(std::string_view text) {
  const std::string_view hint =
      "a '/', '?' or '#' in a user or password is written %2F, %3F or %23";
  Parts parts;
  if (text.find('#') != std::string_view::npos) {
    return Invalid("there is a '#', which begins nothing here; " +
                   std::string(hint));
  }
  const size_t query = text.find('?');
  if (query != std::string_view::npos) {
    parts.query = text.substr(query + 1);
    text = text.substr(0, query);
  }
  const size_t slash = text.find('/');
  parts.authority = text.substr(0, slash);
  if (slash != std::string_view::npos) parts.path = text.substr(slash);
  // What precedes an '@' is secret, so an error must not look into it.
  if (parts.path.find('@') != std::string_view::npos ||
      parts.query.find('@') != std::string_view::npos) {
    return Invalid("there is an '@' behind the host; " + std::string(hint) +
                   ", an '@' elsewhere %40");
  }
  return parts;
}

Status ParseQuery(std::string_view query, Url* url) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string_view text =
        pair.substr(std::min(equals + 1, pair.size()));
    auto value = Decode("the parameter '" + std::string(name) + "'", text);
    if (!value.ok()) return value.status();
    const bool sentinel = url->kind == Url::Kind::kSentinel;
    if (name == "db") {
      const auto db = ParseDb(*value);
      if (!db.ok()) return db.status();
      url->db = *db;
    } else if (sentinel && name == "sentinel_user") {
      url->sentinel_credentials.user = std::move(*value);
    } else if (sentinel && name == "sentinel_password") {
      url->sentinel_credentials.password = std::move(*value);
    } else {
      return Invalid("there is no parameter '" + std::string(name) +
                     "'; allowed are db and, for sentinels, sentinel_user and "
                     "sentinel_password");
    }
  }
  const Credentials& sentinel = url->sentinel_credentials;
  if (!sentinel.user.empty() && sentinel.password.empty()) {
    return Invalid("sentinel_user needs a sentinel_password");
  }
  return Status::Ok();
}

Status ParseTcp(const Parts& parts, std::string_view hosts, Url* url) {
  auto endpoint = ParseHost(hosts, kRedisPort);
  if (!endpoint.ok()) return endpoint.status();
  if (endpoint->host.empty()) endpoint->host = "127.0.0.1";
  url->endpoints.push_back(std::move(*endpoint));
  if (parts.path.size() > 1) {
    const auto db = ParseDb(parts.path.substr(1));
    if (!db.ok()) return db.status();
    url->db = *db;
  }
  return Status::Ok();
}

Status ParseUnix(const Parts& parts, std::string_view hosts, Url* url) {
  if (!hosts.empty()) {
    return Invalid(
        "there is a host before the socket's path: three slashes are needed, "
        "redis+unix:///run/redis.sock");
  }
  auto path = Decode("the socket's path", parts.path);
  if (!path.ok()) return path.status();
  if (path->size() < 2 || path->size() >= kPathBytes ||
      path->find('\0') != std::string::npos) {
    return Invalid("the socket's path has " + std::to_string(path->size()) +
                   " bytes; allowed are 2 to " +
                   std::to_string(kPathBytes - 1) + " without a zero byte");
  }
  url->endpoints.push_back(Endpoint{"", 0, std::move(*path)});
  return Status::Ok();
}

Status ParseSentinel(const Parts& parts, std::string_view hosts, Url* url) {
  for (size_t from = 0; from <= hosts.size();) {
    const size_t end = std::min(hosts.find(',', from), hosts.size());
    auto endpoint = ParseHost(hosts.substr(from, end - from), kSentinelPort);
    if (!endpoint.ok()) return endpoint.status();
    if (endpoint->host.empty()) {
      return Invalid(
          "a sentinel has no host: host[:port], with commas between them, is "
          "allowed");
    }
    url->endpoints.push_back(std::move(*endpoint));
    from = end + 1;
  }
  const std::string_view path =
      parts.path.substr(std::min<size_t>(1, parts.path.size()));
  const size_t slash = std::min(path.find('/'), path.size());
  auto master = Decode("the master's name", path.substr(0, slash));
  if (!master.ok()) return master.status();
  if (master->empty()) {
    return Invalid(
        "the master's name is missing: redis+sentinel://host:26379/mymaster");
  }
  url->master = std::move(*master);
  if (slash + 1 < path.size()) {
    const auto db = ParseDb(path.substr(slash + 1));
    if (!db.ok()) return db.status();
    url->db = *db;
  }
  return Status::Ok();
}

void AppendCredentials(const Credentials& credentials, std::string* text) {
  if (credentials.password.empty()) return;
  text->append(credentials.user).append(":***@");
}

}  // namespace

std::string Endpoint::ToString() const {
  if (!path.empty()) return path;
  const bool bracketed = host.find(':') != std::string::npos;
  return (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Url::ToString() const {
  std::string text = kind == Kind::kTcp    ? "redis://"
                     : kind == Kind::kUnix ? "redis+unix://"
                                           : "redis+sentinel://";
  AppendCredentials(credentials, &text);
  for (const Endpoint& endpoint : endpoints) {
    if (&endpoint != &endpoints.front()) text.push_back(',');
    text.append(endpoint.ToString());
  }
  if (kind == Kind::kSentinel) text.append("/").append(master);
  if (db != 0) {
    text.append(kind == Kind::kUnix ? "?db=" : "/").append(std::to_string(db));
  }
  return text;
}

Result<Url> ParseUrl(std::string_view text) {
  const size_t end = text.find("://");
  const std::string_view scheme =
      end == std::string_view::npos ? "" : text.substr(0, end);
  Url url;
  if (scheme == "redis") {
    url.kind = Url::Kind::kTcp;
  } else if (scheme == "redis+unix") {
    url.kind = Url::Kind::kUnix;
  } else if (scheme == "redis+sentinel") {
    url.kind = Url::Kind::kSentinel;
  } else {
    return Invalid(
        "the scheme is not known; allowed are redis://, redis+unix:// and "
        "redis+sentinel://");
  }
  auto parts = Split(text.substr(end + 3));
  if (!parts.ok()) return parts.status();

  std::string_view hosts = parts->authority;
  // The last one: a password that nobody encoded may have more of them.
  if (const size_t at = hosts.rfind('@'); at != std::string_view::npos) {
    auto credentials = ParseCredentials(hosts.substr(0, at));
    if (!credentials.ok()) return credentials.status();
    url.credentials = std::move(*credentials);
    hosts = hosts.substr(at + 1);
  }
  Status status = url.kind == Url::Kind::kTcp ? ParseTcp(*parts, hosts, &url)
                  : url.kind == Url::Kind::kUnix
                      ? ParseUnix(*parts, hosts, &url)
                      : ParseSentinel(*parts, hosts, &url);
  if (status.ok()) status = ParseQuery(parts->query, &url);
  if (!status.ok()) return status;
  return url;
}

}  // namespace pathcast::redis
