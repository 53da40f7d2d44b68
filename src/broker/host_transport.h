// The transport over a client of the host's own (ioredis, node-redis): what the
// log asks goes to the host as questions, and what comes of it is told here.
//
// Owner: the hub thread's broker. Thread: hub thread. The host carries
// questions out in their order.
#ifndef PATHCAST_BROKER_HOST_TRANSPORT_H_
#define PATHCAST_BROKER_HOST_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/transport.h"
#include "core/status.h"
#include "redis/reply.h"
#include "redis/trouble.h"

namespace pathcast::broker {

// What the host is asked to do.
struct HostQuestion {
  enum class Kind : uint8_t {
    kEval,
    kCommand,
    kSubscribe,
    kUnsubscribe,
    kResubscribe
  };
  Kind kind = Kind::kCommand;
  // Of the answer, where there is one.
  uint64_t ticket = 0;
  // A script's body, or a channel.
  std::string name = {};
  std::vector<std::string> keys = {};
  std::vector<std::string> arguments = {};
};

class HostTransport final : public Transport {
 public:
  using Ask = std::function<void(HostQuestion)>;

  // `ring`: as Broker.ring of lib/internal/broker.ts.
  HostTransport(std::string ring, Ask ask)
      : ring_(std::move(ring)), ask_(std::move(ask)) {}
  ~HostTransport() override { Close(); }

  Status Open(Events events) override;
  void Close() override;
  size_t AddScript(std::string_view body) override;
  void Eval(size_t script, Strings keys, Strings arguments,
            OnAnswer on_answer) override;
  void Command(Strings arguments, OnAnswer on_answer) override;
  void Subscribe(std::string_view channel) override;
  void Unsubscribe(std::string_view channel) override;
  void Resubscribe() override;
  bool commands_ready() const override { return state_ == LinkState::kReady; }
  // It says itself of each channel when that stands anew.
  bool subscriptions_ready() const override {
    return state_ != LinkState::kClosed;
  }
  bool misses() const override { return state_ != LinkState::kReady; }
  uint64_t connection() const override { return connection_; }
  // The host's client may have several; the scripts ask.
  std::string_view run_id() const override { return {}; }
  void NoteRun(std::string_view) override {}
  std::string_view ring() const override { return ring_; }
  LinkState state() const override { return state_; }
  const redis::Trouble& trouble() const override { return trouble_; }

  // What the host tells.
  void OnState(LinkState state, std::string trouble);
  void OnSubscribed(std::string_view channel);
  void OnMessage(std::string_view channel, std::string payload);
  void OnAnswered(uint64_t ticket, redis::Reply reply);

 private:
  void Send(HostQuestion question, OnAnswer on_answer);

  // Set at construction.
  const std::string ring_;
  const Ask ask_;

  Events events_;
  LinkState state_ = LinkState::kConnecting;
  redis::Trouble trouble_;
  uint64_t connection_ = 0;
  uint64_t next_ticket_ = 1;
  std::unordered_map<uint64_t, OnAnswer> open_;
  std::vector<std::string> scripts_;
  std::unordered_map<std::string, size_t> counts_;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_HOST_TRANSPORT_H_
