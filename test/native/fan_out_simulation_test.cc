// Random schedules over channels, streams and sinks, judged by an oracle that
// reads each sink's bytes and knows every action that was published.
//
// What it holds the core to: each action that passes a stream's filter reaches
// its client exactly once, or inside exactly one invalidate, or before a
// resync, in order, over any number of cuts and resumes; every id is a position
// that is safe to resume from; nothing is ever malformed or interleaved; a
// backlog keeps to its cap; gauges return to zero.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cursor.h"
#include "core/random.h"
#include "core_world.h"
#include "seed.h"

namespace pathcast {
namespace {

constexpr uint64_t kCap = 1'500;
constexpr uint64_t kCompactAfter = 8;

struct Known {
  std::string json;
  std::string transformed;
  std::string module;
  std::string source;
  std::vector<std::string> paths;
};

// All that was ever published in one channel, by seq - 1.
struct History {
  std::vector<Known> actions;
  uint64_t ephemerals = 0;
};

enum class FilterKind { kNone, kModule, kNotSource, kPaths };

// A client over all its connections.
struct Reader {
  size_t channel = 0;
  Dialect dialect;
  FilterKind filter = FilterKind::kNone;
  std::unique_ptr<FakeSink> sink;
  std::unique_ptr<Subscription> subscription;
  bool connected = false;

  size_t consumed = 0;  // messages of this connection that were judged
  bool saw_hello = false;
  bool awaits_resync = false;
  // Every passing action up to here has reached it.
  uint64_t covered = 0;
  // After a resync without an id nobody but the hub knows what it covers.
  bool covered_unknown = false;
  std::string last_id;
  uint64_t last_ephemeral = 0;
  uint64_t actions_seen = 0;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), world_(seed) {
    world_.context.options.connection_cap_bytes = kCap;
    world_.context.options.compact_after = kCompactAfter;
    world_.context.options.max_invalidate_bytes = 400;
    world_.context.options.log.max_actions = random_.Between(5, 60);
    world_.context.options.log.ttl_ms = 500;
    for (size_t i = 0; i < kChannels; ++i) {
      channels_.push_back(std::make_unique<Channel>(
          "c" + std::to_string(i), "e" + std::to_string(i), 0));
    }
    histories_.resize(kChannels);
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !failed(); ++i) Step();
    if (failed()) return;
    Settle();
    Finish();
  }
  bool failed() const { return ::testing::Test::HasFailure(); }

 private:
  static constexpr size_t kChannels = 2;
  static constexpr size_t kMaxReaders = 12;

  bool OneIn(uint64_t n) { return random_.Between(1, n) == 1; }
  size_t AnyChannel() { return random_.Between(0, kChannels - 1); }

  void Step() {
    switch (random_.Between(0, 13)) {
      case 0:
      case 1:
        return Publish(AnyChannel(), 1);
      case 2:
        return Publish(AnyChannel(),
                       OneIn(4) ? kCompactAfter + 3 : random_.Between(1, 5));
      case 3:
        return Ephemeral(AnyChannel());
      case 4:
      case 5:
      case 6:
        return Slice(AnyChannel());
      case 7:
        return Connect();
      case 8:
        if (Reader* reader = Any()) {
          if (OneIn(3)) Disconnect(*reader);
        }
        return;
      case 9:
        if (Reader* reader = Any()) {
          reader->sink->room = OneIn(2) ? 0 : random_.Between(1, 700);
        }
        return;
      case 10:
      case 11:
        if (Reader* reader = Any()) Unblock(*reader);
        return;
      case 12:
        if (Reader* reader = Any()) Ping(*reader);
        return;
      default:
        world_.Advance(static_cast<int64_t>(random_.Between(0, 60)));
        if (OneIn(2)) channels_[AnyChannel()]->TrimLog(world_.context);
        if (Reader* reader = Any(); reader != nullptr && OneIn(8)) {
          reader->sink->gone = true;
        }
    }
  }

