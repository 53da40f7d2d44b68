#include "broker/broker_log.h"

#include <algorithm>
#include <utility>

#include "broker/names.h"
#include "broker/stored.h"

namespace pathcast::broker {
namespace {

// How late an outcome, a retry or a probe can be.
constexpr int64_t kTickMs = 20;
// Where nothing is due.
constexpr int64_t kRestMs = 60'000;

// A message to itself that has not come by then never will.
constexpr int64_t kProbeWithinMs = 3'000;

// Redis's own word first, if it said one: who reads it tells faults by it.
std::string TextOf(const redis::Trouble& trouble) {
  for (const std::string_view word :
       {"WRONGPASS", "NOAUTH", "NOPERM", "DENIED"}) {
    if (const size_t at = trouble.text.find(word); at != std::string::npos) {
      return trouble.text.substr(at);
    }
  }
  return trouble.text;
}

}  // namespace

BrokerLog::BrokerLog(Context* context, Owner* owner, LogOptions options,
                     size_t max_companies, std::unique_ptr<Transport> transport,
                     HostEvents events)
    : shared_(context, owner, std::move(options), max_companies),
      events_(std::move(events)),
      probe_name_(ProbeName(shared_.options.prefix, shared_.options.node_id)),
      mirrors_(&shared_),
      witness_(&shared_,
               [this](Company* company) { mirrors_.OnOther(company); }),
      outbox_(
          &shared_,
          [this](Company* company, const Head& head, const Order& order) {
            if (!head.learned) witness_.Ask(company);
            mirrors_.OnPlaced(company, head, order);
          },
          [this](Company* company) { mirrors_.OnRefused(company); }),
      transport_(std::move(transport)) {
  shared_.transport = transport_.get();
}

BrokerLog::~BrokerLog() { Close(); }

Status BrokerLog::Open(EventLoop* loop) {
  shared_.publish_script =
      transport_->AddScript(shared_.options.publish_script);
  shared_.read_script = transport_->AddScript(shared_.options.read_script);
  Status status = tick_.Open(loop, [this] { OnTick(); });
  if (!status.ok()) return status;
  tick_.Every(static_cast<uint64_t>(kTickMs));
  tick_due_ms_ = shared_.NowMs() + kTickMs;
  transport_->Subscribe(probe_name_);
  Transport::Events events;
  events.on_state = [this] { OnState(); };
  events.on_subscribed = [this](std::string_view channel) {
    OnSubscribed(channel);
  };
  events.on_standing = [this] { OnStanding(); };
  events.on_message = [this](std::string_view channel, std::string payload) {
    OnMessage(channel, std::move(payload));
  };
  return transport_->Open(std::move(events));
}

void BrokerLog::Close() {
  if (std::exchange(closed_, true)) return;
  tick_.Close();
  transport_->Close();
  shared_.companies.ForEach([this](const std::shared_ptr<Company>& company) {
    outbox_.Refuse(company.get(), "the hub was closed");
  });
}

void BrokerLog::OnState() {
  shared_.owner->BeginBrokerTurn();
  if (const bool misses = transport_->misses();
      std::exchange(misses_, misses) != misses) {
    misses ? shared_.gate.OnLost() : shared_.gate.OnBack();
  }
  const bool subscriptions = transport_->subscriptions_ready();
  if (std::exchange(subscriptions_ready_, subscriptions) && !subscriptions) {
    mirrors_.OnSubscriptionsLost();
  }
  if (transport_->commands_ready() &&
      std::exchange(connection_, transport_->connection()) !=
          transport_->connection()) {
    if (connection_ > 1) shared_.metrics().reconnects.Add(1);
    shared_.told.clear();
    // Who was left alone may have been mended, or it is another Redis.
    shared_.companies.ForEach(
        [](const std::shared_ptr<Company>& company) { company->refused = {}; });
    outbox_.OnConnected();
    mirrors_.OnConnected();
    witness_.OnConnected();
    next_probe_ms_ = 0;
  }
  std::string trouble = TextOf(transport_->trouble());
  const LinkState link = transport_->state();
  shared_.metrics().link.Set(static_cast<uint64_t>(link));
  if (link == link_ && trouble == trouble_) return;
  link_ = link;
  trouble_ = std::move(trouble);
  if (events_.on_state) events_.on_state(link_, trouble_);
}

void BrokerLog::OnSubscribed(std::string_view channel) {
  shared_.owner->BeginBrokerTurn();
  if (channel == probe_name_) next_probe_ms_ = 0;
  if (Company* company = shared_.companies.OfBell(channel)) {
    mirrors_.OnSubscribed(company);
  }
  if (host_channels_.contains(channel)) events_.on_subscribed(channel);
}

void BrokerLog::OnStanding() {
  shared_.owner->BeginBrokerTurn();
  const uint64_t number = shared_.gate.OnStanding();
  if (number != 0) events_.ask_revocations(number);
}

void BrokerLog::OnRevocationsRead(uint64_t number) {
  if (shared_.gate.OnAnswered(number)) mirrors_.OnGateOpen();
}

void BrokerLog::OnMessage(std::string_view channel, std::string payload) {
  shared_.owner->BeginBrokerTurn();
  if (channel == probe_name_) {
    if (payload == std::to_string(probe_)) probe_sent_ms_ = 0;
    return;
  }
  Company* company = shared_.companies.OfBell(channel);
  if (host_channels_.contains(channel)) {
    events_.on_message(channel,
                       company != nullptr ? payload : std::move(payload));
  }
  if (company != nullptr) mirrors_.OnRing(company, std::move(payload));
}

void BrokerLog::OnTick() {
  shared_.owner->BeginBrokerTurn();
  tick_due_ms_ = 0;
  if (!outbox_.idle()) outbox_.OnTick();
  mirrors_.OnTick();
  if (!witness_.idle()) witness_.OnTick();
  Probe();
}

int64_t BrokerLog::NextDueMs() const {
  int64_t due = mirrors_.NextDueMs();
  if (transport_->commands_ready() && transport_->subscriptions_ready()) {
    due = std::min(due, probe_sent_ms_ != 0 ? probe_sent_ms_ + kProbeWithinMs
                                            : next_probe_ms_);
  }
  return due;
}

void BrokerLog::EndTurn(bool waits) {
  if (closed_) return;
  shared_.metrics().subscriptions.Set(mirrors_.watched() + 1 +
                                      host_channels_.size());
  const int64_t now = shared_.NowMs();
  const int64_t due = waits || !outbox_.idle() || !witness_.idle()
                          ? now + kTickMs
                          : std::max(NextDueMs(), now + 1);
  // One that is due before stays: who is busy must not put it off for ever.
  if (tick_due_ms_ != 0 && tick_due_ms_ <= due) return;
  tick_due_ms_ = due;
  tick_.Every(static_cast<uint64_t>(std::min(due - now, kRestMs)));
}

void BrokerLog::Probe() {
  const int64_t now = shared_.NowMs();
  if (!transport_->commands_ready() || !transport_->subscriptions_ready()) {
    probe_sent_ms_ = 0;
    return;
  }
  if (probe_sent_ms_ != 0 && now - probe_sent_ms_ >= kProbeWithinMs) {
    probe_sent_ms_ = 0;
    shared_.metrics().probes_lost.Add(1);
    shared_.metrics().resubscribes.Add(1);
    transport_->Resubscribe();
    return;
  }
  if (probe_sent_ms_ != 0 || now < next_probe_ms_) return;
  next_probe_ms_ = now + shared_.options.probe_ms;
  probe_sent_ms_ = now;
  shared_.metrics().probes.Add(1);
  const std::string number = std::to_string(++probe_);
  const std::string_view command[] = {transport_->ring(), probe_name_, number};
  transport_->Command(command, nullptr);
}

bool BrokerLog::Ephemeral(const std::string& tenant, std::string_view json,
                          std::string_view transformed_json) {
  if (!transport_->commands_ready()) return false;
  const std::string bell = BellName(BaseName(shared_.options.prefix, tenant));
  const std::string payload =
      EncodeRing({shared_.options.node_id, json, transformed_json});
  const std::string_view command[] = {transport_->ring(), bell, payload};
  transport_->Command(command, nullptr);
  return true;
}

void BrokerLog::HostSubscribe(const std::string& channel) {
  if (!host_channels_.insert(channel).second) return;
  transport_->Subscribe(channel);
}

void BrokerLog::HostUnsubscribe(const std::string& channel) {
  if (host_channels_.erase(channel) > 0) transport_->Unsubscribe(channel);
}

}  // namespace pathcast::broker
