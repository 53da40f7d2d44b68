// Admission through the whole hub: refusals byte for byte, limits under a race,
// replacement and eviction.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/random.h"
#include "hub_harness.h"

namespace pathcast {
namespace {

void LimitTo(HubOptions& options, uint32_t user, uint32_t tenant) {
  options.limits.max_per_user = user;
  options.limits.max_per_tenant = tenant;
  options.core.retry_ms = 100;
}

// A jittered number of `retry: …` and `"retryMs":…` becomes N, once it was seen
// to lie within [low, high] and to be the same in both.
std::string WithoutRetry(std::string text, uint64_t low, uint64_t high) {
  const size_t at = text.find("retry: ") + 7;
  const size_t end = text.find('\n', at);
  const std::string number = text.substr(at, end - at);
  EXPECT_GE(std::stoull(number), low);
  EXPECT_LE(std::stoull(number), high);
  text.replace(at, end - at, "N");
  const size_t again = text.find("\"retryMs\":" + number + "}");
  if (again != std::string::npos) text.replace(again + 10, number.size(), "N");
  return text;
}

TEST(HubLimits, RefusalsByteForByte) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    LimitTo(o, 1, 2);
    o.clock = &clock;
    o.wrap = {"{\"json\":", "}"};
  });
  Browser first = hub.Open("acme", "u1");
  Browser second = hub.Open("acme", "u2");
  const auto refused = [&](const std::string& user, const Dialect& dialect,
                           const std::string& path = "") {
    StreamRequest request = hub.Request("acme", user);
    request.dialect = dialect;
    request.trpc_path = path;
    request.http_head = "HEAD\r\n\r\n";
    Browser browser = hub.Open(std::move(request));
    // A user at its limit may have ghosts, and is given a second.
    clock.Advance(1'000);
    browser.ReadToEnd();
    EXPECT_FALSE(browser.was_reset());
    return WithoutRetry(browser.bytes(), 250, 750);
  };
  const Dialect plain{false, true, false};
  const Dialect trpc{true, true, false};
  const Dialect transformed{true, true, true};
  // It was refused a second after it came.
  EXPECT_EQ(refused("u1", plain),
            "HEAD\r\n\r\nretry: N\nevent: server_close\n"
            "data: {\"type\":\"server_close\",\"timestamp\":1700000001000,"
            "\"queryPaths\":[],\"reason\":\"limit\",\"retryMs\":N}\n\n");
  EXPECT_EQ(refused("u1", trpc, "sync.onSync"),
            "HEAD\r\n\r\nretry: N\nevent: connected\n"
            "data: {\"reconnectAfterInactivityMs\":37500}\n\n"
            "event: serialized-error\n"
            "data: {\"message\":\"Too many connections for this user: 1 of 1\","
            "\"code\":-32029,\"data\":{\"code\":\"TOO_MANY_REQUESTS\","
            "\"httpStatus\":429,\"path\":\"sync.onSync\"}}\n\n");
  EXPECT_EQ(refused("u3", transformed),
            "HEAD\r\n\r\nretry: N\nevent: connected\n"
            "data: {\"reconnectAfterInactivityMs\":37500}\n\n"
            "event: serialized-error\n"
            "data: {\"json\":{\"message\":\"Too many connections for this "
            "company: 2 of 2\",\"code\":-32029,\"data\":{\"code\":"
            "\"TOO_MANY_REQUESTS\",\"httpStatus\":429}}}\n\n");
  const auto notice = hub.Wait<NoticeReply>([](const NoticeReply& reply) {
    return reply.kind == NoticeKind::kRefused && reply.user == "u3";
  });
  EXPECT_EQ(notice.code, static_cast<uint8_t>(Refusal::kTenantLimit));
  EXPECT_EQ(hub.metrics().refusals[0].Get(), 2u);
  EXPECT_EQ(hub.metrics().refusals[1].Get(), 1u);
  EXPECT_EQ(hub.metrics().opened.Get(), 2u);
  EXPECT_EQ(hub.metrics().connections.Get(), 2u);
}

