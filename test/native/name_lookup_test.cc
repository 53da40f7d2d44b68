#include "loop/name_lookup.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "loop_thread.h"

namespace pathcast {
namespace {

using Found = Result<std::vector<SocketAddress>>;

TEST(NameLookupTest, KnowsAddressesByThemselves) {
  const auto v4 = NameLookup::Numeric("127.0.0.1", 80);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->family(), AF_INET);
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>(v4->get())->sin_port,
            htons(80));
  const auto v6 = NameLookup::Numeric("::1", 81);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->family(), AF_INET6);
  EXPECT_EQ(v6->size, sizeof(sockaddr_in6));
  for (const char* name : {"localhost", "", "127.0.0.1x", "1.2.3", "::g"}) {
    EXPECT_FALSE(NameLookup::Numeric(name, 1)) << name;
  }
}

TEST(NameLookupTest, LooksUpAName) {
  LoopThread thread;
  NameLookup lookup;
  Event found;
  std::vector<SocketAddress> addresses;
  thread.Run([&] {
    ASSERT_TRUE(lookup
                    .Start(thread.loop(), "localhost", 6379,
                           [&](Found result) {
                             ASSERT_TRUE(result.ok());
                             addresses = std::move(*result);
                             found.Set();
                           })
                    .ok());
  });
  ASSERT_TRUE(found.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
  ASSERT_FALSE(addresses.empty());
  for (const SocketAddress& address : addresses) {
    EXPECT_TRUE(address.family() == AF_INET || address.family() == AF_INET6);
  }
}

TEST(NameLookupTest, SaysThatThereIsNoSuchName) {
  LoopThread thread;
  NameLookup lookup;
  Event found;
  thread.Run([&] {
    ASSERT_TRUE(lookup
                    .Start(thread.loop(), "no such host", 6379,
                           [&](const Found& result) {
                             EXPECT_EQ(result.status().code(), Code::kIo);
                             found.Set();
                           })
                    .ok());
  });
  ASSERT_TRUE(found.Wait());
  EXPECT_TRUE(thread.End(nullptr).ok());
}

// More than libuv's pool takes at a time: some have begun and some have not.
// The loop's end waits for those that nobody can stop.
TEST(NameLookupTest, ACancelledOneIsSilentAndLeavesNothingBehind) {
  LoopThread thread;
  std::array<NameLookup, 32> lookups;
  thread.Run([&] {
    for (NameLookup& lookup : lookups) {
      ASSERT_TRUE(
          lookup
              .Start(thread.loop(), "localhost", 1,
                     [](const Found&) { ADD_FAILURE() << "it was cancelled"; })
              .ok());
      lookup.Cancel();
      lookup.Cancel();
    }
  });
  EXPECT_TRUE(thread.End(nullptr).ok());
}

}  // namespace
}  // namespace pathcast
