// Nobody holds up another: what is done in one turn has a budget, and the order
// in which the hub hands things over shows it. The clock costs time with each
// look, so that budgets are spent.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub_harness.h"

namespace pathcast {
namespace {

class HubFairness : public testing::Test {
 protected:
  uint64_t OpenSink(const std::string& tenant, const std::string& user) {
    OpenHostSinkCommand command;
    command.request = hub_.Request(tenant, user);
    const uint64_t number = command.request.number;
    hub_.Post(std::move(command));
    return number;
  }
  Ticket PostPublish(const std::string& tenant, const std::string& id) {
    PublishCommand command;
    const Ticket ticket = command.ticket = hub_.NextTicket();
    command.items.push_back(TestHub::Item(tenant, id));
    hub_.Post(std::move(command));
    return ticket;
  }
  // Place in what was handed over of the first that `is` takes.
  template <class T, class Is>
  size_t PlaceOf(Is is) const {
    for (size_t i = 0; i < hub_.seen.size(); ++i) {
      const auto* reply = std::get_if<T>(&hub_.seen[i]);
      if (reply != nullptr && is(*reply)) return i;
    }
    ADD_FAILURE() << "it was not handed over";
    return 0;
  }
  size_t EndsBefore(size_t place) const {
    size_t ends = 0;
    for (size_t i = 0; i < place; ++i) {
      ends += std::holds_alternative<SinkEndReply>(hub_.seen[i]) ? 1 : 0;
    }
    return ends;
  }

  size_t DataBefore(size_t place) const {
    size_t count = 0;
    for (size_t i = 0; i < place; ++i) {
      count += std::holds_alternative<SinkDataReply>(hub_.seen[i]) ? 1 : 0;
    }
    return count;
  }

