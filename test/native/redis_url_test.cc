#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/random.h"
#include "redis/url.h"
#include "seed.h"

namespace pathcast::redis {
namespace {

Url Parsed(std::string_view text) {
  auto url = ParseUrl(text);
  EXPECT_TRUE(url.ok()) << text << ": " << url.status().message();
  return url.ok() ? *url : Url{};
}

std::string Refused(std::string_view text) {
  const auto url = ParseUrl(text);
  EXPECT_FALSE(url.ok()) << text;
  EXPECT_EQ(url.status().code(), Code::kInvalid);
  return url.status().message();
}

TEST(RedisUrlTest, HasDefaultsForAllButTheScheme) {
  for (const char* text : {"redis://", "redis:///", "redis://127.0.0.1",
                           "redis://127.0.0.1:6379/0"}) {
    const Url url = Parsed(text);
    EXPECT_EQ(url.kind, Url::Kind::kTcp);
    EXPECT_EQ(url.endpoints, (std::vector<Endpoint>{{"127.0.0.1", 6379, ""}}));
    EXPECT_EQ(url.db, 0);
    EXPECT_EQ(url.credentials.password, "");
  }
}

TEST(RedisUrlTest, ReadsEachPartAndHidesThePassword) {
  const Url url = Parsed("redis://a%40b:p%2F%3a%25%00@redis.local:7000/12");
  EXPECT_EQ(url.endpoints[0], (Endpoint{"redis.local", 7000, ""}));
  EXPECT_EQ(url.credentials.user, "a@b");
  EXPECT_EQ(url.credentials.password, std::string("p/:%\0", 5));
  EXPECT_EQ(url.db, 12);
  EXPECT_EQ(url.ToString(), "redis://a@b:***@redis.local:7000/12");
  EXPECT_EQ(Parsed("redis://:x@h?db=3").ToString(), "redis://:***@h:6379/3");
  // Not encoded, and still no riddle.
  EXPECT_EQ(Parsed("redis://u:a@b:c@h").credentials.password, "a@b:c");
}

TEST(RedisUrlTest, ReadsAddressesOfIpv6) {
  EXPECT_EQ(Parsed("redis://[::1]").endpoints[0], (Endpoint{"::1", 6379, ""}));
  const Url url = Parsed("redis://:p@[fe80::1%eth0]:7001/1");
  EXPECT_EQ(url.endpoints[0], (Endpoint{"fe80::1%eth0", 7001, ""}));
  EXPECT_EQ(url.ToString(), "redis://:***@[fe80::1%eth0]:7001/1");
}

TEST(RedisUrlTest, ReadsAUnixSocket) {
  const Url url = Parsed("redis+unix://me:secret@/run/my%20redis.sock?db=2");
  EXPECT_EQ(url.kind, Url::Kind::kUnix);
  EXPECT_EQ(url.endpoints,
            (std::vector<Endpoint>{{"", 0, "/run/my redis.sock"}}));
  EXPECT_EQ(url.credentials.user, "me");
  EXPECT_EQ(url.db, 2);
  EXPECT_EQ(url.ToString(), "redis+unix://me:***@/run/my redis.sock?db=2");
}

TEST(RedisUrlTest, ReadsSentinels) {
  const Url url = Parsed(
      "redis+sentinel://u:p@s1,s2:7,[::1]:8/my%2Fmaster/4"
      "?sentinel_user=w&sentinel_password=x%26y");
  EXPECT_EQ(url.kind, Url::Kind::kSentinel);
  EXPECT_EQ(url.endpoints,
            (std::vector<Endpoint>{
                {"s1", 26379, ""}, {"s2", 7, ""}, {"::1", 8, ""}}));
  EXPECT_EQ(url.master, "my/master");
  EXPECT_EQ(url.db, 4);
  EXPECT_EQ(url.sentinel_credentials.user, "w");
  EXPECT_EQ(url.sentinel_credentials.password, "x&y");
  EXPECT_EQ(url.ToString(),
            "redis+sentinel://u:***@s1:26379,s2:7,[::1]:8/my/master/4");
}

TEST(RedisUrlTest, AnErrorNamesThePartAndWhatIsAllowed) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"", "scheme"},
      {"localhost:6379", "scheme"},
      {"rediss://h", "redis+sentinel://"},
      {"redis://h:0", "1 to 65535"},
      {"redis://h:65536", "1 to 65535"},
      {"redis://h:+1", "1 to 65535"},
      {"redis://h:", "1 to 65535"},
      {"redis://::1", "brackets"},
      {"redis://[::1", "']'"},
      {"redis://[]", "host"},
      {"redis://a b", "'a b'"},
      {"redis://h/x", "'x'"},
      {"redis://h/-1", "'-1'"},
      {"redis://h/2147483648", "number from 0"},
      {"redis://user@h", "no password"},
      {"redis://user:@h", "no password"},
      {"redis://u:%4@h", "the password"},
      {"redis://%zz:p@h", "the user"},
      {"redis://h?database=1", "'database'"},
      {"redis://h?sentinel_user=x", "'sentinel_user'"},
      {"redis://h#1", "'#'"},
      {"redis+unix://host/run/x", "three slashes"},
      {"redis+unix:///", "path"},
      {"redis+unix:///a%00b", "path"},
      {"redis+sentinel://h", "master"},
      {"redis+sentinel://h//1", "master"},
      {"redis+sentinel://h,/m", "sentinel has no host"},
      {"redis+sentinel:///m", "sentinel has no host"},
      {"redis+sentinel://h/m/x", "'x'"},
      {"redis+sentinel://h/m?sentinel_user=x", "sentinel_password"},
  };
  for (const auto& [text, part] : cases) {
    const std::string message = Refused(text);
    EXPECT_NE(message.find(part), std::string::npos) << text << ": " << message;
  }
  Refused("redis+unix:///" + std::string(104, 'x'));
}