// A client may store the timestamp of its refusal: it is where it was before.
TEST(HubLimits, ARefusalLeavesTheClientWhereItWas) {
  TestHub hub([](HubOptions& o) { LimitTo(o, 0, 0); });
  (void)hub.Ask(DrainCommand{});
  const auto timestamp = [&](const ResumePoint& point) {
    StreamRequest request = hub.Request();
    request.dialect = {false, false, false};
    request.resume = point;
    Browser browser = hub.Open(std::move(request));
    browser.ReadToEnd();
    return browser.stream().messages.at(0).Number("timestamp");
  };
  EXPECT_EQ(timestamp({}), 1'700'000'000'000u);
  EXPECT_EQ(timestamp({"", true, 1'699'999'999'000}), 1'699'999'999'000u);
  // By a clock that ran ahead: so that its next try is placed as this one.
  EXPECT_EQ(timestamp({"", true, 1'700'000'030'000}), 1'699'999'970'000u);
  EXPECT_EQ(timestamp({"", true, 1'800'000'000'000}), 0u);
  EXPECT_EQ(timestamp({"e1.4"}), 0u);
}

TEST(HubLimits, WhileDrainingBothKindsComeBack) {
  TestHub hub([](HubOptions& o) { LimitTo(o, 0, 0); });
  (void)hub.Ask(DrainCommand{});
  const auto refused = [&](bool trpc) {
    StreamRequest request = hub.Request();
    request.dialect.trpc = trpc;
    request.trpc_path = "a.b";
    Browser browser = hub.Open(std::move(request));
    browser.ReadToEnd();
    return WithoutRetry(browser.bytes(), 50, 150);
  };
  EXPECT_EQ(refused(false),
            "retry: N\nevent: server_close\n"
            "data: {\"type\":\"server_close\",\"timestamp\":1700000000000,"
            "\"queryPaths\":[],\"reason\":\"drain\",\"retryMs\":N}\n\n");
  EXPECT_EQ(refused(true),
            "retry: N\nevent: connected\n"
            "data: {\"reconnectAfterInactivityMs\":37500}\n\n"
            "event: serialized-error\n"
            "data: {\"message\":\"The server is draining; reconnect\","
            "\"code\":-32603,\"data\":{\"code\":\"SERVICE_UNAVAILABLE\","
            "\"httpStatus\":503,\"path\":\"a.b\"}}\n\n");
  EXPECT_EQ(hub.Acquire("acme", "u").code, LeaseCode::kDraining);
  EXPECT_EQ(hub.metrics().refusals[2].Get(), 3u);
}

