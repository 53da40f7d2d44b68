#include "core/cursor.h"

#include <gtest/gtest.h>

#include <string>

#include "core/random.h"
#include "seed.h"

namespace pathcast {
namespace {

TEST(CursorTest, ReadsWhatItWrites) {
  Random random(TestSeed());
  for (int i = 0; i < 1000; ++i) {
    const std::string epoch = random.HexId(random.Between(1, kMaxEpochChars));
    const uint64_t seq = random.Between(0, kMaxSeq);
    std::string text;
    AppendCursor(&text, epoch, seq);
    Cursor cursor;
    ASSERT_TRUE(ParseCursor(text, &cursor)) << text;
    EXPECT_EQ(cursor.epoch, epoch);
    EXPECT_EQ(cursor.seq, seq);
  }
}

TEST(CursorTest, TakesTheEdges) {
  Cursor cursor;
  EXPECT_TRUE(ParseCursor(kNowhereCursor, &cursor));
  EXPECT_EQ(cursor.epoch, "0");
  EXPECT_EQ(cursor.seq, 0u);
  EXPECT_TRUE(ParseCursor("z9.9007199254740991", &cursor));
  EXPECT_EQ(cursor.seq, kMaxSeq);
  EXPECT_TRUE(ParseCursor(std::string(32, 'a') + ".1", &cursor));
}

TEST(CursorTest, RefusesEverythingElse) {
  const std::string wrong[] = {
      "",
      ".",
      "a",
      "a.",
      ".1",
      "a.01",
      "a.00",
      "a.+1",
      "a.-1",
      "a.1 ",
      " a.1",
      "a. 1",
      "a.1.2",
      "a..1",
      "A.1",
      "a-b.1",
      "\xC3\xA4.1",
      "a.1e3",
      "a.0x1",
      "a.1\n",
      "a.1\r\nid: b.2",
      std::string("a.1\0", 4),
      std::string("a\0.1", 4),
      "a.9007199254740992",
      "a.18446744073709551616",
      "a.99999999999999999999999999999999999999",
      std::string(33, 'a') + ".1",
  };
  for (const std::string& text : wrong) {
    Cursor cursor{.epoch = "kept", .seq = 7};
    EXPECT_FALSE(ParseCursor(text, &cursor)) << '"' << text << '"';
    EXPECT_EQ(cursor.epoch, "kept");
    EXPECT_EQ(cursor.seq, 7u);
  }
}

}  // namespace
}  // namespace pathcast
