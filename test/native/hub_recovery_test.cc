// What a stream is after it was slow: all that holds for one that never was
// holds for it again. And a socket that was told to end: it does not stay for
// ever because its client does.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <ctime>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/lingering.h"
#include "hub_harness.h"

namespace pathcast {
namespace {

// Publishes until the reader is slow; the cursor of the last action.
std::string Stall(TestHub& hub) {
  static int count = 0;
  std::string last;
  for (int i = 0; hub.metrics().slow_sinks.Get() == 0 && i < 100'000; ++i) {
    const PublishOutcome outcome =
        hub.Publish("acme", "a" + std::to_string(++count), "guests.getAll",
                    8'000)
            .outcomes[0];
    last = outcome.epoch + "." + std::to_string(outcome.seq);
  }
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 1u);
  return last;
}

// Reads all of it, and waits until the hub knows.
void Recover(TestHub& hub, Browser& reader, const std::string& last) {
  EXPECT_TRUE(reader.ReadUntil([&](const SseStream& stream) {
    for (const SseMessage& message : stream.messages) {
      if (message.id == last) return true;
    }
    return false;
  }));
  hub.Until([&] { return hub.metrics().slow_sinks.Get() == 0; });
}

TEST(HubRecovery, ASecondStallIsTimedToo) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    o.core.connection_cap_bytes = 16 * 1024;
    o.core.heartbeat_ms = 1'000;
    o.slow_timeout_ms = 5'000;
    o.clock = &clock;
  });
  Browser reader = hub.Open(hub.Request(), 4096);
  Recover(hub, reader, Stall(hub));
  // A heartbeat shows that the hub has looked after its streams meanwhile.
  const uint64_t beats = hub.metrics().heartbeats.Get();
  clock.AdvanceSteady(1'000);
  hub.Until([&] { return hub.metrics().heartbeats.Get() > beats; });
  hub.Sync();
  Stall(hub);
  clock.AdvanceSteady(4'999);
  hub.Sync();
  EXPECT_EQ(hub.metrics().connections.Get(), 1u);
  clock.AdvanceSteady(1);
  hub.Until([&] { return hub.ends(CloseReason::kSlow) == 1; });
}

TEST(HubRecovery, AClientThatLeavesAfterwardsIsNoticed) {
  TestHub hub([](HubOptions& o) { o.core.connection_cap_bytes = 16 * 1024; });
  Browser reader = hub.Open(hub.Request(), 4096);
  Recover(hub, reader, Stall(hub));
  reader.Close();
  hub.Until([&] { return hub.ends(kEndGone) == 1; });
  EXPECT_EQ(hub.metrics().connections.Get(), 0u);
}

int64_t CpuMs() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return int64_t{spent.tv_sec} * 1'000 + spent.tv_nsec / 1'000'000;
}

TEST(HubRecovery, TheHubThreadRestsAfterwards) {
  TestHub hub([](HubOptions& o) { o.core.connection_cap_bytes = 16 * 1024; });
  Browser reader = hub.Open(hub.Request(), 4096);
  Recover(hub, reader, Stall(hub));
  hub.Sync();
  // A thread that a socket wakes again and again takes all that there is. This
  // is a span of measuring, not of waiting for something.
  const int64_t before = CpuMs();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(CpuMs() - before, 20);
}

// All floods of large messages end within one; here the buffer is full before
// the first byte.
TEST(HubRecovery, ABufferThatIsFullOnTheBorderOfAMessageIsNoEnd) {
  TestHub hub;
  Loopback pair = ConnectLoopback(4096);
  const int small = 4096;
  ::setsockopt(pair.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  const std::string junk(1024, 'j');
  while (::send(pair.server.get(), junk.data(), junk.size(),
                MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
  }
  while (::send(pair.server.get(), "j", 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
  }
  OpenSocketCommand command;
  command.request = hub.Request();
  command.socket = std::move(pair.server);
  EXPECT_TRUE(hub.Post(std::move(command)));
  hub.Sync();
  EXPECT_EQ(hub.metrics().slow_sinks.Get(), 1u);
  EXPECT_EQ(hub.ends(kEndGone), 0u);
  Browser reader(std::move(pair.client));
  hub.Publish("acme", "a1");
  EXPECT_TRUE(reader.ReadUntil([&](const SseStream&) {
    return reader.bytes().find("\"id\":\"a1\"") != std::string::npos;
  }));
  EXPECT_NE(reader.bytes().find("\"type\":\"hello\""), std::string::npos);
  hub.Until([&] { return hub.metrics().slow_sinks.Get() == 0; });
}

TEST(HubFarewell, AClientThatStaysKeepsItsDescriptorForASecond) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) { o.clock = &clock; });
  const size_t before = OpenDescriptors();
  std::vector<Browser> browsers;
  for (int i = 0; i < 10; ++i) {
    browsers.push_back(hub.Open("acme", std::to_string(i)));
  }
  DisconnectCommand all;
  all.company = "acme";
  EXPECT_EQ(hub.Ask(all), 10u);
  for (Browser& browser : browsers) {
    browser.ReadToEnd();
    EXPECT_EQ(browser.stream().messages.back().Text("reason"), "revoked");
  }
  hub.Sync();
  EXPECT_EQ(OpenDescriptors(), before + 20);
  clock.AdvanceSteady(Lingering::kLingerMs);
  hub.Until([&] { return OpenDescriptors() == before + 10; });
}

TEST(HubFarewell, OnlySoManyStay) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t needed = 2 * Lingering::kMaxSockets + 200;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = needed;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  TestHub hub;
  const size_t before = OpenDescriptors();
  std::vector<Browser> browsers;
  constexpr size_t kMany = Lingering::kMaxSockets + 10;
  for (size_t i = 0; i < kMany; ++i) {
    browsers.push_back(hub.Open("acme", std::to_string(i)));
  }
  DisconnectCommand all;
  all.company = "acme";
  EXPECT_EQ(hub.Ask(all), kMany);
  hub.Sync();
  EXPECT_EQ(OpenDescriptors(), before + kMany + Lingering::kMaxSockets);
}

}  // namespace
}  // namespace pathcast