// From several threads at once; the replies come in the order in which the hub
// decided, so they are the history that is checked.
TEST(HubLimits, AMillionRacingAcquiresAndReleases) {
  constexpr uint64_t kAcquires = PATHCAST_TEST_TSAN ? 100'000 : 1'000'000;
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kUsers = 12;
  constexpr uint64_t kInFlight = 2'000;
  constexpr Ticket kRelease = Ticket{1} << 40;
  TestHub hub([](HubOptions& o) { LimitTo(o, 5, 50); });

  std::atomic<uint64_t> answered{0};
  std::atomic<uint64_t> asked{0};
  const auto tenant_of = [](uint64_t n) { return n % 3; };
  const auto user_of = [](uint64_t n) { return (n / 3) % kUsers; };
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (;;) {
        const uint64_t n = asked.fetch_add(1);
        if (n >= kAcquires) return;
        while (n >= answered.load() + kInFlight) std::this_thread::yield();
        hub.Post(AcquireCommand{n + 1, "c" + std::to_string(tenant_of(n)),
                                "u" + std::to_string(user_of(n))});
      }
    });
  }

  std::map<std::pair<uint64_t, uint64_t>, uint32_t> by_user;
  std::map<uint64_t, uint32_t> by_tenant;
  std::unordered_map<Ticket, uint64_t> releasing;
  std::vector<std::pair<uint64_t, uint64_t>> held;  // lease, n
  Random random(7);
  uint64_t most_of_user = 0;
  uint64_t most_of_tenant = 0;
  uint64_t admitted = 0;
  uint64_t released = 0;
  Ticket next_release = kRelease;
  const auto release_one = [&](size_t at) {
    const auto [lease, n] = held[at];
    held[at] = held.back();
    held.pop_back();
    releasing[++next_release] = n;
    hub.Post(ReleaseCommand{next_release, lease});
    // A second release of the same changes nothing.
    if (random.Between(0, 9) == 0)
      hub.Post(ReleaseCommand{++next_release, lease});
  };
  while (answered.load() < kAcquires || !releasing.empty() || !held.empty()) {
    hub.WaitForMore();
    for (const Reply& reply : hub.seen) {
      if (auto* lease = std::get_if<LeaseReply>(&reply)) {
        const uint64_t n = lease->ticket - 1;
        const uint64_t tenant = tenant_of(n);
        uint32_t& of_user = by_user[{tenant, user_of(n)}];
        uint32_t& of_tenant = by_tenant[tenant];
        if (lease->code == LeaseCode::kHeld) {
          ++admitted;
          held.emplace_back(lease->lease, n);
          most_of_user = std::max<uint64_t>(most_of_user, ++of_user);
          most_of_tenant = std::max<uint64_t>(most_of_tenant, ++of_tenant);
        } else if (lease->code == LeaseCode::kUserLimit) {
          ASSERT_EQ(of_user, 5u);
          ASSERT_EQ(lease->current, 5u);
        } else {
          ASSERT_EQ(lease->code, LeaseCode::kTenantLimit);
          ASSERT_EQ(of_tenant, 50u);
        }
        ++answered;
        if (held.size() > 140) release_one(random.Between(0, held.size() - 1));
      } else if (auto* done = std::get_if<DoneReply>(&reply)) {
        auto found = releasing.find(done->ticket);
        ASSERT_EQ(done->value, found == releasing.end() ? 0u : 1u);
        if (found == releasing.end()) continue;
        const uint64_t n = found->second;
        --by_user[{tenant_of(n), user_of(n)}];
        --by_tenant[tenant_of(n)];
        ++released;
        releasing.erase(found);
      }
    }
    hub.seen.clear();
    if (answered.load() == kAcquires) {
      while (!held.empty()) release_one(held.size() - 1);
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most_of_user, 5u);
  EXPECT_EQ(most_of_tenant, 50u);
  EXPECT_EQ(released, admitted);
  EXPECT_EQ(hub.metrics().leases.Get(), 0u);
}

TEST(HubLimits, StreamsAndLeasesCountTogether) {
  TestHub hub([](HubOptions& o) { LimitTo(o, 2, 0); });
  Browser browser = hub.Open();
  const LeaseReply lease = hub.Acquire("acme", "u1");
  EXPECT_EQ(lease.code, LeaseCode::kHeld);
  EXPECT_EQ(hub.metrics().leases.Get(), 2u);
  const LeaseReply third = hub.Acquire("acme", "u1");
  EXPECT_EQ(third.code, LeaseCode::kUserLimit);
  EXPECT_EQ(third.limit, 2u);
  EXPECT_EQ(third.current, 2u);
  const auto told = hub.Wait<NoticeReply>([](const NoticeReply& reply) {
    return reply.kind == NoticeKind::kRefused;
  });
  EXPECT_EQ(told.number, 0u);
  EXPECT_EQ(hub.Ask(ReleaseCommand{0, lease.lease}), 1u);
  EXPECT_EQ(hub.Ask(ReleaseCommand{0, lease.lease}), 0u);
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
}

