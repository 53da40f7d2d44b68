// Answers that take longer than a turn has: a long log, the streams of many.
// They are made a part a turn, of what there was when the question came.
//
// Owner: HubThread. Thread: hub thread.
#ifndef PATHCAST_ENGINE_ANSWERS_H_
#define PATHCAST_ENGINE_ANSWERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "core/context.h"
#include "core/entry.h"
#include "engine/registry.h"
#include "engine/reply.h"

namespace pathcast {

class Answers {
 public:
  // All outlive this.
  Answers(const Context* context, const Registry* registry,
          std::vector<Reply>* outgoing)
      : context_(context), registry_(registry), outgoing_(outgoing) {}
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // `entries` become the actions of `reply`; they are kept from being destroyed
  // meanwhile, trimmed or not.
  void Add(LogReply reply, std::vector<EntryRef> entries);
  // The streams of these numbers that are still there when it is their turn.
  void Add(ConnectionsReply reply, std::vector<uint64_t> numbers);
  // Makes some until the clock says `until_us`, a part at least.
  void Run(int64_t until_us);
  // All of them, now.
  void Finish();

  bool empty() const { return jobs_.empty(); }

 private:
  struct LogJob {
    LogReply reply;
    std::vector<EntryRef> entries;
    size_t next = 0;
  };
  struct ConnectionsJob {
    ConnectionsReply reply;
    std::vector<uint64_t> numbers;
    size_t next = 0;
  };
  // A part of it. True: it was the last.
  static bool Step(LogJob* job);
  bool Step(ConnectionsJob* job) const;
  void StepFirst();

  const Context* const context_;
  const Registry* const registry_;
  std::vector<Reply>* const outgoing_;
  std::deque<std::variant<LogJob, ConnectionsJob>> jobs_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_ANSWERS_H_
