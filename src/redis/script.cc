#include "redis/script.h"

#include <deque>
#include <utility>
#include <vector>

#include "redis/sha1.h"
#include "redis/trouble.h"

namespace pathcast::redis {

struct Script::State : std::enable_shared_from_this<Script::State> {
  struct Pending {
    // What follows the command and the script: "numkeys", keys, arguments.
    std::vector<std::string> rest;
    Link::OnAnswer on_answer;
  };

  State(Link* link, std::string body)
      : link(link), body(std::move(body)), sha(Sha1Hex(this->body)) {}

  void Send(Pending call, bool whole);
  void OnReply(Pending call, Reply reply);
  void SendAgain();

  Link* const link;
  const std::string body;
  const std::string sha;
  uint64_t loads = 0;
  // Sent and not answered.
  size_t open = 0;
  // Refused with NOSCRIPT, and behind them those that were made since: they go
  // when nothing is open any more, so that none passes another; those that are
  // made meanwhile are not sent, so that this comes to pass.
  std::deque<Pending> again;
  std::deque<Pending> later;
};

void Script::State::Send(Pending call, bool whole) {
  std::vector<std::string_view> command;
  command.reserve(call.rest.size() + 2);
  command.push_back(whole ? "EVAL" : "EVALSHA");
  command.push_back(whole ? body : sha);
  command.insert(command.end(), call.rest.begin(), call.rest.end());
  if (whole) ++loads;
  ++open;
  // std::function copies, and a call is not to be.
  auto shared = std::make_shared<Pending>(std::move(call));
  link->Send(command, [self = shared_from_this(), shared](Reply reply) {
    self->OnReply(std::move(*shared), std::move(reply));
  });
}

void Script::State::OnReply(Pending call, Reply reply) {
  --open;
  if (reply.error() && KindOfError(reply.text()) == TroubleKind::kNoScript) {
    again.push_back(std::move(call));
  } else if (call.on_answer) {
    call.on_answer(std::move(reply));
  }
  if (open == 0) SendAgain();
}

void Script::State::SendAgain() {
  std::deque<Pending> refused, made_since;
  refused.swap(again);
  made_since.swap(later);
  // The first brings the script; the others come behind it.
  bool whole = true;
  for (Pending& call : refused) {
    Send(std::move(call), std::exchange(whole, false));
  }
  for (Pending& call : made_since) Send(std::move(call), false);
}

Script::Script(Link* link, std::string body)
    : state_(std::make_shared<State>(link, std::move(body))) {}

Script::~Script() = default;

void Script::Call(std::span<const std::string_view> keys,
                  std::span<const std::string_view> arguments,
                  Link::OnAnswer on_answer) {
  State::Pending call;
  call.rest.reserve(1 + keys.size() + arguments.size());
  call.rest.push_back(std::to_string(keys.size()));
  call.rest.insert(call.rest.end(), keys.begin(), keys.end());
  call.rest.insert(call.rest.end(), arguments.begin(), arguments.end());
  call.on_answer = std::move(on_answer);
  if (!state_->again.empty()) {
    state_->later.push_back(std::move(call));
  } else {
    state_->Send(std::move(call), false);
  }
}

const std::string& Script::sha() const { return state_->sha; }
uint64_t Script::loads() const { return state_->loads; }

}  // namespace pathcast::redis