TEST(HubLimits, AnInstanceReplacesItself) {
  TestHub hub([](HubOptions& o) { LimitTo(o, 1, 1); });
  const auto open = [&](const std::string& user) {
    StreamRequest request = hub.Request("acme", user);
    request.instance = "tab";
    return hub.Open(std::move(request));
  };
  Browser first = open("u1");
  Browser second = open("u1");
  first.ReadToEnd();
  EXPECT_EQ(first.stream().messages.back().event, "server_close");
  EXPECT_EQ(first.stream().messages.back().Text("reason"), "replaced");
  EXPECT_EQ(hub.metrics().replacements.Get(), 1u);
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
  Browser stranger = open("u2");  // the same instance, another user
  stranger.ReadToEnd();
  EXPECT_EQ(stranger.stream().messages.back().Text("reason"), "limit");
  hub.Publish("acme", "a1");
  EXPECT_TRUE(second.ReadMessages(2));
}

TEST(HubLimits, TheLeastRecentlyAliveIsEvicted) {
  TestClock clock;
  TestHub hub([&](HubOptions& o) {
    LimitTo(o, 2, 0);
    o.limits.evict_oldest = true;
    o.clock = &clock;
  });
  const auto open = [&](const std::string& module) {
    StreamRequest request = hub.Request();
    request.filter = FilterSpec{};
    request.filter->modules = {{module}};
    return hub.Open(std::move(request));
  };
  Browser first = open("guests");
  clock.Advance(10);
  Browser second = open("budget");
  clock.Advance(10);
  hub.Publish("acme", "a1");  // of guests: only the first is written to
  ASSERT_TRUE(first.ReadMessages(2));
  clock.Advance(10);
  Browser third = open("guests");
  second.ReadToEnd();
  EXPECT_EQ(second.stream().messages.back().Text("reason"), "evicted");
  EXPECT_EQ(hub.metrics().evictions.Get(), 1u);
  EXPECT_EQ(hub.metrics().connections.Get(), 2u);

  // A lease evicts streams too, and is never evicted itself.
  EXPECT_EQ(hub.Acquire("acme", "u1").code, LeaseCode::kHeld);
  first.ReadToEnd();
  EXPECT_EQ(hub.Acquire("acme", "u1").code, LeaseCode::kHeld);
  third.ReadToEnd();
  EXPECT_EQ(hub.Acquire("acme", "u1").code, LeaseCode::kUserLimit);
  EXPECT_EQ(hub.metrics().leases.Get(), 2u);
  Browser fourth = open("guests");
  fourth.ReadToEnd();
  EXPECT_EQ(fourth.stream().messages.back().Text("reason"), "limit");
}

TEST(HubLimits, ASocketThatFailsGivesItsPlaceBack) {
  TestHub hub([](HubOptions& o) { LimitTo(o, 1, 1); });
  for (int i = 0; i < 5; ++i) {
    OpenSocketCommand broken;
    broken.request = hub.Request();
    hub.Post(std::move(broken));
  }
  hub.Until([&] { return hub.ends(kEndGone) == 5; });
  Browser browser = hub.Open();
  EXPECT_TRUE(browser.ReadMessages(1));
  EXPECT_EQ(browser.stream().messages[0].type(), "hello");
}

TEST(HubLimits, UncountedStreamsTakeNoSeat) {
  TestHub hub([](HubOptions& o) {
    LimitTo(o, 1, 1);
    o.limits.evict_oldest = true;
  });
  StreamRequest observer = hub.Request();
  observer.uncounted = true;
  Browser one = hub.Open(std::move(observer));
  StreamRequest another = hub.Request();
  another.uncounted = true;
  Browser two = hub.Open(std::move(another));
  Browser counted = hub.Open();
  Browser evicting = hub.Open();
  counted.ReadToEnd();
  EXPECT_EQ(counted.stream().messages.back().Text("reason"), "evicted");
  EXPECT_EQ(hub.metrics().connections.Get(), 3u);
  EXPECT_EQ(hub.metrics().leases.Get(), 1u);
  hub.Publish("acme", "a1");
  EXPECT_TRUE(one.ReadMessages(2));
  EXPECT_TRUE(two.ReadMessages(2));
}

}  // namespace
}  // namespace pathcast
