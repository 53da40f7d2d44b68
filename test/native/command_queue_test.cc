// Whose command is next.
#include "engine/command_queue.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pathcast {
namespace {

Command Publish(std::initializer_list<const char*> tenants, Ticket ticket) {
  PublishCommand publish;
  publish.ticket = ticket;
  for (const char* tenant : tenants) {
    publish.items.emplace_back().tenant = tenant;
  }
  return {std::move(publish)};
}

Command Ephemeral(const char* tenant, const char* json) {
  EphemeralCommand event;
  event.tenant = tenant;
  event.json = json;
  return {std::move(event)};
}

// As the mailbox gives it.
Command* List(std::vector<Command> commands) {
  Command* first = nullptr;
  for (size_t i = commands.size(); i-- > 0;) {
    auto command = std::make_unique<Command>(std::move(commands[i]));
    command->next = first;
    first = command.release();
  }
  return first;
}

std::string NameOf(const Command& command) {
  if (const auto* publish = std::get_if<PublishCommand>(&command.body)) {
    return publish->items[0].tenant + std::to_string(publish->ticket);
  }
  if (const auto* event = std::get_if<EphemeralCommand>(&command.body)) {
    return event->tenant + event->json;
  }
  const auto* end = std::get_if<DisconnectCommand>(&command.body);
  if (end != nullptr && end->tenant)
    return *end->tenant + std::to_string(end->ticket);
  return "other";
}

std::string Drain(CommandQueue* queue) {
  std::string order;
  while (const std::unique_ptr<Command> command = queue->Take()) {
    order += (order.empty() ? "" : " ") + NameOf(*command);
  }
  EXPECT_TRUE(queue->empty());
  return order;
}

template <class... Commands>
Command* ListOf(Commands... commands) {
  std::vector<Command> all;
  (all.push_back(std::move(commands)), ...);
  return List(std::move(all));
}

TEST(CommandQueue, EachTenantHasItsTurnAndItsOwnOrder) {
  CommandQueue queue;
  queue.Add(ListOf(Publish({"a"}, 1), Publish({"a"}, 2), Ephemeral("a", "3"),
                   Publish({"b"}, 4), Ephemeral("b", "5"), Publish({"c"}, 6)));
  EXPECT_EQ(Drain(&queue), "a1 b4 c6 a2 b5 a3");
}

TEST(CommandQueue, WhoComesLaterWaitsForNoOneElsesRest) {
  CommandQueue queue;
  queue.Add(ListOf(Publish({"a"}, 1), Publish({"a"}, 2), Publish({"a"}, 3)));
  EXPECT_EQ(NameOf(*queue.Take()), "a1");
  queue.Add(ListOf(Publish({"b"}, 4)));
  EXPECT_EQ(Drain(&queue), "a2 b4 a3");
}

TEST(CommandQueue, NothingPassesACommandOfAnotherKindOrOfSeveralActions) {
  CommandQueue queue;
  queue.Add(ListOf(Publish({"a"}, 1), Publish({"a"}, 2),
                   Command{DisconnectCommand{}}, Publish({"b"}, 3),
                   Publish({"c", "a"}, 4), Publish({"a"}, 5),
                   Publish({"b"}, 6)));
  EXPECT_EQ(Drain(&queue), "a1 a2 other b3 c4 a5 b6");
}

Command EndOf(const char* tenant, Ticket ticket) {
  DisconnectCommand end;
  end.ticket = ticket;
  end.tenant = tenant;
  return {std::move(end)};
}

TEST(CommandQueue, WhatIsNotDoneLetsOthersPassAndItsOwnWait) {
  CommandQueue queue;
  // Alone at first, then with company.
  queue.Add(ListOf(EndOf("a", 1)));
  queue.PutBack(queue.Take());
  queue.Add(ListOf(Publish({"a"}, 2), Publish({"b"}, 3)));
  std::unique_ptr<Command> end = queue.Take();
  EXPECT_EQ(NameOf(*end), "a1");
  queue.PutBack(std::move(end));
  EXPECT_EQ(Drain(&queue), "b3 a1 a2");

  // The last of its lane, before a command that nothing passes.
  queue.Add(ListOf(EndOf("a", 1), Publish({"b"}, 2), Command{DrainCommand{}}));
  end = queue.Take();
  queue.PutBack(std::move(end));
  EXPECT_EQ(Drain(&queue), "b2 a1 other");

  // What nothing passes is next already.
  queue.Add(ListOf(EndOf("a", 1), Command{DrainCommand{}}, Publish({"b"}, 2)));
  end = queue.Take();
  queue.PutBack(std::move(end));
  EXPECT_EQ(Drain(&queue), "a1 other b2");
}

TEST(CommandQueue, AnEndOfOneStreamOrOfAServersStreamsIsPassedByNobody) {
  Command one = EndOf("a", 1);
  std::get<DisconnectCommand>(one.body).number = 7;
  Command of_server = EndOf("a", 2);
  std::get<DisconnectCommand>(of_server.body).origin = 1;
  CommandQueue queue;
  queue.Add(ListOf(Publish({"a"}, 1), Publish({"a"}, 2), std::move(one),
                   Publish({"b"}, 3)));
  EXPECT_EQ(Drain(&queue), "a1 a2 a1 b3");
  queue.Add(ListOf(Publish({"a"}, 1), Publish({"a"}, 3), std::move(of_server),
                   Publish({"b"}, 3)));
  EXPECT_EQ(Drain(&queue), "a1 a3 a2 b3");
}

TEST(CommandQueue, WhatIsNotTakenIsFreed) {
  // The leak would be the sanitizer's to see.
  CommandQueue queue;
  queue.Add(ListOf(Publish({"a"}, 1), Command{DrainCommand{}},
                   Publish({"b"}, 2), Publish({"b"}, 3)));
  EXPECT_FALSE(queue.empty());
}

}  // namespace
}  // namespace pathcast
