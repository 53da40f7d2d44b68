#include "broker/host_transport.h"

#include <algorithm>

namespace pathcast::broker {
namespace {

std::vector<std::string> Copies(Transport::Strings texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

Status HostTransport::Open(Events events) {
  events_ = std::move(events);
  return Status::Ok();
}

void HostTransport::Close() {
  state_ = LinkState::kClosed;
  std::unordered_map<uint64_t, OnAnswer> open;
  open.swap(open_);
  for (auto& [ticket, on_answer] : open) {
    if (on_answer) {
      on_answer(
          redis::Reply::Text(redis::Reply::Type::kLost, "the hub was closed"));
    }
  }
}

size_t HostTransport::AddScript(std::string_view body) {
  const auto known = std::find(scripts_.begin(), scripts_.end(), body);
  if (known != scripts_.end())
    return static_cast<size_t>(known - scripts_.begin());
  scripts_.emplace_back(body);
  return scripts_.size() - 1;
}

void HostTransport::Send(HostQuestion question, OnAnswer on_answer) {
  question.ticket = next_ticket_++;
  open_.emplace(question.ticket, std::move(on_answer));
  ask_(std::move(question));
}

void HostTransport::Eval(size_t script, Strings keys, Strings arguments,
                         OnAnswer on_answer) {
  Send({.kind = HostQuestion::Kind::kEval,
        .name = scripts_[script],
        .keys = Copies(keys),
        .arguments = Copies(arguments)},
       std::move(on_answer));
}

void HostTransport::Command(Strings arguments, OnAnswer on_answer) {
  Send({.kind = HostQuestion::Kind::kCommand, .arguments = Copies(arguments)},
       std::move(on_answer));
}

void HostTransport::Subscribe(std::string_view channel) {
  if (counts_[std::string(channel)]++ > 0) return;
  ask_({.kind = HostQuestion::Kind::kSubscribe, .name = std::string(channel)});
}

void HostTransport::Unsubscribe(std::string_view channel) {
  const auto found = counts_.find(std::string(channel));
  if (found == counts_.end() || --found->second > 0) return;
  counts_.erase(found);
  ask_(
      {.kind = HostQuestion::Kind::kUnsubscribe, .name = std::string(channel)});
}

void HostTransport::Resubscribe() {
  ask_({.kind = HostQuestion::Kind::kResubscribe});
}

void HostTransport::OnState(LinkState state, std::string trouble) {
  if (state_ == LinkState::kClosed) return;
  const bool anew = state == LinkState::kReady && state_ != state;
  if (anew) ++connection_;
  state_ = state;
  trouble_ = {
      trouble.empty() ? redis::TroubleKind::kNone : redis::TroubleKind::kOther,
      std::move(trouble)};
  if (events_.on_state) events_.on_state();
  if (anew && events_.on_standing) events_.on_standing();
}

void HostTransport::OnSubscribed(std::string_view channel) {
  if (counts_.contains(std::string(channel)) && events_.on_subscribed)
    events_.on_subscribed(channel);
}

void HostTransport::OnMessage(std::string_view channel, std::string payload) {
  if (counts_.contains(std::string(channel)) && events_.on_message)
    events_.on_message(channel, std::move(payload));
}

void HostTransport::OnAnswered(uint64_t ticket, redis::Reply reply) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) return;
  const OnAnswer on_answer = std::move(found->second);
  open_.erase(found);
  if (on_answer) on_answer(std::move(reply));
}

}  // namespace pathcast::broker
