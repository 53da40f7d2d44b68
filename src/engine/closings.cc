#include "engine/closings.h"

#include <utility>

namespace pathcast {

void Closings::Mark(Connection* connection,
                    std::vector<uint64_t>* numbers) const {
  connection->Leave(*context_, connection->channel());
  numbers->push_back(connection->number());
}

void Closings::Add(std::vector<uint64_t> numbers, CloseReason reason,
                   Ticket ticket) {
  Job& job = jobs_.emplace_back();
  job.numbers = std::move(numbers);
  job.reason = reason;
  job.ticket = ticket;
}

void Closings::Add(const std::vector<Connection*>& connections,
                   CloseReason reason, Ticket ticket) {
  std::vector<uint64_t> numbers;
  numbers.reserve(connections.size());
  for (Connection* connection : connections) Mark(connection, &numbers);
  Add(std::move(numbers), reason, ticket);
}

void Closings::Run(int64_t until_us) {
  while (!jobs_.empty()) {
    Job& job = jobs_.front();
    while (job.next < job.numbers.size()) {
      if (Connection* connection = registry_->Find(job.numbers[job.next++])) {
        close_(connection, job.reason);
        if (context_->clock->NowUs() >= until_us) break;
      }
    }
    if (job.next < job.numbers.size()) return;
    AnswerFirst();
    if (context_->clock->NowUs() >= until_us) return;
  }
}

void Closings::Answer() {
  while (!jobs_.empty()) AnswerFirst();
}

void Closings::AnswerFirst() {
  const Job& job = jobs_.front();
  if (job.ticket != 0)
    outgoing_->push_back(DoneReply{job.ticket, job.numbers.size()});
  jobs_.pop_front();
}

}  // namespace pathcast
