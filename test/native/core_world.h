// A hub's core without a hub: a channel, a clock that stands still, sinks that
// take as many bytes as they are told to.
#ifndef PATHCAST_TEST_NATIVE_CORE_WORLD_H_
#define PATHCAST_TEST_NATIVE_CORE_WORLD_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/context.h"
#include "core/resume.h"
#include "core/sink.h"
#include "core/subscription.h"
#include "sse_reader.h"

namespace pathcast {

// Takes `room` bytes in all, then blocks; may be gone.
class FakeSink final : public Sink {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  int64_t Write(const IoVec* parts, size_t count) override {
    ++writes;
    if (count == 0 || count > kMaxParts) ++misuses;
    if (gone) return kGone;
    int64_t took = 0;
    for (size_t i = 0; i < count; ++i) {
      if (parts[i].size == 0) ++misuses;
      const auto fits =
          static_cast<size_t>(std::min<uint64_t>(parts[i].size, room));
      bytes.append(parts[i].data, fits);
      if (room != kUnlimited) room -= fits;
      took += static_cast<int64_t>(fits);
      if (fits < parts[i].size) break;
    }
    return took;
  }
  void WantWritable(bool value) override { wanted = value; }

  std::string bytes;
  uint64_t room = kUnlimited;
  bool gone = false;
  bool wanted = false;
  int writes = 0;
  int misuses = 0;
};

struct FakeObserver final : public SubscriptionObserver {
  void OnGone(Subscription* subscription) override {
    gone.push_back(subscription);
  }
  void OnBlocked(Subscription* subscription) override {
    blocked.push_back(subscription);
  }
  void OnNotice(Subscription* subscription, SubscriptionNotice notice,
                uint64_t value) override {
    (void)subscription;
    notices.emplace_back(notice, value);
  }
  std::vector<Subscription*> gone;
  std::vector<Subscription*> blocked;
  std::vector<std::pair<SubscriptionNotice, uint64_t>> notices;
};

// What a test says of an action; the rest is made up.
struct TestAction {
  std::vector<std::string> paths = {"guests.getAll"};
  std::string module = "guests";
  std::string client = {};
  std::string source = {};
  std::string user = "u1";
  std::string data = "null";
  std::string transformed_head = {};
  std::string transformed_tail = {};
  int64_t timestamp_ms = 0;  // 0: the clock's
  std::string id = {};       // "": made up
};

inline constexpr Dialect kPlain{false, true, false};
inline constexpr Dialect kTrpc{true, true, false};
inline constexpr Dialect kTrpcTransformed{true, true, true};
inline constexpr Dialect kTrpcBare{true, false, false};

class World {
 public:
  explicit World(uint64_t seed = 1) : context(seed) {
    context.metrics = &metrics;
    context.observer = &observer;
    context.wrap = {"{\"json\":", "}"};
    context.clock = &clock;
    SetClock(1'000'000);
  }

  void SetClock(int64_t ms) {
    context.now_ms = context.wall_ms = context.steady_ms = ms;
  }
  void Advance(int64_t ms) { SetClock(context.now_ms + ms); }

  EntryRef MakeAction(Channel& channel, const TestAction& action = {}) {
    const uint64_t seq = channel.log().head_seq() + 1;
    const std::string id = action.id.empty()
                               ? channel.tenant() + "-" + std::to_string(seq)
                               : action.id;
    const int64_t timestamp_ms =
        action.timestamp_ms == 0 ? context.now_ms : action.timestamp_ms;
    std::string head =
        "{\"id\":\"" + id +
        "\",\"type\":\"update\",\"timestamp\":" + std::to_string(timestamp_ms) +
        ",\"queryPaths\":[";
    for (size_t i = 0; i < action.paths.size(); ++i) {
      head += (i == 0 ? "\"" : ",\"") + action.paths[i] + "\"";
    }
    head += "],\"data\":" + action.data + ",\"seq\":";
    const EntryText text{head, "}", action.transformed_head,
                         action.transformed_tail};
    const ActionView view{action.module, "e", action.client, action.user,
                          action.source};
    EntryRef entry =
        EntryBuilder::Action(channel.log().epoch(), seq, text, {id, view});
    entry->timestamp_ms = timestamp_ms;
    entry->arrived_ms = context.now_ms;
    entry->module = channel.ModuleId(action.module);
    for (const std::string& path : action.paths) {
      entry->paths.push_back(channel.PathId(context, path));
    }
    return entry;
  }

  // One publish call.
  void Publish(Channel& channel, const TestAction& action = {}, int times = 1) {
    ++calls;
    for (int i = 0; i < times; ++i) {
      channel.Publish(context, MakeAction(channel, action), calls);
    }
  }

  void Ephemeral(Channel& channel, std::string_view topic) {
    const std::string json = "{\"type\":\"ephemeral\",\"timestamp\":" +
                             std::to_string(context.now_ms) +
                             ",\"queryPaths\":[],\"topic\":\"" +
                             std::string(topic) + "\"}";
    EntryRef entry = EntryBuilder::Ephemeral(
        channel.log().epoch(), channel.log().head_seq(), {json, {}, {}, {}});
    entry->arrived_ms = context.now_ms;
    channel.PublishEphemeral(context, std::move(entry));
  }

  void FanOut(Channel& channel) {
    while (!channel.RunSlice(context, {})) {
    }
  }

  // Of budgets and latencies only.
  ManualClock clock{0};
  Metrics metrics;
  FakeObserver observer;
  Context context;
  uint64_t calls = 0;
};

// A client: its sink, its subscription, its place in a channel.
class Client {
 public:
  Client(World& world, Channel& channel, const Dialect& dialect = kPlain,
         const ResumePoint& point = {}, const FilterSpec* filter = nullptr,
         uint64_t room = FakeSink::kUnlimited)
      : world_(world),
        channel_(channel),
        subscription(&sink, dialect,
                     filter == nullptr
                         ? nullptr
                         : std::make_unique<Filter>(FilterSpec(*filter))) {
    sink.room = room;
    channel.Add(&subscription);
    const OpeningRequest request{"", "hub-1", &point};
    subscription.Start(
        world.context, channel,
        MakeOpening(world.context, channel, subscription, request),
        channel.window_end());
  }
  ~Client() {
    subscription.Retire(world_.context);
    channel_.Remove(&subscription);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The sink can take `room` bytes more, and is asked to if that is wanted.
  void Unblock(uint64_t room = FakeSink::kUnlimited) {
    sink.room = room;
    if (sink.wanted) subscription.OnWritable(world_.context, channel_);
  }
  SseStream Read() const { return ReadSse(sink.bytes); }
  // The messages but the opening's.
  std::vector<SseMessage> Events() const {
    SseStream stream = Read();
    std::vector<SseMessage> events;
    bool after_hello = false;
    for (SseMessage& message : stream.messages) {
      if (after_hello) events.push_back(message);
      after_hello = after_hello || message.type() == "hello";
    }
    return events;
  }

 private:
  World& world_;
  Channel& channel_;

 public:
  FakeSink sink;
  Subscription subscription;
};

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_CORE_WORLD_H_
