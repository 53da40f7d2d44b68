#include "engine/answers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/channel.h"

namespace pathcast {

namespace {

// Of a part, before the clock is looked at: some 10 microseconds of copying.
constexpr size_t kBytesAPart = 64 * 1024;

// Each asks the kernel for its peer's address: 2 microseconds.
constexpr size_t kStreamsAPart = 16;

ConnectionInfo InfoOf(const Connection& connection) {
  ConnectionInfo info;
  const Channel& of = connection.channel();
  info.number = connection.number();
  info.tenant = of.tenant();
  info.user = connection.user();
  info.since_ms = connection.since_ms();
  info.backlog_bytes = connection.backlog_bytes();
  if (!connection.slow()) {
    info.position = connection.Cursor(of);
  }
  info.address = connection.address();
  if (info.address.empty() && connection.socket() != nullptr) {
    info.address = connection.socket()->PeerAddress();
  }
  if (connection.filter() != nullptr && !connection.filter()->PassesAll()) {
    info.filter = connection.filter()->Spec();
  }
  return info;
}

}  // namespace

void Answers::Add(LogReply reply, std::vector<EntryRef> entries) {
  reply.actions.reserve(entries.size());
  jobs_.push_back(LogJob{std::move(reply), std::move(entries)});
}

void Answers::Add(ConnectionsReply reply, std::vector<uint64_t> numbers) {
  reply.connections.reserve(numbers.size());
  jobs_.push_back(ConnectionsJob{std::move(reply), std::move(numbers)});
}

void Answers::Run(int64_t until_us) {
  while (!jobs_.empty()) {
    StepFirst();
    if (context_->clock->NowUs() >= until_us) return;
  }
}

void Answers::Finish() {
  while (!jobs_.empty()) StepFirst();
}

void Answers::StepFirst() {
  const bool done =
      std::visit([this](auto& job) { return this->Step(&job); }, jobs_.front());
  if (!done) return;
  std::visit([this](auto& job) { outgoing_->push_back(std::move(job.reply)); },
             jobs_.front());
  jobs_.pop_front();
}

bool Answers::Step(LogJob* job) {
  for (size_t bytes = 0; job->next < job->entries.size();) {
    if (bytes >= kBytesAPart) return false;
    const EntryRef entry = std::move(job->entries[job->next++]);
    job->reply.actions.emplace_back(entry->Json());
    bytes += job->reply.actions.back().size();
  }
  return true;
}

bool Answers::Step(ConnectionsJob* job) const {
  const size_t end = std::min(job->next + kStreamsAPart, job->numbers.size());
  for (; job->next < end; ++job->next) {
    const Connection* connection = registry_->Find(job->numbers[job->next]);
    if (connection == nullptr || connection->leaving()) continue;
    job->reply.connections.push_back(InfoOf(*connection));
  }
  return job->next == job->numbers.size();
}

}  // namespace pathcast
