#include "core/wire.h"

#include <gtest/gtest.h>

#include <string>

namespace pathcast {
namespace {

constexpr Dialect kPlain{.trpc = false, .ids = true, .transformed = false};
constexpr Dialect kTrpc{.trpc = true, .ids = true, .transformed = false};
constexpr Dialect kSuperjson{.trpc = true, .ids = true, .transformed = true};
constexpr Dialect kNoIds{.trpc = true, .ids = false, .transformed = false};
const Wrap kWrap{.prefix = "{\"json\":", .suffix = "}"};

std::string Message(const Dialect& dialect, std::string_view id,
                    std::string_view json) {
  std::string out;
  AppendMessage(&out, dialect, kWrap, id, json);
  return out;
}

TEST(WireTest, NamesEachReasonAsTheProtocolDoes) {
  EXPECT_EQ(ToString(Reason::kFresh), "fresh");
  EXPECT_EQ(ToString(Reason::kResumed), "resumed");
  EXPECT_EQ(ToString(Reason::kEpochChanged), "epoch_changed");
  EXPECT_EQ(ToString(Reason::kTrimmed), "trimmed");
  EXPECT_EQ(ToString(Reason::kUnknownCursor), "unknown_cursor");
  EXPECT_EQ(ToString(Reason::kAheadOfLog), "ahead_of_log");
  EXPECT_EQ(ToString(Reason::kOverflow), "overflow");
  EXPECT_EQ(ToString(Reason::kBrokerLost), "broker_lost");
  EXPECT_EQ(ToString(CloseReason::kReplaced), "replaced");
  EXPECT_EQ(ToString(CloseReason::kAuthExpired), "auth_expired");
  EXPECT_EQ(ToString(CloseReason::kSlow), "slow");
}

TEST(WireTest, ReadsBackEachCloseReason) {
  for (int i = 0; i < kCloseReasonCount; ++i) {
    const auto reason = static_cast<CloseReason>(i);
    CloseReason read = CloseReason::kReplaced;
    EXPECT_TRUE(ParseCloseReason(ToString(reason), &read));
    EXPECT_EQ(read, reason);
  }
  CloseReason kept = CloseReason::kDrain;
  EXPECT_FALSE(ParseCloseReason("Drain", &kept));
  EXPECT_FALSE(ParseCloseReason("", &kept));
  EXPECT_EQ(kept, CloseReason::kDrain);
}

TEST(WireTest, WritesAMessagePerDialect) {
  EXPECT_EQ(Message(kPlain, "9f3a.41", "{\"a\":1}"),
            "id: 9f3a.41\ndata: {\"a\":1}\n\n");
  EXPECT_EQ(Message(kTrpc, "9f3a.41", "{}"), "id: 9f3a.41\ndata: {}\n\n");
  EXPECT_EQ(Message(kSuperjson, "9f3a.41", "{}"),
            "id: 9f3a.41\ndata: {\"json\":{}}\n\n");
  EXPECT_EQ(Message(kNoIds, "9f3a.41", "{}"), "data: {}\n\n");
  EXPECT_EQ(Message(kPlain, "", "{}"), "data: {}\n\n");
}

TEST(WireTest, WritesTheFirstMessage) {
  std::string out;
  AppendRetry(&out, kTrpc, 2134);
  AppendConnected(&out, kTrpc, 15000);
  EXPECT_EQ(out,
            "retry: 2134\nevent: connected\n"
            "data: {\"reconnectAfterInactivityMs\":37500}\n\n");
}

TEST(WireTest, WritesAPingWithTheCursor) {
  std::string out;
  AppendPing(&out, kTrpc, "9f3a.41", 17);
  EXPECT_EQ(out,
            "event: ping\nid: 9f3a.41\n"
            "data: {\"type\":\"ping\",\"timestamp\":17,\"queryPaths\":[]}\n\n");
  out.clear();
  AppendPing(&out, kNoIds, "9f3a.41", 17);
  EXPECT_EQ(out,
            "event: ping\n"
            "data: {\"type\":\"ping\",\"timestamp\":17,\"queryPaths\":[]}\n\n");
}

TEST(WireTest, WritesTheRetryBeforeAServerClose) {
  std::string out;
  AppendServerClose(&out, kSuperjson, "9f3a.41", 17, CloseReason::kDrain, 1840);
  EXPECT_EQ(
      out,
      "retry: 1840\nevent: server_close\nid: 9f3a.41\n"
      "data: {\"type\":\"server_close\",\"timestamp\":17,\"queryPaths\":[],"
      "\"reason\":\"drain\",\"retryMs\":1840}\n\n");
  out.clear();
  AppendServerClose(&out, kNoIds, "9f3a.41", 17, CloseReason::kLimit, 10000);
  EXPECT_EQ(
      out,
      "retry: 10000\nevent: server_close\n"
      "data: {\"type\":\"server_close\",\"timestamp\":17,\"queryPaths\":[],"
      "\"reason\":\"limit\",\"retryMs\":10000}\n\n");
}

TEST(WireTest, WritesARefusalInTrpcsShape) {
  std::string out;
  AppendSerializedError(&out, kTrpc, kWrap,
                        "Too many connections for this user: 5 of 5", -32029,
                        "TOO_MANY_REQUESTS", 429, "sync.onSync");
  EXPECT_EQ(out,
            "event: serialized-error\n"
            "data: {\"message\":\"Too many connections for this user: 5 of 5\","
            "\"code\":-32029,\"data\":{\"code\":\"TOO_MANY_REQUESTS\","
            "\"httpStatus\":429,\"path\":\"sync.onSync\"}}\n\n");
  out.clear();
  AppendSerializedError(&out, kSuperjson, kWrap, "no", -32603,
                        "SERVICE_UNAVAILABLE", 503, "");
  EXPECT_EQ(out,
            "event: serialized-error\n"
            "data: {\"json\":{\"message\":\"no\",\"code\":-32603,\"data\":"
            "{\"code\":\"SERVICE_UNAVAILABLE\",\"httpStatus\":503}}}\n\n");
}

TEST(WireTest, WritesHelloInTheSpecsKeyOrder) {
  const Hello hello{.timestamp = 1700000000000,
                    .recovered = true,
                    .reason = Reason::kResumed,
                    .cursor = "9f3a.41",
                    .epoch = "9f3a",
                    .server_time = 1700000000001,
                    .heartbeat_ms = 15000,
                    .connection_id = "n1-2"};
  EXPECT_EQ(HelloJson(hello),
            "{\"type\":\"hello\",\"timestamp\":1700000000000,\"queryPaths\":[],"
            "\"recovered\":true,\"reason\":\"resumed\",\"cursor\":\"9f3a.41\","
            "\"epoch\":\"9f3a\",\"serverTime\":1700000000001,"
            "\"heartbeatMs\":15000,\"connectionId\":\"n1-2\"}");
}

TEST(WireTest, WritesResyncInTheSpecsKeyOrder) {
  EXPECT_EQ(ResyncJson(17, "[\"*\"]", Reason::kTrimmed),
            "{\"type\":\"resync\",\"timestamp\":17,\"queryPaths\":[\"*\"],"
            "\"reason\":\"trimmed\"}");
}

// What the text of the records says.
std::string TextOfRecords(std::string_view records) {
  std::string text;
  auto number = [&](size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value |= uint64_t{static_cast<unsigned char>(records[i])} << (8 * i);
    }
    records.remove_prefix(bytes);
    return value;
  };
  constexpr std::string_view kNames[] = {
      "", "", "connected", "ping", "server_close", "serialized-error"};
  while (!records.empty()) {
    const size_t length = number(4);
    const auto kind = static_cast<RecordKind>(number(1));
    const bool has_id = number(1) == kRecordHasId;
    const size_t id_size = number(2);
    const std::string id(records.substr(0, id_size));
    const std::string data(records.substr(id_size, length - 4 - id_size));
    records.remove_prefix(length - 4);
    if (kind == RecordKind::kRetry) {
      text += "retry: " + data + "\n";
      continue;
    }
    const std::string name(kNames[static_cast<size_t>(kind)]);
    if (!name.empty()) text += "event: " + name + "\n";
    if (has_id) text += "id: " + id + "\n";
    text += data.empty() ? "data:\n\n" : "data: " + data + "\n\n";
  }
  return text;
}

TEST(WireTest, PutsAChunkAroundWhatStandsThere) {
  std::string out = "HTTP/1.1 200 OK\r\n\r\n";
  const size_t from = out.size();
  AppendMessage(&out, kPlain, kWrap, "a.1", "{}");
  AppendPing(&out, kPlain, "a.1", 17);
  const std::string body = out.substr(from);
  ASSERT_EQ(body.size(), 0x5cu);
  WrapInChunk(&out, from, Framing::kRaw);
  EXPECT_EQ(out.substr(from), body);
  WrapInChunk(&out, from, Framing::kChunked);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\n\r\n5c\r\n" + body + "\r\n");
  std::string nothing = "x";
  WrapInChunk(&nothing, 1, Framing::kChunked);
  EXPECT_EQ(nothing, "x");
}

TEST(WireTest, WritesARecordInParts) {
  Dialect records = kTrpc;
  records.framing = Framing::kRecords;
  std::string out;
  AppendMessage(&out, records, kWrap, "a.1", "{}");
  EXPECT_EQ(out, std::string("\x09\0\0\0\0\1\3\0a.1{}", 13));
  out.clear();
  AppendPing(&out, records, "", 1);
  const std::string json =
      "{\"type\":\"ping\",\"timestamp\":1,\"queryPaths\":[]}";
  EXPECT_EQ(out, std::string("\x31\0\0\0\3\0\0\0", 8) + json);
}

TEST(WireTest, RecordsSayWhatTheTextSays) {
  for (const bool trpc : {false, true}) {
    for (const bool ids : {false, true}) {
      for (const bool transformed : {false, true}) {
        std::string written[2];
        for (const Framing framing : {Framing::kRaw, Framing::kRecords}) {
          const Dialect dialect{trpc, ids, transformed, framing};
          std::string* out = &written[framing == Framing::kRaw ? 0 : 1];
          AppendRetry(out, dialect, 2134);
          AppendConnected(out, dialect, 15000);
          AppendMessage(out, dialect, kWrap, "9f3a.41", "{\"a\":1}");
          AppendMessage(out, dialect, kWrap, "", "{}");
          AppendMessage(out, dialect, kWrap, "a\nb", "{}");
          AppendPing(out, dialect, "9f3a.42", 17);
          AppendSerializedError(out, dialect, kWrap, "no\n", -32603, "X", 503,
                                "a.b");
          AppendServerClose(out, dialect, "9f3a.42", 17, CloseReason::kDrain,
                            7);
        }
        EXPECT_EQ(TextOfRecords(written[1]), written[0]);
      }
    }
  }
}

TEST(WireTest, ForgesNothingWhateverIsPutIn) {
  EXPECT_EQ(Message(kPlain, "a.1\ndata: forged", "{}"), "data: {}\n\n");
  EXPECT_EQ(Message(kPlain, "a.1\r", "{}"), "data: {}\n\n");
  EXPECT_EQ(Message(kPlain, std::string_view("a\0b", 3), "{}"), "data: {}\n\n");
  EXPECT_EQ(Message(kPlain, "a.1", "{\n\"a\":\r\n1}"),
            "id: a.1\ndata: { \"a\":  1}\n\n");
  EXPECT_EQ(Message(kPlain, "a.1", std::string_view("\"\0\"", 3)),
            "id: a.1\ndata: \" \"\n\n");
  std::string out;
  AppendSerializedError(&out, kTrpc, kWrap, "a\n\nevent: return\ndata:\n\n", -1,
                        "C\r", 1, "p\nq");
  EXPECT_EQ(out.find('\n'), out.find("\ndata: "));
  EXPECT_EQ(out.find('\n', out.find("data: ")), out.size() - 2);
  EXPECT_EQ(out.find('\r'), std::string::npos);
}

TEST(WireTest, LeavesWhatStoodBeforeAlone) {
  std::string out = "HTTP/1.1 200 OK\r\n\r\n";
  AppendMessage(&out, kPlain, kWrap, "", "[\n]");
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\n\r\ndata: [ ]\n\n");
}

}  // namespace
}  // namespace pathcast
