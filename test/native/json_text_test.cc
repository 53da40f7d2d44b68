#include "core/json_text.h"

#include <gtest/gtest.h>

#include <string>

#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

std::string Json(std::string_view text) {
  std::string json;
  AppendJsonString(&json, text);
  return json;
}

TEST(JsonTextTest, LeavesPlainTextAlone) {
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("guests.getAll"), "\"guests.getAll\"");
  EXPECT_EQ(Json("Zoë 東京 🎉 \x7F /"), "\"Zoë 東京 🎉 \x7F /\"");
}

TEST(JsonTextTest, EscapesWhatJsonHasToEscape) {
  EXPECT_EQ(Json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Json("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(Json(std::string_view("\0\x01\x1F", 3)), R"("\u0000\u0001\u001f")");
  EXPECT_EQ(Json("a\u2028b\u2029c"), R"("a\u2028b\u2029c")");
}

TEST(JsonTextTest, ReplacesEachByteThatIsNoUtf8) {
  EXPECT_EQ(Json("a\xFFz"), R"("a\ufffdz")");
  EXPECT_EQ(Json("\x80"), R"("\ufffd")");
  EXPECT_EQ(Json("\xC3"), R"("\ufffd")");            // Cut off.
  EXPECT_EQ(Json("\xE2\x80"), R"("\ufffd\ufffd")");  // Cut off.
  EXPECT_EQ(Json("\xC0\xAF"), R"("\ufffd\ufffd")");  // Overlong.
  EXPECT_EQ(Json("\xE0\x9F\xBF"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(Json("\xED\xA0\x80"), R"("\ufffd\ufffd\ufffd")");  // Surrogate.
  EXPECT_EQ(Json("\xF4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(Json("\xF0\x8F\xBF\xBF"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(Json("\xC3\"x"), R"("\ufffd\"x")");  // Swallows no quote.
}

// Whatever goes in, one line comes out, whose only bare quotes are its ends.
TEST(JsonTextTest, NeverBreaksOutOfItsString) {
  Random random(TestSeed());
  for (int i = 0; i < 20000; ++i) {
    std::string text(random.Between(0, 24), '\0');
    for (char& c : text) c = static_cast<char>(random.Next());
    const std::string json = Json(text);
    ASSERT_GE(json.size(), 2u);
    ASSERT_EQ(json.front(), '"');
    ASSERT_EQ(json.back(), '"');
    for (size_t at = 1; at + 1 < json.size(); ++at) {
      ASSERT_GE(static_cast<unsigned char>(json[at]), 0x20u);
      ASSERT_NE(json[at], '"');
      if (json[at] == '\\') ++at;
      ASSERT_LT(at, json.size() - 1);
    }
  }
}

TEST(JsonTextTest, WritesNumbers) {
  std::string json;
  AppendUint(&json, UINT64_MAX);
  json += ' ';
  AppendInt(&json, INT64_MIN);
  json += ' ';
  AppendInt(&json, 0);
  EXPECT_EQ(json, "18446744073709551615 -9223372036854775808 0");
}

}  // namespace
}  // namespace pathcast
