// The transport over our own link: one connection for commands, one that
// subscribes, to a Redis that stands still or to the master that sentinels
// name.
//
// Owner: the hub thread's broker. Thread: hub thread; destroyed before its loop
// ends.
#ifndef PATHCAST_BROKER_REDIS_TRANSPORT_H_
#define PATHCAST_BROKER_REDIS_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/transport.h"
#include "core/clock.h"
#include "core/random.h"
#include "core/status.h"
#include "loop/event_loop.h"
#include "redis/link.h"
#include "redis/script.h"
#include "redis/sentinel.h"
#include "redis/subscriber.h"
#include "redis/url.h"

namespace pathcast::broker {

struct RedisTransportOptions {
  // All three outlive it.
  EventLoop* loop = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  redis::Url url;
  // For CLIENT LIST.
  std::string client_name;
};

class RedisTransport final : public Transport {
 public:
  explicit RedisTransport(RedisTransportOptions options);
  ~RedisTransport() override;

  Status Open(Events events) override;
  void Close() override;
  size_t AddScript(std::string_view body) override;
  void Eval(size_t script, Strings keys, Strings arguments,
            OnAnswer on_answer) override;
  void Command(Strings arguments, OnAnswer on_answer) override;
  void Subscribe(std::string_view channel) override;
  void Unsubscribe(std::string_view channel) override;
  void Resubscribe() override;
  bool commands_ready() const override { return commands_ready_; }
  bool subscriptions_ready() const override;
  bool misses() const override { return !subscriptions_ready(); }
  uint64_t connection() const override { return connection_; }
  std::string_view run_id() const override { return run_id_; }
  void NoteRun(std::string_view run) override { run_id_ = run; }
  std::string_view ring() const override { return "PUBLISH"; }
  LinkState state() const override;
  const redis::Trouble& trouble() const override;

 private:
  void OnCommandState(redis::Link::State state);
  void OnReplication(const redis::Reply& reply);
  void OnSwitch();
  redis::LinkOptions LinkOptionsFor(std::string_view role) const;
  void Tell() {
    has_stood_ = has_stood_ || state() == LinkState::kReady;
    if (events_.on_state) events_.on_state();
  }

  // Set at construction.
  const RedisTransportOptions options_;

  Events events_;
  bool closed_ = false;
  // The link is ready, and its Redis has said who it is.
  bool commands_ready_ = false;
  // Commands and subscriptions together, at least once.
  bool has_stood_ = false;
  uint64_t connection_ = 0;
  // Its parts are `run_id` and `master_replid`.
  std::string run_id_;
  std::string process_;
  const redis::Trouble none_;
  std::unordered_map<std::string, size_t> script_numbers_;
  // From here on the last goes first: the links ask the sentinel.
  std::unique_ptr<redis::Sentinel> sentinel_;
  std::unique_ptr<redis::Subscriber> subscriber_;
  std::vector<std::unique_ptr<redis::Script>> scripts_;
  std::unique_ptr<redis::Link> link_;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_REDIS_TRANSPORT_H_
