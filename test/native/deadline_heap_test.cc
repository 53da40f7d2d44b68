#include "engine/deadline_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/context.h"
#include "seed.h"

namespace pathcast {
namespace {

// Against a sorted map: whoever is first there is due first here.
TEST(DeadlineHeap, TheFirstIsTheEarliestWhoeverComesAndGoes) {
  Random random(TestSeed());
  Channel channel("acme", "e1", 0);
  std::vector<Reply> replies;
  std::vector<std::unique_ptr<Connection>> connections;
  for (uint64_t number = 1; number <= 200; ++number) {
    StreamRequest request;
    request.number = number;
    connections.push_back(std::make_unique<Connection>(
        &request, &channel,
        ConnectionSink(std::make_unique<HostSink>(number, 1u, &replies)),
        nullptr, 0));
  }
  DeadlineHeap heap(&Connection::life_place);
  std::multimap<int64_t, Connection*> model;
  for (int step = 0; step < 20'000; ++step) {
    Connection* one =
        connections[random.Between(0, connections.size() - 1)].get();
    const auto held =
        std::find_if(model.begin(), model.end(),
                     [&](const auto& entry) { return entry.second == one; });
    if (held != model.end()) {
      model.erase(held);
      heap.Remove(one);
      // The second time it is not there.
      heap.Remove(one);
    } else {
      const auto at = static_cast<int64_t>(random.Between(0, 1'000'000));
      model.emplace(at, one);
      heap.Add(at, one);
    }
    ASSERT_EQ(heap.empty(), model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(heap.first_ms(), model.begin()->first);
    const auto [from, to] = model.equal_range(heap.first_ms());
    ASSERT_TRUE(std::any_of(from, to, [&](const auto& entry) {
      return entry.second == heap.first();
    }));
  }
  // And the rest in order.
  for (const auto& [at, one] : model) {
    ASSERT_EQ(heap.first_ms(), at);
    heap.Remove(heap.first());
  }
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace pathcast
