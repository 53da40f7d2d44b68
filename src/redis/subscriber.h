// A subscribing link: channels by name, as often as they are asked for, kept
// over every reconnection.
//
// Owned by whoever listens; hub thread only; destroyed before its loop ends.
// May be destroyed inside any of its callbacks. Liveness is the link's: a quiet
// connection is asked for a PING, which Redis answers between messages. That
// Redis delivers at all only a message through the channel can show.
//
// Invariants:
//  1. A channel that on_subscribed named gets every message that is published
//     from then on until the link is lost.
//  2. After each loss, what was published meanwhile is gone: on_standing says
//     when all channels stand again, and what was missed has to be read then.
//  3. No message of a channel comes after its last Unsubscribe().
#ifndef PATHCAST_REDIS_SUBSCRIBER_H_
#define PATHCAST_REDIS_SUBSCRIBER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/status.h"
#include "redis/link.h"
#include "redis/reply.h"
#include "redis/trouble.h"

namespace pathcast::redis {

class Subscriber {
 public:
  struct Events {
    // The payload is moved out of what was read; the channel is good for the
    // call.
    std::function<void(std::string_view channel, std::string payload)>
        on_message;
    // Redis has confirmed the channel, on this connection.
    std::function<void(std::string_view channel)> on_subscribed;
    // All channels stand on a new connection; at once where there are none.
    std::function<void()> on_standing;
    // As of Link. kNoPermission where the user may not read a channel.
    std::function<void(Link::State, const Trouble&)> on_state;
  };

  // Of `options`, `subscribes` is set here.
  Subscriber(LinkOptions options, Events events);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // As of Link.
  Status Open() { return link_.Open(); }
  void Reconnect(Trouble trouble) { link_.Reconnect(std::move(trouble)); }
  void Close() { link_.Close(); }
  Link::State state() const { return link_.state(); }
  const Trouble& trouble() const { return link_.trouble(); }

  // Counted: each needs an Unsubscribe() of its own. In any state.
  void Subscribe(std::string_view channel);
  // REQUIRES: subscribed.
  void Unsubscribe(std::string_view channel);
  // Confirmed on the connection that is up.
  bool Stands(std::string_view channel) const;
  // All of them do.
  bool standing() const { return standing_; }
  size_t channels() const { return wanted_; }

 private:
  struct Channel {
    size_t count = 0;
    // SUBSCRIBEs of this connection without a confirmation.
    size_t unconfirmed = 0;
    // One of them was the last command's of SubscribeMore().
    bool asked = false;
    bool stands = false;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Channels =
      std::unordered_map<std::string, Channel, Hash, std::equal_to<>>;

  void OnState(Link::State state, const Trouble& trouble);
  void OnPush(Reply reply);
  void OnConfirmed(std::string_view channel);
  // What is still to be asked for on this connection, a command at a time.
  void SubscribeMore();
  void SetStands(Channel* channel, bool stands);
  void MaybeStanding();

  const Events events_;
  Channels channels_;
  // Of them, those with a count, and those that stand.
  size_t wanted_ = 0;
  size_t stand_ = 0;
  // To be asked for, and how many asked for in the last command are not
  // confirmed.
  std::deque<std::string> again_;
  size_t asked_ = 0;
  bool standing_ = false;
  // Gone with this: whoever calls an event looks whether it is.
  const std::shared_ptr<char> life_ = std::make_shared<char>();
  // Last, so that it goes first: it calls the rest.
  Link link_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_SUBSCRIBER_H_