TEST(RedisUrlTest, NoErrorRepeatsAPassword) {
  for (const char* text :
       {"redis://u:hunter2/x@h", "redis://u:x/hunter2@h",
        "redis://u:%hunter2@h", "redis://u:x?hunter2@h",
        "redis://u:p@x?hunter2@h", "redis://u:x#hunter2@h", "redis://:hunter2",
        "redis://u:hunter2", "redis://h:hunter2/1", "hunter2://u",
        "redis://u:hunter2@h:x", "redis+sentinel://u:hunter2@h",
        "redis+unix://u:hunter2@h/x",
        "redis+sentinel://h/m?sentinel_user=a&sentinel_password=hunter2%"}) {
    EXPECT_EQ(Refused(text).find("hunter2"), std::string::npos) << text;
  }
}

std::string Encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789ABCDEF"[byte & 15]);
  }
  return out;
}

// Whatever is thrown at it is refused or means something; what is written from
// parts is read as those parts.
TEST(RedisUrlTest, Fuzz) {
  Random random(TestSeed());
  const std::string_view pieces[] = {
      "redis", "+unix", "+sentinel", "://",  ":",  "/",
      "@",     "?",     "&",         "=",    "db", "%41",
      "%",     "[",     "]",         ",",    "::", "127.0.0.1",
      "h",     "#",     "26379",     "\xff", " ",  "sentinel_password"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const char* schemes[] = {"", "redis://", "redis+unix://",
                             "redis+sentinel://"};
    text = schemes[random.Between(0, 3)];
    for (uint64_t left = random.Between(0, 12); left > 0; --left) {
      text += pieces[random.Between(0, std::size(pieces) - 1)];
    }
    const auto url = ParseUrl(text);
    if (!url.ok()) {
      EXPECT_FALSE(url.status().message().empty());
      continue;
    }
    ASSERT_FALSE(url->endpoints.empty()) << text;
    ASSERT_EQ(url->kind == Url::Kind::kUnix, !url->endpoints[0].path.empty());
    ASSERT_EQ(url->kind == Url::Kind::kSentinel, !url->master.empty());
  }
  for (int round = 0; round < 2'000; ++round) {
    std::string user, password(1, 'p');
    for (uint64_t n = random.Between(0, 9); n > 0; --n) {
      user.push_back(static_cast<char>(random.Between(0, 255)));
      password.push_back(static_cast<char>(random.Between(0, 255)));
    }
    const int db = static_cast<int>(random.Between(0, INT32_MAX));
    const Url url = Parsed("redis://" + Encoded(user) + ":" +
                           Encoded(password) + "@h:1/" + std::to_string(db));
    ASSERT_EQ(url.credentials.user, user);
    ASSERT_EQ(url.credentials.password, password);
    ASSERT_EQ(url.db, db);
  }
}

}  // namespace
}  // namespace pathcast::redis
