// A hub's life from any thread and at any moment: shutdown and stop while busy,
// sinks of the host, fairness between tenants, bounds.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub_harness.h"

namespace pathcast {
namespace {

OpenHostSinkCommand HostSinkOf(TestHub& hub, const std::string& tenant,
                               const std::string& user) {
  OpenHostSinkCommand command;
  command.request = hub.Request(tenant, user);
  return command;
}

// What one sink of the host got, and whether it has ended.
struct HostBytes {
  std::string bytes;
  bool ended = false;
};
HostBytes BytesOf(const TestHub& hub, uint64_t number) {
  HostBytes out;
  for (const Reply& reply : hub.seen) {
    if (const auto* data = std::get_if<SinkDataReply>(&reply)) {
      if (data->number != number) continue;
      EXPECT_FALSE(out.ended);
      out.bytes += data->bytes;
    } else if (const auto* end = std::get_if<SinkEndReply>(&reply)) {
      if (end->number != number) continue;
      EXPECT_FALSE(out.ended);
      out.ended = true;
    }
  }
  return out;
}

TEST(HubLife, MadeAndDroppedWithoutAWord) {
  { TestHub first; }  // libuv opens two for the whole process
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 20; ++i) TestHub hub;
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(HubLife, StopsOnceAndForAll) {
  TestHub hub;
  Browser browser = hub.Open();
  EXPECT_TRUE(hub.hub().Stop().ok());
  EXPECT_TRUE(hub.hub().Stop().ok());
  EXPECT_FALSE(hub.Post(AcquireCommand{1, "acme", "u"}));
  browser.ReadToEnd();
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
}

TEST(HubLife, AfterAShutdownEverythingIsAnsweredAsClosed) {
  TestHub hub;
  Browser browser = hub.Open();
  EXPECT_EQ(hub.Acquire("acme", "u").code, LeaseCode::kHeld);
  (void)hub.Ask(ShutdownCommand{});
  browser.ReadToEnd();
  EXPECT_EQ(hub.ends(kEndHubClosed), 1u);
  EXPECT_EQ(hub.metrics().leases.Get(), 0u);
  EXPECT_EQ(hub.Publish("acme", "a").outcomes[0].code, PublishCode::kClosed);
  EXPECT_EQ(hub.Acquire("acme", "u").code, LeaseCode::kClosed);
  EXPECT_EQ(hub.Ask(DisconnectCommand{}), 0u);
  (void)hub.Ask(DrainCommand{});
  (void)hub.Ask(ShutdownCommand{});
  const Ticket ticket = hub.NextTicket();
  hub.Post(ReadLogCommand{ticket, "acme"});
  EXPECT_EQ(hub.WaitTicket<LogReply>(ticket).epoch, "");
  Browser late = hub.Open();
  late.ReadToEnd();
  EXPECT_EQ(late.bytes(), "");
  OpenHostSinkCommand sink = HostSinkOf(hub, "acme", "u");
  const uint64_t number = sink.request.number;
  hub.Post(std::move(sink));
  hub.Sync();
  EXPECT_TRUE(BytesOf(hub, number).ended);
}

TEST(HubLife, AShutdownWhileBusyLosesNoAnswer) {
  TestHub hub;
  const size_t before = OpenDescriptors();
  {
    std::vector<Browser> browsers;
    for (int i = 0; i < 100; ++i) {
      browsers.push_back(hub.Open("acme", std::to_string(i)));
    }
    std::vector<Ticket> tickets;
    for (int i = 0; i < 300; ++i) {
      PublishCommand command;
      command.ticket = hub.NextTicket();
      command.items.push_back(
          TestHub::Item("acme", std::to_string(i), "a.b", 1'000));
      tickets.push_back(command.ticket);
      hub.Post(std::move(command));
      if (i == 150) hub.Post(ShutdownCommand{hub.NextTicket()});
    }
    for (const Ticket ticket : tickets) {
      (void)hub.WaitTicket<PublishedReply>(ticket);
    }
    for (Browser& browser : browsers) {
      browser.ReadToEnd();
      EXPECT_EQ(browser.stream().malformed, "");
    }
  }
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
  EXPECT_EQ(hub.metrics().backlog_bytes.Get(), 0u);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(HubLife, AStopWithCommandsStillQueuedClosesTheirDescriptors) {
  { TestHub first; }
  const size_t before = OpenDescriptors();
  for (int round = 0; round < 20; ++round) {
    TestHub hub;
    std::vector<Descriptor> clients;
    for (int i = 0; i < 30; ++i) {
      Loopback pair = ConnectLoopback();
      OpenSocketCommand command;
      command.request = hub.Request("acme", std::to_string(i));
      command.socket = std::move(pair.server);
      clients.push_back(std::move(pair.client));
      hub.Post(std::move(command));
      PublishCommand publish;
      publish.items.push_back(TestHub::Item("acme", std::to_string(i)));
      hub.Post(std::move(publish));
    }
    if (round % 2 == 0) hub.Post(DrainCommand{1, 10});
    EXPECT_TRUE(hub.hub().Stop().ok());
    clients.clear();
    EXPECT_EQ(OpenDescriptors(), before);
  }
}

TEST(HubLife, AnyThreadMayPost) {
  constexpr int kThreads = 4;
  constexpr int kEach = PATHCAST_TEST_TSAN ? 500 : 5'000;
  TestHub hub([](HubOptions& o) { o.clock = nullptr; });
  Browser browser = hub.Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&hub, t] {
      for (int i = 0; i < kEach; ++i) {
        PublishCommand command;
        command.ticket = static_cast<Ticket>(1'000'000 + t * kEach + i);
        command.posted_us = hub.hub().NowUs();
        command.items.push_back(
            TestHub::Item("acme", std::to_string(t) + "-" + std::to_string(i)));
        while (!hub.hub().Post({std::move(command)})) {
          std::this_thread::yield();
        }
      }
    });
  }
  const std::string last = std::to_string(kThreads * kEach);
  ASSERT_TRUE(browser.ReadUntil([&](const SseStream& stream) {
    return !stream.messages.empty() &&
           stream.messages.back().id.ends_with("." + last);
  }));
  for (std::thread& thread : threads) thread.join();
  // Each thread's own come in its order.
  std::vector<int> next(kThreads, 0);
  for (const SseMessage& message : browser.stream().messages) {
    if (message.type() != "update") continue;
    const std::string id = message.Text("id");
    const auto thread = static_cast<size_t>(id[0] - '0');
    const int i = std::atoi(id.c_str() + 2);
    EXPECT_GE(i, next[thread]);
    next[thread] = i + 1;
  }
  EXPECT_EQ(hub.metrics().publishes.Get(),
            static_cast<uint64_t>(kThreads * kEach));
}

TEST(HubLife, ASinkOfTheHostGetsWholeMessagesAndItsEnd) {
  TestHub hub;
  OpenHostSinkCommand command = HostSinkOf(hub, "acme", "u");
  const uint64_t number = command.request.number;
  hub.Post(std::move(command));
  hub.Publish("acme", "a1");
  hub.Sync();
  EXPECT_EQ(hub.metrics().sink_connections.Get(), 1u);
  SseStream stream = ReadSse(BytesOf(hub, number).bytes);
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.rest, "");

