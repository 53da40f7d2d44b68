// What the log in a broker asks of the hub around it. Implemented by the
// hub's thread; called on it.
#ifndef PATHCAST_BROKER_OWNER_H_
#define PATHCAST_BROKER_OWNER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/channel.h"

namespace pathcast::broker {

// In the order in which the host is told (engine/reply.h).
enum class OutcomeCode : uint8_t {
  kOk,
  kDuplicate,
  kClosed,
  kUnreadable,
  kQueued,
  kOutboxFull,
  // This company's keys are not pathcast's, or of a newer format; `epoch` says
  // why.
  kRefused,
};

struct Outcome {
  OutcomeCode code = OutcomeCode::kOk;
  uint64_t seq = 0;
  std::string epoch;
};

// One hand-over of actions; answered when each of them is.
struct PublishCall {
  uint64_t ticket = 0;
  // Tells calls apart (Channel::Publish).
  uint64_t number = 0;
  int64_t posted_us = 0;
  std::vector<Outcome> outcomes;
  size_t open = 0;
};

// Told once a kind and company until the next connection.
struct Warning {
  // "refused", "format", "newer", "foreign" or "server".
  std::string_view kind;
  std::string text;
  // Empty: of no company alone.
  std::string company = {};
};

class Owner {
 public:
  // Something of the broker's is about to happen outside a turn of the hub's
  // own: its clocks are set, and a turn follows.
  virtual void BeginBrokerTurn() = 0;
  // The channel that mirrors this company's log; null: it has no streams here.
  virtual Channel* Mirror(const std::string& tenant) = 0;
  // There is something to offer to its streams.
  virtual void OnMirrorGrew(Channel* channel) = 0;
  // It was read, for the how manieth time: streams that wait for that may open.
  virtual void OnMirrorRead(Channel* channel, uint64_t read) = 0;
  // It cannot be read by this version: its streams are sent away.
  virtual void OnMirrorRefused(Channel* channel) = 0;
  // Nobody listens to it any more; it is to be forgotten.
  virtual void OnMirrorIdle(Channel* channel) = 0;
  virtual void OnPublished(PublishCall* call) = 0;
  virtual void OnBrokerWarning(Warning warning) = 0;

 protected:
  ~Owner() = default;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_OWNER_H_