  void Publish(size_t at, uint64_t count) {
    Channel& channel = *channels_[at];
    ++world_.calls;
    for (uint64_t i = 0; i < count; ++i) {
      TestAction action;
      const std::string first = "seg" + std::to_string(random_.Between(0, 11));
      action.module = first;
      action.paths = {first + ".p" + std::to_string(random_.Between(0, 40))};
      if (OneIn(5)) action.paths.push_back(first);
      if (OneIn(40)) action.paths.push_back("*");
      action.source = OneIn(2) ? "tab1" : "tab2";
      // Up to more than a backlog holds.
      const uint64_t bytes =
          OneIn(10) ? random_.Between(0, 2'000) : random_.Between(0, 60);
      action.data = "\"" + std::string(bytes, 'd') + "\"";
      if (OneIn(5)) {
        action.transformed_head = "{\"json\":{\"own\":true,\"seq\":";
        action.transformed_tail = "}}";
      }
      EntryRef entry = world_.MakeAction(channel, action);
      Known known;
      known.json = entry->Json();
      known.transformed =
          action.transformed_head.empty()
              ? "{\"json\":" + known.json + "}"
              : action.transformed_head + std::to_string(entry->seq) + "}}";
      known.module = action.module;
      known.source = action.source;
      known.paths = action.paths;
      histories_[at].actions.push_back(std::move(known));
      channel.Publish(world_.context, std::move(entry), world_.calls);
    }
    ExpectGauges();
  }

  void Ephemeral(size_t at) {
    world_.Ephemeral(*channels_[at],
                     std::to_string(++histories_[at].ephemerals));
  }

  void Slice(size_t at) {
    SliceBudget budget;
    budget.visits = random_.Between(1, 3);
    (void)channels_[at]->RunSlice(world_.context, budget);
    BuryTheGone();
    ExpectGauges();
  }

  Reader* Any() {
    if (readers_.empty()) return nullptr;
    Reader& reader = *readers_[random_.Between(0, readers_.size() - 1)];
    return reader.connected ? &reader : nullptr;
  }

  void Connect() {
    Reader* reader = nullptr;
    for (auto& other : readers_) {
      if (!other->connected && OneIn(2)) reader = other.get();
    }
    if (reader == nullptr) {
      if (readers_.size() >= kMaxReaders) return;
      readers_.push_back(std::make_unique<Reader>());
      reader = readers_.back().get();
      reader->channel = AnyChannel();
      reader->dialect = {OneIn(2), !OneIn(4), OneIn(2)};
      reader->filter = static_cast<FilterKind>(random_.Between(0, 3));
    }
    Connect(*reader);
  }

  void Connect(Reader& reader) {
    Channel& channel = *channels_[reader.channel];
    std::unique_ptr<Filter> filter;
    if (reader.filter == FilterKind::kModule) {
      filter = std::make_unique<Filter>(
          FilterSpec{.modules = {{"seg1", "seg2", "seg3"}}});
    } else if (reader.filter == FilterKind::kNotSource) {
      filter =
          std::make_unique<Filter>(FilterSpec{.exclude_source_id = "tab1"});
    } else if (reader.filter == FilterKind::kPaths) {
      filter = std::make_unique<Filter>(
          FilterSpec{.query_paths = {{"seg4", "seg5.p7", "seg6.p1.x"}}});
    }
    reader.sink = std::make_unique<FakeSink>();
    if (OneIn(3)) reader.sink->room = random_.Between(0, 3'000);
    reader.subscription = std::make_unique<Subscription>(
        reader.sink.get(), reader.dialect, std::move(filter));
    reader.connected = true;
    reader.consumed = 0;
    reader.saw_hello = false;
    reader.last_ephemeral = histories_[reader.channel].ephemerals;
    const ResumePoint point{reader.last_id, false, 0};
    channel.Add(reader.subscription.get());
    reader.subscription->Start(
        world_.context, channel,
        MakeOpening(world_.context, channel, *reader.subscription,
                    {"", "hub-1", &point}),
        channel.window_end());
    // Whoever has no id starts anew each time.
    if (reader.last_id.empty()) {
      reader.covered = channel.log().head_seq();
      reader.covered_unknown = false;
    }
    Judge(reader);
    ExpectGauges();
  }

  void Disconnect(Reader& reader) {
    if (!reader.connected) return;
    Judge(reader);
    reader.subscription->Retire(world_.context);
    channels_[reader.channel]->Remove(reader.subscription.get());
    reader.subscription.reset();
    reader.connected = false;
    deliveries_ += reader.actions_seen;
    reader.actions_seen = 0;
    EXPECT_EQ(reader.sink->misuses, 0);
    ExpectGauges();
  }

  void BuryTheGone() {
    for (auto& reader : readers_) {
      if (reader->connected && reader->subscription->gone()) {
        Disconnect(*reader);
      }
    }
  }

  void Unblock(Reader& reader) {
    reader.sink->room =
        OneIn(3) ? FakeSink::kUnlimited : random_.Between(1, 900);
    if (!reader.sink->wanted) return;
    reader.subscription->OnWritable(world_.context, *channels_[reader.channel]);
    BuryTheGone();
    if (reader.connected) Judge(reader);
    ExpectGauges();
  }

  void Ping(Reader& reader) {
    Channel& channel = *channels_[reader.channel];
    (void)reader.subscription->WriteUnlessSlow(
        world_.context, channel.PingAt(world_.context, reader.dialect,
                                       reader.subscription->pos()));
    BuryTheGone();
    if (reader.connected) Judge(reader);
  }

  // The end: all that is left is taken.
  void Settle() {
    for (int round = 0; round < 3; ++round) {
      for (auto& reader : readers_) {
        if (!reader->connected) continue;
        reader->sink->room = FakeSink::kUnlimited;
        if (reader->sink->wanted) {
          reader->subscription->OnWritable(world_.context,
                                           *channels_[reader->channel]);
        }
      }
      for (auto& channel : channels_) world_.FanOut(*channel);
      BuryTheGone();
    }
    for (auto& reader : readers_) {
      if (!reader->connected) continue;
      Judge(*reader);
      EXPECT_FALSE(reader->subscription->slow());
      EXPECT_EQ(ReadSse(reader->sink->bytes).rest, "");
      if (!reader->covered_unknown) {
        EXPECT_EQ(NextPassing(*reader, reader->covered), 0u)
            << "an action never came";
      }
    }
  }

  void Finish() {
    for (auto& reader : readers_) Disconnect(*reader);
    const Metrics& metrics = world_.metrics;
    EXPECT_EQ(metrics.deliveries.Get(), deliveries_);
    for (auto& channel : channels_) {
      EXPECT_EQ(channel->size(), 0u);
      channel->Retire(world_.context);
    }
    EXPECT_EQ(metrics.slow_sinks.Get(), 0u);
    EXPECT_EQ(metrics.backlog_bytes.Get(), 0u);
    EXPECT_EQ(metrics.window_bytes.Get(), 0u);
    EXPECT_EQ(metrics.log_actions.Get(), 0u);
    EXPECT_EQ(metrics.log_bytes.Get(), 0u);
  }

  void ExpectGauges() {
    uint64_t slow = 0;
    uint64_t backlog = 0;
    for (const auto& reader : readers_) {
      if (!reader->connected) continue;
      const uint64_t bytes = reader->subscription->backlog_bytes();
      slow += reader->subscription->slow() ? 1 : 0;
      backlog += bytes;
      EXPECT_LE(reader->subscription->whole_backlog_bytes(), kCap);
    }
    EXPECT_EQ(world_.metrics.slow_sinks.Get(), slow);
    EXPECT_EQ(world_.metrics.backlog_bytes.Get(), backlog);
    uint64_t actions = 0;
    for (const auto& channel : channels_) actions += channel->log().size();
    EXPECT_EQ(world_.metrics.log_actions.Get(), actions);
  }

  bool Passes(const Reader& reader, const Known& action) const {
    if (reader.filter == FilterKind::kModule) {
      return action.module == "seg1" || action.module == "seg2" ||
             action.module == "seg3";
    }
    if (reader.filter == FilterKind::kPaths) {
      return std::any_of(action.paths.begin(), action.paths.end(),
                         [](const std::string& path) {
                           return path == "*" || path == "seg4" ||
                                  path.starts_with("seg4.") || path == "seg5" ||
                                  path == "seg5.p7" || path == "seg6" ||
                                  path == "seg6.p1";
                         });
    }
    return reader.filter != FilterKind::kNotSource || action.source != "tab1";
  }

  // The first passing seq after `seq`; 0 if none.
  uint64_t NextPassing(const Reader& reader, uint64_t seq) const {
    const auto& actions = histories_[reader.channel].actions;
    for (uint64_t at = seq; at < actions.size(); ++at) {
      if (Passes(reader, actions[at])) return at + 1;
    }
    return 0;
  }

  void Judge(Reader& reader) {
    const SseStream stream = ReadSse(reader.sink->bytes);
    ASSERT_EQ(stream.malformed, "");
    for (; reader.consumed < stream.messages.size(); ++reader.consumed) {
      JudgeMessage(reader, stream.messages[reader.consumed]);
      if (failed()) return;
    }
  }

  void JudgeMessage(Reader& reader, const SseMessage& message) {
    if (message.event == "connected") {
      EXPECT_TRUE(reader.dialect.trpc && !reader.saw_hello);
      EXPECT_EQ(message.id, "");
      return;
    }
    const std::string type = message.type();
    if (!reader.saw_hello) {
      ASSERT_EQ(type, "hello") << "the verdict is the first";
      reader.saw_hello = true;
      JudgeHello(reader, message);
    } else if (message.event == "ping") {
      EXPECT_EQ(type, "ping");
    } else if (reader.awaits_resync) {
      ASSERT_EQ(type, "resync");
      reader.awaits_resync = false;
      JudgeResync(reader, message);
    } else if (type == "invalidate") {
      JudgeInvalidate(reader, message);
    } else if (type == "resync") {
      JudgeResync(reader, message);
    } else if (type == "ephemeral") {
      JudgeEphemeral(reader, message);
    } else {
      JudgeAction(reader, message);
    }
    if (failed() || message.id.empty()) return;
    ASSERT_TRUE(reader.dialect.ids);
    reader.last_id = message.id;
    if (reader.awaits_resync) {
      EXPECT_EQ(message.id, "0.0");
      return;
    }
    // Safe to resume from: nothing before it is missing, nothing after it came.
    const uint64_t at = *message.IdSeq();
    EXPECT_EQ(message.id, channels_[reader.channel]->log().epoch() + "." +
                              std::to_string(at));
    EXPECT_GE(at, reader.covered);
    const uint64_t next = NextPassing(reader, reader.covered);
    EXPECT_TRUE(next == 0 || next > at) << message.id << " skips " << next;
  }

  void JudgeHello(Reader& reader, const SseMessage& message) {
    const std::string reason = message.Text("reason");
    const bool recovered =
        message.data.find("\"recovered\":true") != std::string::npos;
    EXPECT_EQ(recovered, reason == "resumed");
    reader.awaits_resync = reason != "fresh" && !recovered;
    EXPECT_EQ(reason == "fresh", reader.last_id.empty());
    if (recovered) {
      EXPECT_EQ(message.id, reader.last_id);
    }
  }

  void JudgeResync(Reader& reader, const SseMessage& message) {
    if (!reader.dialect.ids) {
      reader.covered_unknown = true;
      return;
    }
    const uint64_t at = *message.IdSeq();
    EXPECT_GE(at, reader.covered);
    EXPECT_LE(at, histories_[reader.channel].actions.size());
    reader.covered = at;
  }

  void JudgeEphemeral(Reader& reader, const SseMessage& message) {
    const uint64_t number =
        std::strtoull(message.Text("topic").c_str(), nullptr, 10);
    EXPECT_GT(number, reader.last_ephemeral) << "twice, or out of order";
    reader.last_ephemeral = number;
    EXPECT_EQ(message.id.empty(), !(reader.dialect.trpc && reader.dialect.ids));
  }

  void JudgeInvalidate(Reader& reader, const SseMessage& message) {
    const auto& actions = histories_[reader.channel].actions;
    const uint64_t from = message.Number("from");
    const uint64_t to = message.Number("to");
    if (!reader.covered_unknown) {
      EXPECT_EQ(from, NextPassing(reader, reader.covered));
    }
    ASSERT_LE(from, to);
    ASSERT_LE(to, actions.size());
    EXPECT_TRUE(Passes(reader, actions[to - 1]));
    if (reader.dialect.ids) {
      EXPECT_EQ(*message.IdSeq(), to);
    }
    EXPECT_LE(message.data.size(), 400 + world_.context.wrap.prefix.size() +
                                       world_.context.wrap.suffix.size());
    const std::vector<std::string> paths = message.Paths();
    const auto covers = [&](const std::string& path) {
      return std::any_of(paths.begin(), paths.end(), [&](const auto& one) {
        return one == "*" || one == path ||
               path.substr(0, one.size() + 1) == one + ".";
      });
    };
    uint64_t count = 0;
    for (uint64_t seq = from; seq <= to; ++seq) {
      if (!Passes(reader, actions[seq - 1])) continue;
      ++count;
      for (const std::string& path : actions[seq - 1].paths) {
        EXPECT_TRUE(covers(path)) << path;
      }
    }
    EXPECT_EQ(message.Number("count"), count);
    reader.covered = to;
    reader.covered_unknown = false;
  }

  void JudgeAction(Reader& reader, const SseMessage& message) {
    const auto& actions = histories_[reader.channel].actions;
    const uint64_t seq = message.Number("seq");
    ASSERT_GE(seq, 1u);
    ASSERT_LE(seq, actions.size());
    const Known& known = actions[seq - 1];
    EXPECT_EQ(message.data,
              reader.dialect.transformed ? known.transformed : known.json);
    EXPECT_TRUE(Passes(reader, known)) << seq;
    EXPECT_GT(seq, reader.covered) << "twice, or out of order";
    if (!reader.covered_unknown) {
      EXPECT_EQ(seq, NextPassing(reader, reader.covered));
    }
    if (reader.dialect.ids) {
      EXPECT_EQ(*message.IdSeq(), seq);
    }
    reader.covered = seq;
    reader.covered_unknown = false;
    ++reader.actions_seen;
  }

  Random random_;
  World world_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<History> histories_;
  std::vector<std::unique_ptr<Reader>> readers_;
  uint64_t deliveries_ = 0;
};

TEST(FanOutSimulation, NothingIsLostDoubledOrMangled) {
  const uint64_t seed = TestSeed();
  for (uint64_t run = 0; run < 200; ++run) {
    SCOPED_TRACE("schedule " + std::to_string(run));
    Simulation simulation(seed + run);
    simulation.Run(250);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace pathcast
