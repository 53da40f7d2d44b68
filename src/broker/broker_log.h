// The log of a hub where it lives in a broker: what is published goes there,
// and what stands there comes back to the streams.
//
// Owner: HubThread. Thread: hub thread; destroyed before its loop ends.
#ifndef PATHCAST_BROKER_BROKER_LOG_H_
#define PATHCAST_BROKER_BROKER_LOG_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "broker/mirrors.h"
#include "broker/outbox.h"
#include "broker/owner.h"
#include "broker/shared.h"
#include "broker/transport.h"
#include "broker/witness.h"
#include "core/context.h"
#include "core/status.h"
#include "loop/event_loop.h"
#include "loop/timer.h"

namespace pathcast::broker {

class BrokerLog {
 public:
  // What the host listens to besides: its own channels, and the link.
  struct HostEvents {
    std::function<void(std::string_view channel)> on_subscribed;
    std::function<void(std::string_view channel, std::string payload)>
        on_message;
    std::function<void(LinkState, const std::string& trouble)> on_state;
    // OnRevocationsRead() is to follow, behind what was revoked.
    std::function<void(uint64_t number)> ask_revocations;
  };

  // All outlive it. `max_companies`: as Companies.
  BrokerLog(Context* context, Owner* owner, LogOptions options,
            size_t max_companies, std::unique_ptr<Transport> transport,
            HostEvents events);
  ~BrokerLog();
  BrokerLog(const BrokerLog&) = delete;
  BrokerLog& operator=(const BrokerLog&) = delete;

  Status Open(EventLoop* loop);
  // Answers what is open: what waits is in no log. Idempotent.
  void Close();

  // As of Outbox.
  void Publish(const std::string& tenant, PublishOrder order,
               const std::shared_ptr<PublishCall>& call, size_t index) {
    outbox_.Add(tenant, std::move(order), call, index);
  }
  void EndCall(const std::string& tenant, uint64_t call_number) {
    outbox_.EndCall(tenant, call_number);
  }
  // After the last of a turn; `waits`: the owner wants another one soon.
  void Send() { outbox_.Send(); }
  void EndTurn(bool waits);
  // To the other nodes. False: it was dropped.
  bool Ephemeral(const std::string& tenant, std::string_view json,
                 std::string_view transformed_json);
  // Actions that wait for the broker.
  size_t waiting() const { return outbox_.actions(); }

  // What is known of its log, where nothing waits and nobody listens.
  // What waits, by company.
  void NameLeft() { outbox_.NameLeft(); }
  void Forget(const std::string& tenant) { shared_.companies.Forget(tenant); }

  Mirrors& mirrors() { return mirrors_; }
  Transport& transport() { return *transport_; }
  const LogOptions& options() const { return shared_.options; }

  // The host has ended whom it was told to, up to when it was asked.
  void OnRevocationsRead(uint64_t number);

  // The host's own channels.
  void HostSubscribe(const std::string& channel);
  void HostUnsubscribe(const std::string& channel);

 private:
  void OnState();
  void OnSubscribed(std::string_view channel);
  void OnStanding();
  void OnMessage(std::string_view channel, std::string payload);
  void OnTick();
  void Probe();
  int64_t NextDueMs() const;

  Shared shared_;
  const HostEvents events_;
  const std::string probe_name_;
  Mirrors mirrors_;
  Witness witness_;
  Outbox outbox_;
  std::set<std::string, std::less<>> host_channels_;

  bool closed_ = false;
  uint64_t connection_ = 0;
  bool subscriptions_ready_ = false;
  bool misses_ = true;
  LinkState link_ = LinkState::kConnecting;
  std::string trouble_;

  // Of the newest probe; the time is 0 once it has come.
  uint64_t probe_ = 0;
  int64_t probe_sent_ms_ = 0;
  int64_t next_probe_ms_ = 0;

  Timer tick_;
  // When it fires; 0: it just has.
  int64_t tick_due_ms_ = 0;
  // The links go first: what they answer uses the rest.
  std::unique_ptr<Transport> transport_;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_BROKER_LOG_H_
