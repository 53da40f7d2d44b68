// What a stream is after it was slow: all that holds for one that never was
// holds for it again. And a socket that was told to end: it does not stay for
// ever because its client does.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>
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
  std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
  EXPECT_LT(CpuMs() - before, 60);
}

// Sends until not one byte more fits; how many did. What is on its way to the
// peer may make room again, so a refusal counts when nothing moves any more.
size_t FillUp(int fd) {
  size_t sent = 0;
  for (;;) {
    bool any = false;
    while (::send(fd, "j", 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
      ++sent;
      any = true;
    }
    pollfd room{fd, POLLOUT, 0};
    if (::poll(&room, 1, 50) == 0 && !any) return sent;
  }
}

// All floods of large messages end within one; here the buffer is full before
// the first byte.
TEST(HubRecovery, ABufferThatIsFullOnTheBorderOfAMessageIsNoEnd) {
  TestHub hub;
  Loopback pair = ConnectLoopback(4096);
  const int small = 4096;
  ::setsockopt(pair.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  (void)FillUp(pair.server.get());
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

// Its thread can be held where it rings.
class HoldableHost final : public Host {
 public:
  void OnReplies() override {
    std::unique_lock<std::mutex> lock(mu_);
    ++rings_;
    bell_.notify_all();
    bell_.wait(lock, [&] { return !hold_; });
  }
  // Posts something that is answered, and returns when the hub rings.
  void Ring(Hub& hub) {
    std::unique_lock<std::mutex> lock(mu_);
    const int before = rings_;
    bool more = true;
    while (more) (void)hub.Take(64, &more);
    EXPECT_TRUE(hub.Post({ReleaseCommand{1, 0}}));
    EXPECT_TRUE(
        bell_.wait_for(lock, kDeadline, [&] { return rings_ > before; }));
  }
  void Hold(bool hold) {
    const std::lock_guard<std::mutex> lock(mu_);
    hold_ = hold;
    bell_.notify_all();
  }

 private:
  std::mutex mu_;
  std::condition_variable bell_;
  int rings_ = 0;      // guarded by mu_
  bool hold_ = false;  // guarded by mu_
};

// Room comes back just before the stream is closed: its farewell fits, but
// whole messages still wait that nobody will write any more. A cursor behind
// them would make the client skip them.
TEST(HubFarewell, WithABacklogItCarriesNoCursor) {
  HoldableHost host;
  HubOptions options;
  options.hub_id = "h";
  auto created = Hub::Create(std::move(options), &host);
  ASSERT_TRUE(created.ok());
  const std::unique_ptr<Hub> hub = std::move(created).value();

  Loopback pair = ConnectLoopback(4096);
  const int small = 4096;
  ::setsockopt(pair.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  const size_t junk = FillUp(pair.server.get());
  OpenSocketCommand open;
  open.request.number = 1;
  open.request.tenant = "acme";
  open.request.user = "u";
  open.socket = std::move(pair.server);
  ASSERT_TRUE(hub->Post({std::move(open)}));
  PublishCommand publish;
  publish.ticket = 7;
  publish.items.push_back(TestHub::Item("acme", "a1"));
  ASSERT_TRUE(hub->Post({std::move(publish)}));
  const Metrics& metrics = hub->metrics();
  for (int i = 0; i < 1'000 && (metrics.slow_sinks.Get() == 0 ||
                                metrics.publishes.Get() == 0);
       ++i) {
    host.Ring(*hub);
  }
  ASSERT_EQ(metrics.slow_sinks.Get(), 1u);
  ASSERT_EQ(metrics.publishes.Get(), 1u);

  host.Hold(true);
  host.Ring(*hub);
  // Asked for before the socket can be written again, so seen first.
  DisconnectCommand all;
  all.tenant = "acme";
  ASSERT_TRUE(hub->Post({std::move(all)}));
  Browser reader(std::move(pair.client));
  ASSERT_TRUE(reader.ReadUntil(
      [&](const SseStream&) { return reader.bytes().size() >= junk; }));
  host.Hold(false);
  reader.ReadToEnd();
  const std::string last = reader.bytes().substr(junk);
  EXPECT_NE(last.find("event: server_close\n"), std::string::npos) << last;
  EXPECT_EQ(last.find("a1"), std::string::npos);
  EXPECT_EQ(last.find("id: "), std::string::npos) << last;
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
  all.tenant = "acme";
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
  all.tenant = "acme";
  EXPECT_EQ(hub.Ask(all), kMany);
  hub.Sync();
  EXPECT_EQ(OpenDescriptors(), before + kMany + Lingering::kMaxSockets);
}

}  // namespace
}  // namespace pathcast
