// The whole hub on real sockets: what is published arrives, whatever the other
// end does.
#include "engine/hub.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/cursor.h"
#include "hub_harness.h"

namespace pathcast {
namespace {

TEST(Hub, WhatIsPublishedArrives) {
  TestHub hub([](HubOptions& o) { o.clock = nullptr; });  // the machine's
  StreamRequest request = hub.Request();
  request.http_head = "HTTP/1.1 200 OK\r\n\r\n";
  Browser browser = hub.Open(std::move(request));
  const PublishedReply first = hub.Publish("acme", "a1");
  ASSERT_EQ(first.outcomes.size(), 1u);
  EXPECT_EQ(first.outcomes[0].code, PublishCode::kOk);
  EXPECT_EQ(first.outcomes[0].seq, 1u);
  const std::string epoch = first.outcomes[0].epoch;
  EXPECT_EQ(epoch.size(), 12u);
  ASSERT_TRUE(browser.ReadUntil([&](const SseStream&) {
    return browser.bytes().find(",\"seq\":1}\n\n") != std::string::npos;
  }));
  EXPECT_EQ(browser.bytes().substr(0, 26), "HTTP/1.1 200 OK\r\n\r\nretry: ");
  EXPECT_NE(browser.bytes().find("id: " + epoch + ".1\n"), std::string::npos);
  EXPECT_NE(browser.bytes().find("\"connectionId\":\"h-1\""),
            std::string::npos);

  const PublishedReply again = hub.Publish("acme", "a1");
  EXPECT_EQ(again.outcomes[0].code, PublishCode::kDuplicate);
  EXPECT_EQ(again.outcomes[0].seq, 1u);
  EXPECT_EQ(hub.metrics().duplicates.Get(), 1u);

  PublishItem broken = TestHub::Item("acme", "a2");
  broken.text.pop_back();
  EXPECT_EQ(hub.Publish({broken}).outcomes[0].code, PublishCode::kUnreadable);
}

TEST(Hub, NoByteOfOneTenantReachesAnother) {
  TestHub hub;
  Browser one = hub.Open("a:b", "u");
  Browser two = hub.Open("a", "b:u");
  hub.Publish("a:b", "for-one");
  hub.Publish("a", "for-two");
  ASSERT_TRUE(one.ReadMessages(2));
  ASSERT_TRUE(two.ReadMessages(2));
  EXPECT_EQ(one.stream().messages[1].Text("id"), "for-one");
  EXPECT_EQ(two.stream().messages[1].Text("id"), "for-two");
  (void)hub.Ask(ShutdownCommand{});
  one.ReadToEnd();
  two.ReadToEnd();
  EXPECT_EQ(one.bytes().find("for-two"), std::string::npos);
  EXPECT_EQ(two.bytes().find("for-one"), std::string::npos);
}

TEST(Hub, AStreamResumesWhereItWasCut) {
  TestHub hub;
  std::string id;
  for (int cut = 0; cut < 20; ++cut) {
    StreamRequest request = hub.Request();
    request.resume.last_event_id = id;
    Browser browser = hub.Open(std::move(request));
    // The opening, and what was published while nobody was there.
    ASSERT_TRUE(browser.ReadMessages(cut == 0 ? 1 : 2));
    const auto missed = browser.stream().messages;
    if (cut > 0) {
      EXPECT_EQ(missed[0].Text("reason"), "resumed");
      EXPECT_EQ(missed[1].Text("id"), "away" + std::to_string(cut - 1));
    }
    hub.Publish("acme", "here" + std::to_string(cut));
    ASSERT_TRUE(browser.ReadMessages(missed.size() + 1));
    EXPECT_EQ(browser.stream().messages.back().Text("id"),
              "here" + std::to_string(cut));
    id = browser.stream().messages.back().id;
    browser.Close();
    hub.Publish("acme", "away" + std::to_string(cut));
  }
  hub.Until([&] { return hub.ends(kEndGone) == 20; });
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
  EXPECT_EQ(hub.metrics().leases.Get(), 0u);
}

TEST(Hub, ALogIsReadAndAskingMakesNone) {
  TestHub hub;
  const auto read = [&](const std::string& tenant) {
    const Ticket ticket = hub.NextTicket();
    hub.Post(ReadLogCommand{ticket, tenant});
    return hub.WaitTicket<LogReply>(ticket);
  };
  EXPECT_EQ(read("acme").epoch, "");
  EXPECT_EQ(hub.metrics().tenants.Get(), 0u);
  hub.Publish("acme", "a1");
  hub.Publish("acme", "a2");
  const LogReply log = read("acme");
  EXPECT_EQ(log.epoch.size(), 12u);
  EXPECT_EQ(log.head_seq, 2u);
  ASSERT_EQ(log.actions.size(), 2u);
  EXPECT_EQ(log.actions[1].substr(0, 10), "{\"id\":\"a2\"");
  EXPECT_EQ(log.actions[1].substr(log.actions[1].size() - 9), ",\"seq\":2}");
}

TEST(Hub, APositionIsToldToAnyThread) {
  TestHub hub([](HubOptions& o) { o.max_tenants = 2; });
  EXPECT_EQ(hub.hub().Position("acme"), "");
  std::atomic<bool> done{false};
  std::atomic<uint64_t> asked{0};
  std::thread asker([&] {
    uint64_t last = 0;
    std::string epoch;
    while (!done.load()) {
      const uint64_t moment = hub.hub().Moment();
      const std::string then = hub.hub().Position("acme", moment);
      const std::string position = hub.hub().Position("acme");
      // Two at most stay, and the one that has just come.
      EXPECT_LE(hub.hub().Tenants().size(), 3u);
      ++asked;
      Cursor cursor;
      Cursor older;
      // As of a moment it is never newer than now.
      if (ParseCursor(then, &older) && ParseCursor(position, &cursor) &&
          older.epoch == cursor.epoch) {
        EXPECT_LE(older.seq, cursor.seq);
      }
      if (position.empty()) continue;
      ASSERT_TRUE(ParseCursor(position, &cursor)) << position;
      // Of one life it never goes back.
      if (cursor.epoch == epoch) {
        EXPECT_GE(cursor.seq, last);
      }
      epoch = cursor.epoch;
      last = cursor.seq;
    }
  });
  for (int life = 0; life < 20; ++life) {
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(life) + "." + std::to_string(i);
      const PublishedReply reply = hub.Publish("acme", id);
      ASSERT_EQ(hub.hub().Position("acme"),
                reply.outcomes[0].epoch + "." + std::to_string(i + 1));
    }
    // Two others: it is forgotten.
    hub.Publish("b" + std::to_string(life), "x");
    hub.Publish("c" + std::to_string(life), "x");
    ASSERT_EQ(hub.hub().Position("acme"), "");
  }
  done = true;
  asker.join();
  EXPECT_GT(asked.load(), 0u);
}

TEST(Hub, ASlowReaderGetsAnInvalidateAndIsUpToDate) {
  TestHub hub([](HubOptions& o) { o.core.connection_cap_bytes = 16 * 1024; });
  Browser slow = hub.Open(hub.Request(), 4096);
  Browser quick = hub.Open("acme", "u2");
  uint64_t count = 0;
  std::string epoch;
  while (hub.metrics().conflations.Get() == 0 && count < 100'000) {
    ++count;
    epoch =
        hub.Publish("acme", "a" + std::to_string(count), "guests.getAll", 8'000)
            .outcomes[0]
            .epoch;
    EXPECT_LE(hub.metrics().backlog_bytes.Get(), 16u * 1024 + 8'400);
  }
  const std::string last = epoch + "." + std::to_string(count);
  ASSERT_TRUE(quick.ReadUntilId(last));
  EXPECT_EQ(quick.stream().messages.size(), count + 1);
  ASSERT_TRUE(slow.ReadUntilId(last));
  const SseStream stream = slow.stream();
  EXPECT_EQ(stream.malformed, "");
  uint64_t covered = 0;
  uint64_t invalidates = 0;
  for (size_t i = 1; i < stream.messages.size(); ++i) {
    const SseMessage& message = stream.messages[i];
    const bool invalidate = message.type() == "invalidate";
    invalidates += invalidate ? 1 : 0;
    EXPECT_EQ(message.Number(invalidate ? "from" : "seq"), covered + 1);
    covered = message.Number(invalidate ? "to" : "seq");
  }
  EXPECT_EQ(covered, count);
  EXPECT_EQ(invalidates, 1u);
  hub.Until([&] { return hub.metrics().slow_sinks.Get() == 0; });
  EXPECT_EQ(hub.metrics().backlog_bytes.Get(), 0u);
}

TEST(Hub, BoundPathsAreToldApartHoweverManyOthersCame) {
  TestHub hub;
  const auto import_of = [&](const std::string& path, const std::string& id) {
    std::vector<PublishItem> items;
    for (int i = 0; i < 101; ++i) {
      items.push_back(TestHub::Item("acme", id + std::to_string(i), path));
    }
    hub.Publish(std::move(items));
  };
  // More names than a tenant is told apart by, 256 an action.
  uint32_t junk = 0;
  std::vector<PublishItem> flood;
  while (junk < kMaxPathNames) {
    std::string paths = "junk" + std::to_string(junk++);
    while (junk % 256 != 0) paths += "\",\"junk" + std::to_string(junk++);
    flood.push_back(TestHub::Item("acme", "f" + std::to_string(junk), paths));
  }
  hub.Publish(std::move(flood));

  Browser browser = hub.Open();
  import_of("guests.getAll", "a");
  ASSERT_TRUE(browser.ReadMessages(2));
  EXPECT_EQ(browser.stream().messages[1].type(), "resync");

  hub.Post(ResyncPathsCommand{"[\"guests.getAll\"]", {"guests.getAll"}});
  import_of("guests.getAll", "b");
  import_of("guests", "c");
  import_of("guests.list", "d");
  ASSERT_TRUE(browser.ReadMessages(5));
  const SseStream stream = browser.stream();
  EXPECT_EQ(stream.messages[2].type(), "invalidate");
  EXPECT_EQ(stream.messages[3].type(), "invalidate");
  EXPECT_EQ(stream.messages[4].type(), "resync");
  EXPECT_NE(stream.messages[4].data.find("[\"guests.getAll\"]"),
            std::string::npos);
}

// One tenant that names things without end costs no other one anything.
TEST(Hub, ATenantHasNamesOfItsOwn) {
  TestHub hub;
  uint32_t junk = 0;
  std::vector<PublishItem> flood;
  while (junk < kMaxPathNames) {
    std::string paths = "junk" + std::to_string(junk++);
    while (junk % 256 != 0) paths += "\",\"junk" + std::to_string(junk++);
    flood.push_back(TestHub::Item("other", "f" + std::to_string(junk), paths));
  }
  hub.Publish(std::move(flood));
  Browser browser = hub.Open();
  std::vector<PublishItem> items;
  for (int i = 0; i < 101; ++i) {
    items.push_back(TestHub::Item("acme", "a" + std::to_string(i), "new.name"));
  }
  hub.Publish(std::move(items));
  ASSERT_TRUE(browser.ReadMessages(2));
  EXPECT_EQ(browser.stream().messages[1].type(), "invalidate");
  EXPECT_NE(browser.stream().messages[1].data.find("[\"new.name\"]"),
            std::string::npos);
}

TEST(Hub, AReaderThatTakesNothingIsClosedAsSlow) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.core.connection_cap_bytes = 16 * 1024;
    o.slow_timeout_ms = 5'000;
    o.clock = &clock;
  });
  Browser slow = hub.Open(hub.Request(), 4096);
  Browser quick = hub.Open("acme", "u2");
  for (int i = 0; hub.metrics().slow_sinks.Get() == 0 && i < 100'000; ++i) {
    hub.Publish("acme", "a" + std::to_string(i), "guests.getAll", 8'000);
    // So that what lies in the quick one's buffers never makes it slow.
    ASSERT_TRUE(quick.ReadMessages(static_cast<size_t>(i) + 2));
  }
  clock.AdvanceSteady(4'999);
  hub.Sync();
  EXPECT_EQ(hub.metrics().connections.Get(), 2u);
  clock.AdvanceSteady(1);
  hub.Until([&] { return hub.ends(CloseReason::kSlow) == 1; });
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 0u);
  EXPECT_EQ(hub.metrics().backlog_bytes.Get(), 0u);
  slow.ReadToEnd();
  EXPECT_EQ(slow.stream().malformed, "");
}

TEST(Hub, AResetAHalfCloseAndAFloodEndTheStream) {
  TestHub hub;
  const size_t before = OpenDescriptors();
  {
    Browser reset = hub.Open("acme", "u1");
    ASSERT_TRUE(reset.ReadMessages(1));
    const linger now{1, 0};
    ::setsockopt(reset.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  hub.Until([&] { return hub.ends(kEndGone) == 1; });
  {
    Browser half = hub.Open("acme", "u2");
    ASSERT_TRUE(half.ReadMessages(1));
    ::shutdown(half.fd(), SHUT_WR);
    half.ReadToEnd();
  }
  hub.Until([&] { return hub.ends(kEndGone) == 2; });
  {
    Browser flood = hub.Open("acme", "u3");
    Browser other = hub.Open("acme", "u4");
    ASSERT_TRUE(flood.ReadMessages(1));
    const std::string junk(16 * 1024, 'j');
    while (::send(flood.fd(), junk.data(), junk.size(), MSG_NOSIGNAL) > 0) {
    }
    hub.Until([&] { return hub.ends(kEndGone) == 3; });
    hub.Publish("acme", "a1");
    ASSERT_TRUE(other.ReadMessages(2));
  }
  hub.Until([&] { return hub.ends(kEndGone) == 4; });
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Hub, BytesAfterTheRequestAreThrownAway) {
  TestHub hub;
  Browser browser = hub.Open();
  const std::string junk(100'000, 'j');
  for (size_t sent = 0; sent < junk.size();) {
    const ssize_t some = ::send(browser.fd(), junk.data() + sent,
                                junk.size() - sent, MSG_NOSIGNAL);
    ASSERT_GT(some, 0);
    sent += static_cast<size_t>(some);
  }
  hub.Publish("acme", "a1");
  ASSERT_TRUE(browser.ReadMessages(2));
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
}

TEST(Hub, APeerThatIsGoneBeforeItWasOpened) {
  TestHub hub;
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 50; ++i) {
    Loopback pair = ConnectLoopback();
    if (i % 2 == 0) {
      const linger now{1, 0};
      ::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    pair.client.Reset();
    OpenSocketCommand command;
    command.request = hub.Request("acme", "u" + std::to_string(i));
    command.socket = std::move(pair.server);
    hub.Post(std::move(command));
    hub.Publish("acme", "a" + std::to_string(i));
  }
  hub.Until([&] { return hub.ends(kEndGone) == 50; });
  EXPECT_EQ(hub.metrics().leases.Get(), 0u);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(Hub, WhatIsNoSocketIsRefusedWithoutAnybodysHarm) {
  TestHub hub;
  const size_t before = OpenDescriptors();
  OpenSocketCommand file;  // epoll takes no plain file
  file.request = hub.Request();
  file.socket = Descriptor(::open("/proc/self/exe", O_RDONLY));
  hub.Post(std::move(file));
  OpenSocketCommand closed;
  closed.request = hub.Request();
  hub.Post(std::move(closed));
  hub.Until([&] { return hub.ends(kEndGone) == 2; });
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
  EXPECT_EQ(hub.metrics().leases.Get(), 0u);
  EXPECT_EQ(OpenDescriptors(), before);
  Browser browser = hub.Open();
  EXPECT_TRUE(browser.ReadMessages(1));
}

TEST(Hub, AUnixSocketWillDo) {
  TestHub hub;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  OpenSocketCommand command;
  command.request = hub.Request();
  command.socket = Descriptor(ends[0]);
  hub.Post(std::move(command));
  Browser browser{Descriptor(ends[1])};
  hub.Publish("acme", "a1");
  EXPECT_TRUE(browser.ReadMessages(2));
}

}  // namespace
}  // namespace pathcast
