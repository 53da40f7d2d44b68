#include "redis/subscriber.h"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace pathcast::redis {
namespace {

// Channels that one SUBSCRIBE of a new connection names; the next is sent when
// all of them are confirmed, so that neither side's buffers grow with their
// number.
constexpr size_t kChannelsACommand = 512;

LinkOptions Subscribing(LinkOptions options) {
  options.subscribes = true;
  return options;
}

}  // namespace

Subscriber::Subscriber(LinkOptions options, Events events)
    : events_(std::move(events)),
      link_(Subscribing(std::move(options)),
            Link::Events{[this](Link::State state, const Trouble& trouble) {
                           OnState(state, trouble);
                         },
                         [this](Reply reply) { OnPush(std::move(reply)); }}) {}

Subscriber::~Subscriber() { link_.Close(); }

void Subscriber::Subscribe(std::string_view channel) {
  auto found = channels_.find(channel);
  if (found == channels_.end()) {
    found = channels_.emplace(std::string(channel), Channel()).first;
  }
  Channel& entry = found->second;
  if (entry.count++ > 0) return;
  ++wanted_;
  if (!link_.ready()) return;
  const std::string_view command[] = {"SUBSCRIBE", channel};
  if (link_.SendUnanswered(command)) {
    ++entry.unconfirmed;
  } else {
    // No room: it waits for its turn, as after a reconnection.
    again_.push_back(found->first);
  }
}

void Subscriber::Unsubscribe(std::string_view channel) {
  const auto found = channels_.find(channel);
  assert(found != channels_.end() && found->second.count > 0);
  if (found == channels_.end() || --found->second.count > 0) return;
  --wanted_;
  SetStands(&found->second, false);
  if (link_.ready()) {
    const std::string_view command[] = {"UNSUBSCRIBE", channel};
    // Where there is no room the messages still come, and are dropped.
    (void)link_.SendUnanswered(command);
  }
  // A confirmation that is under way is of this subscription, not of the next.
  if (found->second.unconfirmed == 0) channels_.erase(found);
}

bool Subscriber::Stands(std::string_view channel) const {
  const auto found = channels_.find(channel);
  return found != channels_.end() && found->second.stands;
}

void Subscriber::OnState(Link::State state, const Trouble& trouble) {
  if (state == Link::State::kLost) {
    standing_ = false;
    again_.clear();
    asked_ = 0;
    stand_ = 0;
    for (auto entry = channels_.begin(); entry != channels_.end();) {
      entry->second = Channel{.count = entry->second.count};
      entry =
          entry->second.count == 0 ? channels_.erase(entry) : std::next(entry);
    }
  }
  const std::weak_ptr<char> life = life_;
  if (state == Link::State::kReady) {
    for (const auto& [name, entry] : channels_) again_.push_back(name);
    SubscribeMore();
  }
  if (events_.on_state) events_.on_state(state, trouble);
  if (!life.expired() && state == Link::State::kReady) MaybeStanding();
}

void Subscriber::SubscribeMore() {
  if (asked_ > 0 || again_.empty()) return;
  std::vector<std::string> names;
  while (!again_.empty() && names.size() < kChannelsACommand) {
    const auto found = channels_.find(again_.front());
    // Given up meanwhile, or given up and asked for again by itself.
    if (found != channels_.end() && found->second.count > 0 &&
        found->second.unconfirmed == 0 && !found->second.stands) {
      names.push_back(std::move(again_.front()));
    }
    again_.pop_front();
  }
  if (names.empty()) return;
  std::vector<std::string_view> command = {"SUBSCRIBE"};
  command.insert(command.end(), names.begin(), names.end());
  if (!link_.SendUnanswered(command)) {
    for (std::string& name : names) again_.push_front(std::move(name));
    return;
  }
  asked_ = names.size();
  for (const std::string& name : names) {
    Channel& entry = channels_.find(name)->second;
    ++entry.unconfirmed;
    entry.asked = true;
  }
}

void Subscriber::OnPush(Reply reply) {
  if (reply.error()) {
    // Which channel it was Redis does not say.
    return link_.Drop({KindOfError(reply.text()), reply.text()});
  }
  auto& elements = reply.elements();
  if (elements.size() < 3) return;
  const std::string& word = elements[0].text();
  const std::string& channel = elements[1].text();
  if (word == "message") {
    const auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.count == 0) return;
    if (events_.on_message) {
      events_.on_message(channel, elements[2].TakeText());
    }
  } else if (word == "subscribe") {
    OnConfirmed(channel);
  } else {
    // Of an UNSUBSCRIBE: there is room again.
    SubscribeMore();
  }
}

void Subscriber::OnConfirmed(std::string_view channel) {
  const std::weak_ptr<char> life = life_;
  const auto found = channels_.find(channel);
  if (found != channels_.end() && found->second.unconfirmed > 0) {
    Channel& entry = found->second;
    --entry.unconfirmed;
    if (std::exchange(entry.asked, false)) --asked_;
    if (entry.count == 0) {
      if (entry.unconfirmed == 0) channels_.erase(found);
    } else if (entry.unconfirmed == 0) {
      SetStands(&entry, true);
      if (events_.on_subscribed) events_.on_subscribed(channel);
      if (life.expired()) return;
    }
  }
  SubscribeMore();
  MaybeStanding();
}

void Subscriber::SetStands(Channel* channel, bool stands) {
  if (channel->stands == stands) return;
  channel->stands = stands;
  stands ? ++stand_ : --stand_;
}

void Subscriber::MaybeStanding() {
  if (standing_ || !link_.ready() || stand_ != wanted_) return;
  standing_ = true;
  if (events_.on_standing) events_.on_standing();
}

}  // namespace pathcast::redis