  TestClock clock_;
  TestHub hub_{[this](HubOptions& o) { o.clock = &clock_; }};
};

TEST_F(HubFairness,
       ADisconnectOfManyLetsOthersThroughAndOffersThemNothingMore) {
  constexpr size_t kStreams = 1'000;
  for (size_t i = 0; i < kStreams; ++i) OpenSink("big", std::to_string(i));
  const uint64_t small = OpenSink("small", "u");
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(20);
  DisconnectCommand disconnect;
  disconnect.ticket = hub_.NextTicket();
  disconnect.tenant = "big";
  const Ticket ticket = disconnect.ticket;
  PublishCommand publish;
  const Ticket published = publish.ticket = hub_.NextTicket();
  publish.items.push_back(TestHub::Item("big", "b1"));
  publish.items.push_back(TestHub::Item("small", "s1"));
  // The hub finds both together.
  clock_.WhileStopped([&] {
    hub_.Post(std::move(disconnect));
    hub_.Post(std::move(publish));
  });
  (void)hub_.WaitTicket<PublishedReply>(published);
  EXPECT_EQ(hub_.WaitTicket<DoneReply>(ticket).value, kStreams);

  const size_t mine = PlaceOf<SinkDataReply>(
      [&](const SinkDataReply& data) { return data.number == small; });
  EXPECT_LE(EndsBefore(mine), 100u);
  EXPECT_EQ(EndsBefore(hub_.seen.size()), kStreams);
  for (const Reply& reply : hub_.seen) {
    const auto* data = std::get_if<SinkDataReply>(&reply);
    if (data == nullptr || data->number == small) continue;
    EXPECT_EQ(data->bytes.find("\"id\":\"b1\""), std::string::npos);
    // Its farewell stands for what it had been offered.
    EXPECT_NE(data->bytes.find(".0\ndata: "), std::string::npos) << data->bytes;
  }
  // Of each end the host is told.
  size_t closed = 0;
  for (const Reply& reply : hub_.seen) {
    const auto* notice = std::get_if<NoticeReply>(&reply);
    closed += notice != nullptr && notice->kind == NoticeKind::kClosed ? 1 : 0;
  }
  EXPECT_EQ(closed, kStreams);
  EXPECT_EQ(hub_.metrics().connections.Get(), 1u);
}

// The rest has to follow though nobody asks for anything meanwhile.
TEST_F(HubFairness, AFanOutOverItsBudgetGoesOnByItself) {
  constexpr size_t kStreams = 100;
  for (size_t i = 0; i < kStreams; ++i) OpenSink("big", std::to_string(i));
  hub_.Sync();
  // A turn is over after a visit or two.
  clock_.CostsUs(200);
  hub_.Publish("big", "b1");
  // Nothing is posted: what is sent rings by itself.
  while (hub_.metrics().deliveries.Get() < kStreams && !HasFailure()) {
    hub_.WaitForMore();
  }
}

TEST_F(HubFairness, ALongLogIsAnsweredInPartsAndAsItWasAskedFor) {
  constexpr size_t kActions = 12;
  TestHub hub{[this](HubOptions& o) {
    o.clock = &clock_;
    o.core.log.max_actions = kActions;
  }};
  for (size_t i = 0; i < kActions; ++i)
    hub.Publish("big", "old" + std::to_string(i), "guests.getAll", 40'000);
  hub.seen.clear();
  // Each part costs a whole turn.
  clock_.CostsUs(200);
  const Ticket log = hub.NextTicket();
  const Ticket other = hub.NextTicket();
  clock_.WhileStopped([&] {
    hub.Post(ReadLogCommand{log, "big"});
    // Their places in the log are the old ones'.
    for (size_t i = 0; i < kActions; ++i) {
      PublishCommand command;
      command.ticket = i + 1 < kActions ? hub.NextTicket() : other;
      command.items.push_back(TestHub::Item("big", "new" + std::to_string(i)));
      hub.Post(std::move(command));
    }
  });
  const auto reply = hub.WaitTicket<LogReply>(log);
  EXPECT_EQ(reply.head_seq, kActions);
  ASSERT_EQ(reply.actions.size(), kActions);
  for (size_t i = 0; i < kActions; ++i) {
    EXPECT_NE(reply.actions[i].find("\"old" + std::to_string(i) + "\""),
              std::string::npos);
    EXPECT_NE(reply.actions[i].find("\"seq\":" + std::to_string(i + 1) + "}"),
              std::string::npos);
  }
  hub.WaitTicket<PublishedReply>(other);
  size_t answered = 0;
  for (const Reply& each : hub.seen) {
    if (std::holds_alternative<LogReply>(each)) break;
    answered += std::holds_alternative<PublishedReply>(each) ? 1 : 0;
  }
  EXPECT_GE(answered, 3u);
}

TEST_F(HubFairness, AListOfStreamsIsMadeInPartsOfThoseThatAreStillThere) {
  constexpr size_t kStreams = 100;
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < kStreams; ++i)
    numbers.push_back(OpenSink("big", std::to_string(i)));
  const uint64_t small = OpenSink("small", "u");
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(200);
  ConnectionsCommand question;
  const Ticket list = question.ticket = hub_.NextTicket();
  question.tenant = "big";
  question.limit = 1'000;
  clock_.WhileStopped([&] {
    hub_.Post(std::move(question));
    PostPublish("small", "s1");
    hub_.Post(SinkAbortCommand{numbers.back()});
  });
  numbers.pop_back();
  std::vector<uint64_t> listed;
  for (const ConnectionInfo& info :
       hub_.WaitTicket<ConnectionsReply>(list).connections) {
    listed.push_back(info.number);
    EXPECT_EQ(info.tenant, "big");
  }
  EXPECT_EQ(listed, numbers);
  const size_t heard = PlaceOf<SinkDataReply>(
      [&](const SinkDataReply& data) { return data.number == small; });
  EXPECT_LT(heard, PlaceOf<ConnectionsReply>([](const auto&) { return true; }));
}

TEST_F(HubFairness, AHubThatEndsAnswersInFullFirst) {
  constexpr size_t kActions = 8;
  for (size_t i = 0; i < kActions; ++i)
    hub_.Publish("big", std::to_string(i), "guests.getAll", 40'000);
  for (size_t i = 0; i < 40; ++i) OpenSink("big", std::to_string(i));
  hub_.Sync();
  clock_.CostsUs(200);
  const Ticket log = hub_.NextTicket();
  ConnectionsCommand question;
  const Ticket list = question.ticket = hub_.NextTicket();
  question.limit = 1'000;
  const Ticket end = hub_.NextTicket();
  clock_.WhileStopped([&] {
    hub_.Post(ReadLogCommand{log, "big"});
    hub_.Post(std::move(question));
    hub_.Post(ShutdownCommand{end});
  });
  hub_.WaitTicket<DoneReply>(end);
  EXPECT_EQ(hub_.WaitTicket<LogReply>(log).actions.size(), kActions);
  EXPECT_EQ(hub_.WaitTicket<ConnectionsReply>(list).connections.size(), 40u);
}

TEST_F(HubFairness, WhoIsToEndIsLookedForInPartsThatOthersMayPass) {
  constexpr size_t kStreams = 1'000;
  for (size_t i = 0; i < kStreams; ++i) OpenSink("big", std::to_string(i));
  const uint64_t small = OpenSink("small", "u");
  hub_.Sync();
  hub_.seen.clear();
  // Each look costs a whole turn.
  clock_.CostsUs(200);
  Ticket ended = 0;
  Ticket own = 0;
  Ticket other = 0;
  clock_.WhileStopped([&] {
    DisconnectCommand disconnect;
    disconnect.ticket = ended = hub_.NextTicket();
    disconnect.tenant = "big";
    hub_.Post(std::move(disconnect));
    own = PostPublish("big", "b1");
    other = PostPublish("small", "s1");
  });
  EXPECT_EQ(hub_.WaitTicket<DoneReply>(ended).value, kStreams);
  const auto answer_to = [&](Ticket ticket) {
    return PlaceOf<PublishedReply>(
        [&](const PublishedReply& reply) { return reply.ticket == ticket; });
  };
  // Nobody of the big one has ended, nor has its own action gone ahead.
  EXPECT_EQ(EndsBefore(answer_to(other)), 0u);
  EXPECT_LT(answer_to(other), answer_to(own));
  const size_t heard = PlaceOf<SinkDataReply>(
      [&](const SinkDataReply& data) { return data.number == small; });
  EXPECT_EQ(EndsBefore(heard), 0u);
  for (const Reply& reply : hub_.seen) {
    const auto* data = std::get_if<SinkDataReply>(&reply);
    if (data == nullptr) continue;
    EXPECT_EQ(data->bytes.find("\"id\":\"b1\""), std::string::npos);
  }
}

TEST_F(HubFairness, WhoLeavesWhileManyAreLookedForTakesNobodyAlong) {
  // Every other one is of the user that is to end. A third leaves meanwhile:
  // more than were looked at until then, everywhere, and of either user.
  constexpr size_t kStreams = 600;
  constexpr size_t kLeave = 200;
  std::vector<Browser> leavers;
  std::vector<Browser> stayers;
  for (size_t i = 0; i < kStreams; ++i) {
    const std::string user = i % 2 == 0 ? "stays" : "ends";
    if (i % 6 < 2) {
      leavers.push_back(hub_.Open("big", user));
    } else if (i % 20 == 8) {
      stayers.push_back(hub_.Open("big", user));
    } else {
      OpenSink("big", user);
    }
  }
  hub_.Sync();
  clock_.CostsUs(200);
  Ticket ended = 0;
  clock_.WhileStopped([&] {
    DisconnectCommand disconnect;
    disconnect.ticket = ended = hub_.NextTicket();
    disconnect.tenant = "big";
    disconnect.user = "ends";
    hub_.Post(std::move(disconnect));
    leavers.clear();
  });
  // Who had left before it was looked at is not counted.
  const uint64_t found = hub_.WaitTicket<DoneReply>(ended).value;
  EXPECT_GE(found, kStreams / 2 - kLeave / 2);
  EXPECT_LE(found, kStreams / 2);
  hub_.Until([&] {
    return hub_.metrics().connections.Get() <= kStreams / 2 - kLeave / 2;
  });
  EXPECT_EQ(hub_.metrics().connections.Get(), kStreams / 2 - kLeave / 2);
  (void)hub_.Publish("big", "b1");
  for (Browser& stayer : stayers) {
    EXPECT_TRUE(stayer.ReadMessages(2)) << stayer.bytes();
  }
}

TEST_F(HubFairness, ATenantOfFewStreamsIsServedBeforeALongPass) {
  for (size_t i = 0; i < 500; ++i) OpenSink("big", std::to_string(i));
  const uint64_t small = OpenSink("small", "u");
  hub_.Sync();
  hub_.seen.clear();
  (void)hub_.Publish(
      {TestHub::Item("big", "b1"), TestHub::Item("small", "s1")});
  const auto given = [&](const SinkDataReply& data) {
    return data.number == small;
  };
  (void)hub_.Wait<SinkDataReply>(given);
  EXPECT_EQ(DataBefore(PlaceOf<SinkDataReply>(given)), 0u);
}

TEST_F(HubFairness, LongPassesTakeTurns) {
  std::set<uint64_t> second;
  for (size_t i = 0; i < 300; ++i) OpenSink("first", std::to_string(i));
  for (size_t i = 0; i < 300; ++i)
    second.insert(OpenSink("second", std::to_string(i)));
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(20);
  (void)hub_.Publish(
      {TestHub::Item("first", "f1"), TestHub::Item("second", "s1")});
  const auto given = [&](const SinkDataReply& data) {
    return second.contains(data.number);
  };
  (void)hub_.Wait<SinkDataReply>(given);
  EXPECT_LE(DataBefore(PlaceOf<SinkDataReply>(given)), 100u);
}

TEST_F(HubFairness, ADrainAtOnceIsInStepsToo) {
  constexpr size_t kStreams = 500;
  for (size_t i = 0; i < kStreams; ++i) OpenSink("big", std::to_string(i));
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(20);
  DrainCommand drain;
  drain.ticket = hub_.NextTicket();
  const Ticket ticket = drain.ticket;
  Ticket other = 0;
  // The hub finds both together.
  clock_.WhileStopped([&] {
    hub_.Post(std::move(drain));
    other = PostPublish("other", "o1");
  });
  (void)hub_.WaitTicket<PublishedReply>(other);
  (void)hub_.WaitTicket<DoneReply>(ticket);
  const size_t answer = PlaceOf<PublishedReply>(
      [&](const PublishedReply& reply) { return reply.ticket == other; });
  EXPECT_LE(EndsBefore(answer), 100u);
  EXPECT_EQ(hub_.ends(CloseReason::kDrain), kStreams);
}

TEST_F(HubFairness, ALongPublishIsDoneInPartsAndStaysOneImport) {
  const uint64_t listener = OpenSink("big", "u");
  const uint64_t small = OpenSink("small", "u");
  hub_.Sync();
  // A fan-out is under way when the import comes.
  for (int i = 0; i < 200; ++i) OpenSink("small", std::to_string(i));
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(50);
  std::vector<PublishItem> items;
  items.push_back(TestHub::Item("small", "s1"));
  for (int i = 0; i < 1'000; ++i)
    items.push_back(TestHub::Item("big", "b" + std::to_string(i)));
  items.push_back(TestHub::Item("small", "s2"));
  const PublishedReply reply = hub_.Publish(std::move(items));
  ASSERT_EQ(reply.outcomes.size(), 1'002u);
  for (const PublishOutcome& outcome : reply.outcomes)
    EXPECT_EQ(outcome.code, PublishCode::kOk);
  EXPECT_EQ(reply.outcomes[1'000].seq, 1'000u);
  hub_.Until([&] { return hub_.metrics().deliveries.Get() >= 2 * 201; });
  hub_.Sync();
  std::string got;
  std::string of_small;
  for (const Reply& each : hub_.seen) {
    const auto* data = std::get_if<SinkDataReply>(&each);
    if (data == nullptr) continue;
    if (data->number == listener) got += data->bytes;
    if (data->number == small) of_small += data->bytes;
  }
  const SseStream stream = ReadSse(got);
  ASSERT_EQ(stream.messages.size(), 1u) << got;
  EXPECT_EQ(stream.messages[0].type(), "invalidate");
  EXPECT_EQ(stream.messages[0].Number("from"), 1u);
  EXPECT_EQ(stream.messages[0].Number("to"), 1'000u);
  const SseStream others = ReadSse(of_small);
  ASSERT_EQ(others.messages.size(), 2u);
  EXPECT_EQ(others.messages[0].IdSeq(), 1u);
  EXPECT_EQ(others.messages[1].IdSeq(), 2u);
}

TEST_F(HubFairness, ManySmallCommandsLetTheFanOutGoOn) {
  const uint64_t listener = OpenSink("acme", "u");
  hub_.Sync();
  hub_.seen.clear();
  clock_.CostsUs(50);
  Ticket last = 0;
  for (int i = 0; i < 500; ++i) {
    PublishCommand command;
    last = command.ticket = hub_.NextTicket();
    command.items.push_back(
        TestHub::Item("acme", "a" + std::to_string(i), "a.b"));
    hub_.Post(std::move(command));
  }
  (void)hub_.WaitTicket<PublishedReply>(last);
  const size_t first = PlaceOf<SinkDataReply>(
      [&](const SinkDataReply& data) { return data.number == listener; });
  const size_t end = PlaceOf<PublishedReply>(
      [&](const PublishedReply& reply) { return reply.ticket == last; });
  EXPECT_LT(first, end);
}

}  // namespace
}  // namespace pathcast