  // Full: nothing more, until it says that it took what it has.
  hub.Post(SinkFullCommand{number});
  hub.Publish("acme", "a2");
  hub.Publish("acme", "a3");
  hub.Sync();
  EXPECT_EQ(ReadSse(BytesOf(hub, number).bytes).messages.size(), 2u);
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 1u);
  hub.Post(SinkTakenCommand{number, BytesOf(hub, number).bytes.size()});
  hub.Sync();
  EXPECT_EQ(ReadSse(BytesOf(hub, number).bytes).messages.size(), 4u);
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 0u);

  DisconnectCommand disconnect;
  disconnect.number = number;
  EXPECT_EQ(hub.Ask(disconnect), 1u);
  const HostBytes bytes = BytesOf(hub, number);
  EXPECT_TRUE(bytes.ended);
  EXPECT_EQ(ReadSse(bytes.bytes).messages.back().Text("reason"), "revoked");
  // Late words about it harm nobody.
  hub.Post(SinkTakenCommand{number, 1'000'000});
  hub.Post(SinkFullCommand{number});
  hub.Post(SinkAbortCommand{number});
  hub.Sync();
  EXPECT_EQ(hub.metrics().sink_connections.Get(), 0u);
}

TEST(HubLife, AHostThatTakesNothingHoldsBoundedBytes) {
  TestHub hub([](HubOptions& o) { o.core.connection_cap_bytes = 8'192; });
  OpenHostSinkCommand command = HostSinkOf(hub, "acme", "u");
  const uint64_t number = command.request.number;
  hub.Post(std::move(command));
  for (int i = 0; i < 200; ++i) {
    hub.Publish("acme", "a" + std::to_string(i), "a.b", 1'000);
  }
  EXPECT_LE(BytesOf(hub, number).bytes.size(), 8'192u + 1'300);
  EXPECT_LE(hub.metrics().backlog_bytes.Get(), 8'192u);
  hub.Post(SinkTakenCommand{number, BytesOf(hub, number).bytes.size()});
  hub.Sync();
  const SseStream stream = ReadSse(BytesOf(hub, number).bytes);
  EXPECT_EQ(stream.messages.back().type(), "invalidate");
  EXPECT_EQ(stream.messages.back().Number("to"), 200u);
  hub.Post(SinkAbortCommand{number});
  hub.Sync();
  EXPECT_EQ(hub.ends(kEndGone), 1u);
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 0u);
}

TEST(HubLife, NoticesToAHostThatDoesNotComeAreBoundedButNotThoseOfAnEnd) {
  ReplyBox box;
  for (uint64_t i = 0; i < 40'000; ++i) {
    std::vector<Reply> replies;
    NoticeReply refused;
    refused.kind = NoticeKind::kRefused;
    replies.push_back(refused);
    if (i % 8 == 0) replies.push_back(NoticeReply{});
    if (i % 100 == 0) replies.push_back(DoneReply{i, 0});
    EXPECT_EQ(box.Put(&replies), i == 0);
    EXPECT_TRUE(replies.empty());
  }
  bool more = true;
  size_t answers = 0;
  size_t all = 0;
  size_t ends = 0;
  while (more) {
    for (const Reply& reply : box.Take(512, &more)) {
      ++all;
      answers += std::holds_alternative<DoneReply>(reply) ? 1 : 0;
      const auto* notice = std::get_if<NoticeReply>(&reply);
      ends += notice != nullptr && notice->kind == NoticeKind::kClosed ? 1 : 0;
    }
  }
  EXPECT_EQ(answers, 400u);
  EXPECT_EQ(ends, 5'000u);
  EXPECT_LE(all, ReplyBox::kMaxWaitingForNotices + 400 + 5'000);
  std::vector<Reply> replies(1, NoticeReply{});
  EXPECT_TRUE(box.Put(&replies));
}

// A tenant of many streams is visited in slices, and others have their turn in
// between: the order of what the hub thread hands over shows it.
TEST(HubLife, ABigFanOutLetsOtherTenantsThrough) {
  constexpr size_t kStreams = 2'000;
  // A look at the clock each four visits, 150 µs a slice.
  constexpr size_t kSlice = 8;
  TestClock clock;
  TestHub hub([&](HubOptions& options) { options.clock = &clock; });
  for (size_t i = 0; i < kStreams; ++i) {
    hub.Post(HostSinkOf(hub, "big", std::to_string(i)));
  }
  OpenHostSinkCommand small = HostSinkOf(hub, "small", "u");
  const uint64_t number = small.request.number;
  hub.Post(std::move(small));
  hub.Sync();
  hub.seen.clear();

  clock.CostsUs(100);
  // One command, so that both fan-outs begin in the same turn.
  hub.Publish({TestHub::Item("big", "b1"), TestHub::Item("small", "s1")});
  hub.Until([&] { return hub.metrics().deliveries.Get() == kStreams + 1; });
  hub.Sync();  // that turn's replies too
  size_t before = 0;
  size_t of_big = 0;
  bool found = false;
  for (const Reply& reply : hub.seen) {
    const auto* data = std::get_if<SinkDataReply>(&reply);
    if (data == nullptr) continue;
    if (data->number == number) {
      found = true;
      before = of_big;
    } else {
      ++of_big;
    }
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(of_big, kStreams);
  EXPECT_LE(before, kSlice);
}

}  // namespace
}  // namespace pathcast
