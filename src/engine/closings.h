// Streams that were asked to end together, and end a few a turn: closing one
// costs several system calls, and another tenant must not wait for thousands.
// From the moment they are in here they are offered nothing more.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_CLOSINGS_H_
#define PATHCAST_ENGINE_CLOSINGS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/wire.h"
#include "engine/registry.h"
#include "engine/reply.h"

namespace pathcast {

class Closings {
 public:
  // `close` ends one connection; it leaves the registry. All outlive this.
  Closings(Context* context, Registry* registry, std::vector<Reply>* outgoing,
           std::function<void(Connection*, CloseReason)> close)
      : context_(context),
        registry_(registry),
        outgoing_(outgoing),
        close_(std::move(close)) {}
  Closings(const Closings&) = delete;
  Closings& operator=(const Closings&) = delete;

  // It is offered nothing more; its number is one of `numbers` for Add.
  void Mark(Connection* connection, std::vector<uint64_t>* numbers) const;
  // `ticket` is answered with their number when all have ended; 0: nobody asks.
  void Add(std::vector<uint64_t> numbers, CloseReason reason, Ticket ticket);
  void Add(const std::vector<Connection*>& connections, CloseReason reason,
           Ticket ticket);
  // Ends some until the clock says `until_us`, one at least.
  void Run(int64_t until_us);
  // Whoever waits is answered now.
  void Answer();

  bool empty() const { return jobs_.empty(); }

 private:
  struct Job {
    std::vector<uint64_t> numbers;
    size_t next = 0;
    CloseReason reason = CloseReason::kRevoked;
    Ticket ticket = 0;
  };
  void AnswerFirst();

  Context* const context_;
  Registry* const registry_;
  std::vector<Reply>* const outgoing_;
  const std::function<void(Connection*, CloseReason)> close_;
  std::deque<Job> jobs_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_CLOSINGS_H_
