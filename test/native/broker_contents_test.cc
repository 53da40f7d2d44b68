// What stands in the log counts, whatever was handed over or has rung under the
// same id or at the same place.
#include <gtest/gtest.h>

#include <string>

#include "broker/stored.h"
#include "broker_harness.h"

namespace pathcast {
namespace {

using redis::RedisServer;

std::string StoredOf(const PublishItem& item) {
  const std::string_view text = item.text;
  return broker::EncodeStored(
      {text.substr(0, item.split), text.substr(item.split + 1), {}, {}});
}

// A retry that reached another node, and says something else by now.
TEST(BrokerContents, ADuplicateIsDeliveredWithWhatTheFirstSaid) {
  RedisServer server;
  BrokerHub a(server, "a");
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  ASSERT_EQ(a.Publish("acme", "i1").seq, 1u);
  ASSERT_TRUE(ReadAction(&there, "i1"));
  // b hears of the first by the answer to its own.
  LetSubscribe(server, false);
  DropSubscriptions(server);
  ASSERT_EQ(a.Publish("acme", "same", "guests.getAll").seq, 2u);
  const PublishOutcome second = b.Publish("acme", "same", "orders.getAll");
  EXPECT_EQ(second.code, PublishCode::kDuplicate);
  EXPECT_EQ(second.seq, 2u);
  LetSubscribe(server, true);
  ASSERT_TRUE(ReadAction(&there, "same"));
  ASSERT_EQ(b.Publish("acme", "i3").seq, 3u);
  ASSERT_TRUE(ReadAction(&there, "i3"));
  const auto events = EventsOf(there);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_NE(events[2].data.find("guests.getAll"), std::string::npos);
  EXPECT_EQ(there.bytes().find("orders.getAll"), std::string::npos);
}

// Sealed by another key, or spoilt on its way: its place is known all the same.
TEST(BrokerContents, WhereADoorbellCannotBeReadTheLogIs) {
  RedisServer server;
  BrokerHub b(server, "b");
  Browser there = b.hub.Open();
  ASSERT_TRUE(there.ReadMessages(1));
  const std::string epoch = b.Publish("acme", "i1").epoch;
  ASSERT_TRUE(ReadAction(&there, "i1"));
  const std::string base = "pathcast:1:{acme}:";
  const std::string script = ScriptText("publish.ts", "PUBLISH");
  // It rings where nobody listens.
  const redis::Reply placed =
      server.Command({"EVAL",
                      script,
                      "3",
                      base + "head",
                      base + "log",
                      base + "ids",
                      "nowhere",
                      "PUBLISH",
                      "",
                      "",
                      "",
                      "0",
                      "",
                      "",
                      "fresh",
                      "1000",
                      "86400000",
                      "16777216",
                      "2592000000",
                      "i2",
                      "0",
                      StoredOf(BrokerHub::Item("acme", "i2")),
                      ""});
  ASSERT_EQ(placed.elements().at(0).text(), "OK");
  ASSERT_EQ(placed.elements().at(2).text(), "2");
  EXPECT_TRUE(server
                  .Command({"PUBLISH", base + "bell",
                            "1 " + epoch + " 2 1 2\ni2garbage"})
                  .ok());
  ASSERT_TRUE(ReadAction(&there, "i2"));
  const auto events = EventsOf(there);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].id, epoch + ".2");
  EXPECT_EQ(b.broker().foreign.Get(), 1u);
  EXPECT_EQ(b.broker().reads.Get(), 2u);
}

}  // namespace
}  // namespace pathcast
