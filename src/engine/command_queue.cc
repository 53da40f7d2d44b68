#include "engine/command_queue.h"

#include <cassert>
#include <utility>
#include <variant>

namespace pathcast {

namespace {

// The tenant that a command is about, if it may pass those of others. One
// publish call of several actions may be of several tenants.
const std::string* OnlyTenant(const Command& command) {
  if (const auto* publish = std::get_if<PublishCommand>(&command.body)) {
    return publish->items.size() == 1 ? &publish->items[0].tenant : nullptr;
  }
  if (const auto* end = std::get_if<DisconnectCommand>(&command.body)) {
    return end->OfATenant() ? &*end->tenant : nullptr;
  }
  const auto* event = std::get_if<EphemeralCommand>(&command.body);
  return event != nullptr ? &event->tenant : nullptr;
}

}  // namespace

CommandQueue::~CommandQueue() {
  while (Take() != nullptr) {
  }
}

void CommandQueue::Add(Command* list) {
  while (list != nullptr) {
    Command* command = std::exchange(list, list->next);
    command->next = nullptr;
    const std::string* tenant = OnlyTenant(*command);
    // A single one needs no lane.
    const bool passes =
        tenant != nullptr &&
        (list != nullptr || (!empty() && runs_.back().alone == nullptr));
    if (passes) {
      Append(command, *tenant);
    } else {
      runs_.emplace_back().alone = command;
    }
  }
}

void CommandQueue::Append(Command* command, std::string_view tenant) {
  if (empty() || runs_.back().alone != nullptr) runs_.emplace_back();
  Run& run = runs_.back();
  auto lane = run.lanes.find(tenant);
  if (lane == run.lanes.end()) {
    lane = run.lanes.emplace(tenant, Lane{}).first;
    run.turns.push_back(lane);
    lane->second.first = command;
  } else {
    lane->second.last->next = command;
  }
  lane->second.last = command;
}

void CommandQueue::PutBack(std::unique_ptr<Command> command) {
  const std::string* tenant = OnlyTenant(*command);
  assert(tenant != nullptr);
  if (empty() || runs_.front().alone != nullptr) runs_.emplace_front();
  Run& run = runs_.front();
  auto lane = run.lanes.find(*tenant);
  if (lane == run.lanes.end()) {
    lane = run.lanes.emplace(*tenant, Lane{}).first;
    run.turns.push_back(lane);
    lane->second.last = command.get();
  }
  command->next = lane->second.first;
  lane->second.first = command.release();
}

std::unique_ptr<Command> CommandQueue::Take() {
  if (empty()) return nullptr;
  Run& run = runs_.front();
  if (run.alone != nullptr) {
    std::unique_ptr<Command> command(run.alone);
    runs_.pop_front();
    return command;
  }
  const Lanes::iterator lane = run.turns.front();
  run.turns.pop_front();
  std::unique_ptr<Command> command(lane->second.first);
  lane->second.first = std::exchange(command->next, nullptr);
  if (lane->second.first != nullptr) {
    run.turns.push_back(lane);
  } else {
    run.lanes.erase(lane);
    if (run.turns.empty()) runs_.pop_front();
  }
  return command;
}

}  // namespace pathcast
