#include "broker/redis_transport.h"

#include <utility>

namespace pathcast::broker {

using redis::Link;
using redis::Trouble;
using redis::TroubleKind;

namespace {

// What INFO says behind `name`; empty: nothing.
std::string FieldOf(const redis::Reply& reply, std::string_view name) {
  if (!reply.ok()) return {};
  const size_t at = reply.text().find(name);
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size();
  return reply.text().substr(begin,
                             reply.text().find_first_of("\r\n", begin) - begin);
}

}  // namespace

RedisTransport::RedisTransport(RedisTransportOptions options)
    : options_(std::move(options)) {
  if (options_.url.kind == redis::Url::Kind::kSentinel) {
    redis::SentinelOptions sentinel;
    sentinel.link.loop = options_.loop;
    sentinel.link.clock = options_.clock;
    sentinel.link.random = options_.random;
    sentinel.link.introduction.credentials = options_.url.sentinel_credentials;
    sentinel.link.introduction.client_name = options_.client_name + ".sentinel";
    sentinel.link.connect_timeout_ms = 1'000;
    sentinel.sentinels = options_.url.endpoints;
    sentinel.master = options_.url.master;
    sentinel_ = std::make_unique<redis::Sentinel>(
        std::move(sentinel), [this](const redis::Endpoint&) { OnSwitch(); });
  }
  link_ = std::make_unique<Link>(
      LinkOptionsFor("commands"),
      Link::Events{
          [this](Link::State state, const Trouble&) { OnCommandState(state); },
          nullptr});
  redis::Subscriber::Events events;
  events.on_subscribed = [this](std::string_view channel) {
    if (events_.on_subscribed) events_.on_subscribed(channel);
  };
  events.on_message = [this](std::string_view channel, std::string payload) {
    if (events_.on_message) events_.on_message(channel, std::move(payload));
  };
  events.on_standing = [this] {
    if (events_.on_standing) events_.on_standing();
  };
  events.on_state = [this](Link::State, const Trouble&) { Tell(); };
  subscriber_ = std::make_unique<redis::Subscriber>(
      LinkOptionsFor("subscriptions"), std::move(events));
}

RedisTransport::~RedisTransport() { Close(); }

redis::LinkOptions RedisTransport::LinkOptionsFor(std::string_view role) const {
  redis::LinkOptions link;
  link.loop = options_.loop;
  link.clock = options_.clock;
  link.random = options_.random;
  link.find = sentinel_ ? sentinel_->Finder()
                        : redis::FindAt(options_.url.endpoints.front());
  // A connection that was only cut is back soon.
  link.retry_max_ms = 1'000;
  link.introduction.credentials = options_.url.credentials;
  link.introduction.db = options_.url.db;
  link.introduction.client_name =
      options_.client_name + "." + std::string(role);
  link.introduction.require_master = sentinel_ != nullptr;
  return link;
}

Status RedisTransport::Open(Events events) {
  events_ = std::move(events);
  Status status = sentinel_ ? sentinel_->Watch() : Status::Ok();
  if (status.ok()) status = subscriber_->Open();
  if (status.ok()) status = link_->Open();
  return status;
}

void RedisTransport::Close() {
  if (closed_) return;
  closed_ = true;
  commands_ready_ = false;
  link_->Close();
  subscriber_->Close();
  sentinel_.reset();
}

void RedisTransport::OnSwitch() {
  const Trouble trouble{TroubleKind::kSwitched,
                        "the sentinels named another master"};
  link_->Reconnect(trouble);
  subscriber_->Reconnect(trouble);
}

void RedisTransport::OnCommandState(Link::State state) {
  if (state == Link::State::kReady) {
    // Which Redis it is has to be known before it counts anything.
    link_->Send({"INFO", "server"}, [this](const redis::Reply& reply) {
      process_ = FieldOf(reply, "run_id:");
    });
    return link_->Send(
        {"INFO", "replication"},
        [this](const redis::Reply& reply) { OnReplication(reply); });
  }
  commands_ready_ = false;
  run_id_.clear();
  Tell();
}

void RedisTransport::OnReplication(const redis::Reply& reply) {
  if (closed_ || !link_->ready()) return;
  // Where the user may not ask, the scripts do so themselves.
  if (!process_.empty() && reply.ok()) {
    run_id_ = process_ + "." + FieldOf(reply, "master_replid:");
  }
  commands_ready_ = true;
  ++connection_;
  Tell();
}

size_t RedisTransport::AddScript(std::string_view body) {
  const auto [place, is_new] =
      script_numbers_.emplace(std::string(body), scripts_.size());
  if (is_new) {
    scripts_.push_back(
        std::make_unique<redis::Script>(link_.get(), std::string(body)));
  }
  return place->second;
}

void RedisTransport::Eval(size_t script, Strings keys, Strings arguments,
                          OnAnswer on_answer) {
  scripts_[script]->Call(keys, arguments, std::move(on_answer));
}

void RedisTransport::Command(Strings arguments, OnAnswer on_answer) {
  link_->Send(arguments, std::move(on_answer));
}

void RedisTransport::Subscribe(std::string_view channel) {
  subscriber_->Subscribe(channel);
}

void RedisTransport::Unsubscribe(std::string_view channel) {
  subscriber_->Unsubscribe(channel);
}

void RedisTransport::Resubscribe() {
  // After a failover each of the two may be at another server, and which one is
  // wrong does not show.
  const Trouble trouble{TroubleKind::kSilent,
                        "a message to itself did not come"};
  subscriber_->Reconnect(trouble);
  link_->Reconnect(trouble);
}

bool RedisTransport::subscriptions_ready() const {
  return subscriber_->state() == Link::State::kReady;
}

LinkState RedisTransport::state() const {
  if (closed_) return LinkState::kClosed;
  if (commands_ready_ && subscriptions_ready()) return LinkState::kReady;
  // What failed once is lost until it stands again, tries in between or not.
  return trouble().kind == TroubleKind::kNone && !has_stood_
             ? LinkState::kConnecting
             : LinkState::kLost;
}

const Trouble& RedisTransport::trouble() const {
  if (commands_ready_ && subscriptions_ready()) return none_;
  return link_->trouble().kind != TroubleKind::kNone ? link_->trouble()
                                                     : subscriber_->trouble();
}

}  // namespace pathcast::broker
