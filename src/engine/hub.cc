#include "engine/hub.h"

#include <utility>

#include "engine/hub_thread.h"

namespace pathcast {

namespace {

// Publishes and ephemeral events that may wait for the hub thread. At the bound
// Post refuses: the hub is not keeping up, and a mutation never waits.
constexpr uint64_t kMaxWaitingBytes = 128u << 20;

}  // namespace

Hub::Hub(HubOptions options, Host* host) : id_(options.hub_id) {
  thread_ = std::make_unique<HubThread>(this, std::move(options), host);
}

Result<std::unique_ptr<Hub>> Hub::Create(HubOptions options, Host* host) {
  std::unique_ptr<Hub> hub(new Hub(std::move(options), host));
  HubThread* thread = hub->thread_.get();
  Status status = hub->loop_.Start([thread] { thread->OnWake(); });
  if (!status.ok()) return status;
  status = thread->Start();
  if (status.ok())
    status = hub->loop_.RunInThread([thread] { thread->OnStop(); });
  if (!status.ok()) {
    thread->OnStop();
    return status;
  }
  return hub;
}

Hub::~Hub() { (void)Stop(); }

bool Hub::Post(Command command) {
  if (stopped_.load(std::memory_order_relaxed)) return false;
  uint64_t bytes = 0;
  if (auto* publish = std::get_if<PublishCommand>(&command.body)) {
    bytes = publish->bytes;
  } else if (auto* event = std::get_if<EphemeralCommand>(&command.body)) {
    bytes = event->Bytes();
  }
  if (bytes > 0) {
    // Added first, so that no two threads pass the bound together.
    const uint64_t waiting =
        waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed) +
        metrics_.window_bytes.Get();
    if (waiting > kMaxWaitingBytes) {
      waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
      return false;
    }
  }
  const bool first =
      mailbox_.Put(std::make_unique<Command>(std::move(command)));
  const bool owed = owes_wake_.exchange(false, std::memory_order_acq_rel);
  if (first || owed) loop_.Wake();
  return true;
}

void Hub::PostLater(Command command) {
  if (stopped_.load(std::memory_order_relaxed)) return;
  // Set first: whoever posts behind it pays the debt.
  owes_wake_.store(true, std::memory_order_release);
  (void)mailbox_.Put(std::make_unique<Command>(std::move(command)));
}

void Hub::Wake() {
  if (owes_wake_.exchange(false, std::memory_order_acq_rel)) loop_.Wake();
}

int64_t Hub::NowUs() const { return thread_->NowUs(); }

void Hub::SetNodes(uint64_t count) { thread_->SetNodes(count); }

std::string Hub::Position(const std::string& tenant, uint64_t moment) const {
  return thread_->Position(tenant, moment);
}

std::vector<std::string> Hub::Tenants() const { return thread_->Tenants(); }

uint64_t Hub::Moment() const { return thread_->Moment(); }

Status Hub::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  loop_.Stop();
  Status status = loop_.Join();
  // What came too late goes now, and its descriptors with it.
  mailbox_.Clear();
  return status;
}

}  // namespace pathcast
