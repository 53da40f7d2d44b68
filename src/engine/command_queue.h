// Commands that wait for the hub thread, by tenant: of publishes, ephemeral
// events and ends of a tenant's streams that no other command parts, each
// tenant's next one has its turn after the other's. A tenant's own stay in
// order, and nothing passes a command of another kind.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_COMMAND_QUEUE_H_
#define PATHCAST_ENGINE_COMMAND_QUEUE_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/command.h"

namespace pathcast {

class CommandQueue {
 public:
  CommandQueue() = default;
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;
  // What was not taken closes its descriptors.
  ~CommandQueue();

  // A list of the mailbox's, in order; takes the nodes over.
  void Add(Command* list);
  // The one that was taken last and is not done: others have their turn, its
  // tenant's own wait. REQUIRES: it is of one tenant and may pass others.
  void PutBack(std::unique_ptr<Command> command);
  // Null when it is empty.
  std::unique_ptr<Command> Take();
  bool empty() const { return runs_.empty(); }

 private:
  struct Lane {
    Command* first = nullptr;
    Command* last = nullptr;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  using Lanes = std::unordered_map<std::string, Lane, Hash, std::equal_to<>>;
  // Either one command that nothing passes, or the lanes of some that may pass
  // each other.
  struct Run {
    Command* alone = nullptr;
    Lanes lanes;
    std::deque<Lanes::iterator> turns;
  };

  void Append(Command* command, std::string_view tenant);

  std::deque<Run> runs_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_COMMAND_QUEUE_H_
