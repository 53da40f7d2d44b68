#include "redis/link.h"

#include <cassert>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loop/busy_hint.h"
#include "loop/timer.h"
#include "redis/backoff.h"
#include "redis/connection.h"
#include "redis/dialer.h"
#include "redis/liveness.h"

namespace pathcast::redis {

std::string_view ToString(Link::State state) {
  switch (state) {
    case Link::State::kIdle:
      return "idle";
    case Link::State::kConnecting:
      return "connecting";
    case Link::State::kReady:
      return "ready";
    case Link::State::kLost:
      return "lost";
    case Link::State::kClosed:
      return "closed";
  }
  return "unknown";
}

class Link::Impl final : public std::enable_shared_from_this<Link::Impl>,
                         public Connection::Handler {
 public:
  Impl(LinkOptions options, Events events)
      : options_(std::move(options)),
        events_(std::move(events)),
        backoff_(options_.retry_min_ms, options_.retry_max_ms),
        liveness_(options_.probe_after_ms, options_.answer_within_ms) {
    assert(options_.find);
  }

  Status Open();
  void Send(Arguments arguments, OnAnswer on_answer);
  bool SendUnanswered(Arguments arguments);
  void Drop(Trouble trouble);
  void Reconnect(Trouble trouble);
  void Close();

  State state() const { return state_; }
  const Trouble& trouble() const { return trouble_; }
  size_t output_bytes() const {
    return connection_ ? connection_->unwritten() : 0;
  }
  size_t unanswered() const { return pending_.size() + refused_.size(); }

 private:
  struct Pending {
    OnAnswer on_answer;
    // Of the connection's bytes: where the command ends.
    uint64_t end;
    int64_t since_us;
  };
  struct Refused {
    OnAnswer on_answer;
    std::string why;
  };

  void OnReply(Reply reply) override;
  void OnEnd(Trouble trouble) override;

  void Attempt();
  void Dial(const Endpoint& endpoint);
  void Introduce(Descriptor socket);
  void Introduced(const Reply& reply);
  void Look();
  void Lose(Trouble trouble);
  void RetryAfter(int64_t ms);
  // Answers all that waits on the connection, which is gone with it.
  void DropConnection(const std::string& why);
  void AnswerRefused();
  void Tell(State state, Trouble trouble);
  void Queue(Arguments arguments, OnAnswer on_answer);
  bool Fits(Arguments arguments) const;

  // Set at construction.
  const LinkOptions options_;
  const Events events_;

  // Hub thread only.
  State state_ = State::kIdle;
  Trouble trouble_;
  // Of this endpoint are connection and trouble.
  std::string where_;
  // Names the find under way; an answer to an older one is none.
  uint64_t attempt_ = 0;
  // The one whose find has answered.
  uint64_t dialing_ = 0;
  Backoff backoff_;
  Liveness liveness_;
  int64_t ready_since_us_ = 0;
  std::unique_ptr<Handshake> handshake_;
  std::deque<Pending> pending_;
  std::vector<Refused> refused_;
  // Gone first: they call this.
  Timer retry_;
  Timer look_;
  BusyHint refuse_soon_;
  Dialer dialer_;
  std::unique_ptr<Connection> connection_;
};

Status Link::Impl::Open() {
  assert(state_ == State::kIdle);
  // None of them outlives this, and a call keeps it alive while it runs.
  Status status = retry_.Open(options_.loop, [this] {
    const auto self = shared_from_this();
    retry_.Cancel();
    Attempt();
  });
  if (status.ok()) {
    status = look_.Open(options_.loop, [this] {
      const auto self = shared_from_this();
      Look();
    });
  }
  if (status.ok()) {
    status = refuse_soon_.Open(options_.loop, [this] {
      const auto self = shared_from_this();
      AnswerRefused();
    });
  }
  if (!status.ok()) {
    state_ = State::kClosed;
    return status;
  }
  if (!refused_.empty()) refuse_soon_.Set(true);
  state_ = State::kConnecting;
  // In a turn of its own, so that no state is told inside Open().
  retry_.Every(1);
  return Status::Ok();
}

void Link::Impl::Attempt() {
  const uint64_t attempt = ++attempt_;
  Tell(State::kConnecting, Trouble());
  if (attempt != attempt_ || state_ != State::kConnecting) return;
  options_.find([weak = weak_from_this(), attempt](const Endpoint& endpoint,
                                                   const Trouble& trouble) {
    const auto self = weak.lock();
    if (!self || self->attempt_ != attempt ||
        self->state_ != State::kConnecting || self->dialing_ == attempt) {
      return;
    }
    self->dialing_ = attempt;
    if (trouble.kind != TroubleKind::kNone) {
      self->where_.clear();
      return self->Lose(trouble);
    }
    self->Dial(endpoint);
  });
}

void Link::Impl::Dial(const Endpoint& endpoint) {
  where_ = endpoint.ToString();
  dialer_.Start(options_.loop, endpoint, options_.connect_timeout_ms,
                [this](Descriptor socket, Trouble trouble) {
                  const auto self = shared_from_this();
                  if (!socket.valid()) return Lose(std::move(trouble));
                  Introduce(std::move(socket));
                });
}

void Link::Impl::Introduce(Descriptor socket) {
  connection_ =
      std::make_unique<Connection>(options_.loop, options_.clock, this);
  const Status opened =
      connection_->Open(std::move(socket), 2 * options_.answer_within_ms);
  if (!opened.ok()) {
    return Lose({TroubleKind::kUnreachable, opened.message()});
  }
  handshake_ = std::make_unique<Handshake>(options_.introduction);
  for (const auto& command : handshake_->commands()) {
    const std::vector<std::string_view> arguments(command.begin(),
                                                  command.end());
    Queue(arguments, [this](const Reply& reply) { Introduced(reply); });
  }
  liveness_.Begin(options_.clock->NowUs());
  look_.Every(static_cast<uint64_t>(liveness_.LookMs()));
}

void Link::Impl::Introduced(const Reply& reply) {
  // The connection was lost meanwhile, and that is told already.
  if (!reply.answered() || !handshake_) return;
  Trouble trouble = handshake_->Take(reply);
  if (trouble.kind != TroubleKind::kNone) return Lose(std::move(trouble));
  if (!handshake_->done()) return;
  handshake_.reset();
  ready_since_us_ = options_.clock->NowUs();
  Tell(State::kReady, Trouble());
}

void Link::Impl::Queue(Arguments arguments, OnAnswer on_answer) {
  connection_->Append(arguments);
  pending_.push_back(
      {std::move(on_answer), connection_->appended(), options_.clock->NowUs()});
}

bool Link::Impl::Fits(Arguments arguments) const {
  return connection_->unwritten() + CommandBytes(arguments) <=
         options_.max_output_bytes;
}

void Link::Impl::Send(Arguments arguments, OnAnswer on_answer) {
  if (state_ == State::kReady && Fits(arguments)) {
    return Queue(arguments, std::move(on_answer));
  }
  const std::string why =
      state_ == State::kReady
          ? std::string("the link's output buffer is full (") +
                std::to_string(options_.max_output_bytes) + " bytes)"
          : "the link is " + std::string(ToString(state_)) +
                (trouble_.text.empty() ? "" : ": " + trouble_.text);
  refused_.push_back({std::move(on_answer), why});
  if (refuse_soon_.open()) refuse_soon_.Set(true);
}

bool Link::Impl::SendUnanswered(Arguments arguments) {
  assert(options_.subscribes);
  if (state_ != State::kReady || !Fits(arguments)) return false;
  connection_->Append(arguments);
  return true;
}

void Link::Impl::AnswerRefused() {
  if (refuse_soon_.open()) refuse_soon_.Set(false);
  std::vector<Refused> refused;
  refused.swap(refused_);
  for (Refused& each : refused) {
    if (each.on_answer) {
      each.on_answer(Reply::Text(Reply::Type::kUnsent, std::move(each.why)));
    }
  }
}

void Link::Impl::OnReply(Reply reply) {
  const auto self = shared_from_this();
  if (options_.subscribes && state_ == State::kReady && IsPush(reply)) {
    if (events_.on_push) events_.on_push(std::move(reply));
    return;
  }
  if (pending_.empty()) {
    return Lose(reply.error() ? Trouble{KindOfError(reply.text()), reply.text()}
                              : Trouble{TroubleKind::kProtocol,
                                        "a reply came that nobody asked for"});
  }
  const OnAnswer on_answer = std::move(pending_.front().on_answer);
  pending_.pop_front();
  // What makes the connection useless, whatever the command was.
  Trouble trouble;
  if (state_ == State::kReady && reply.error()) {
    const TroubleKind kind = KindOfError(reply.text());
    if (kind == TroubleKind::kLoading || kind == TroubleKind::kMasterDown ||
        kind == TroubleKind::kNoAuth ||
        (kind == TroubleKind::kReadOnly &&
         options_.introduction.require_master)) {
      trouble = {kind, reply.text()};
    }
  }
  const Connection* const connection = connection_.get();
  if (on_answer) on_answer(std::move(reply));
  if (trouble.kind != TroubleKind::kNone && connection == connection_.get()) {
    Lose(std::move(trouble));
  }
}

void Link::Impl::OnEnd(Trouble trouble) {
  const auto self = shared_from_this();
  Lose(std::move(trouble));
}

void Link::Impl::Look() {
  if (!connection_) return;
  std::optional<int64_t> owed_since;
  if (!pending_.empty()) owed_since = pending_.front().since_us;
  const int64_t last_read_us = connection_->last_read_us();
  const auto verdict = liveness_.Look(options_.clock->NowUs(), last_read_us,
                                      owed_since, connection_->partial());
  if (verdict == Liveness::Verdict::kProbe) {
    const std::string_view ping[] = {"PING"};
    Queue(ping, nullptr);
  }
  if (verdict != Liveness::Verdict::kSilent &&
      verdict != Liveness::Verdict::kEndless) {
    return;
  }
  // The answer may be here and this thread a little late.
  const Connection* const connection = connection_.get();
  const std::optional<Liveness::Partial> partial = connection_->partial();
  connection_->Read();
  if (connection_.get() != connection) return;
  if (verdict == Liveness::Verdict::kSilent) {
    if (connection_->last_read_us() != last_read_us) return;
    return Lose({TroubleKind::kSilent,
                 "no answer within " +
                     std::to_string(options_.answer_within_ms) + " ms"});
  }
  const std::optional<Liveness::Partial>& still = connection_->partial();
  if (!still || still->since != partial->since) return;
  Lose({TroubleKind::kSilent,
        "an answer has begun and does not come to its end (" +
            std::to_string(still->bytes) + " bytes of it are here)"});
}

void Link::Impl::Lose(Trouble trouble) {
  if (state_ == State::kClosed) return;
  const int64_t lasted_us = options_.clock->NowUs() - ready_since_us_;
  if (state_ == State::kReady && lasted_us >= options_.retry_max_ms * 1000) {
    backoff_.Reset();
  }
  if (!where_.empty()) trouble.text = where_ + ": " + trouble.text;
  RetryAfter(backoff_.NextMs(options_.random));
  const std::string why = trouble.text;
  state_ = State::kLost;
  trouble_ = std::move(trouble);
  const uint64_t attempt = attempt_;
  DropConnection(why);
  if (attempt == attempt_ && state_ == State::kLost) {
    Tell(State::kLost, trouble_);
  }
}

void Link::Impl::RetryAfter(int64_t ms) {
  look_.Cancel();
  retry_.Every(static_cast<uint64_t>(ms));
}

void Link::Impl::DropConnection(const std::string& why) {
  dialer_.Cancel();
  handshake_.reset();
  const std::unique_ptr<Connection> connection = std::move(connection_);
  const uint64_t written = connection ? connection->written() : 0;
  std::deque<Pending> pending;
  pending.swap(pending_);
  for (Pending& each : pending) {
    if (!each.on_answer) continue;
    const Reply::Type type =
        each.end <= written ? Reply::Type::kLost : Reply::Type::kUnsent;
    each.on_answer(Reply::Text(type, why));
  }
}

void Link::Impl::Drop(Trouble trouble) {
  const auto self = shared_from_this();
  if (state_ == State::kIdle || state_ == State::kClosed) return;
  Lose(std::move(trouble));
}

void Link::Impl::Reconnect(Trouble trouble) {
  const auto self = shared_from_this();
  Drop(std::move(trouble));
  if (state_ != State::kLost) return;
  backoff_.Reset();
  RetryAfter(1);
}

void Link::Impl::Close() {
  const auto self = shared_from_this();
  if (state_ == State::kClosed && refused_.empty()) return;
  state_ = State::kClosed;
  ++attempt_;
  retry_.Close();
  look_.Close();
  refuse_soon_.Close();
  DropConnection("the link was closed");
  // Callbacks may have sent more.
  while (!refused_.empty()) AnswerRefused();
}

void Link::Impl::Tell(State state, Trouble trouble) {
  state_ = state;
  if (state == State::kReady) trouble_ = Trouble();
  if (events_.on_state) events_.on_state(state, trouble);
}

Link::Link(LinkOptions options, Events events)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(events))) {}

Link::~Link() { impl_->Close(); }

Status Link::Open() { return impl_->Open(); }
void Link::Send(Arguments arguments, OnAnswer on_answer) {
  impl_->Send(arguments, std::move(on_answer));
}
bool Link::SendUnanswered(Arguments arguments) {
  return impl_->SendUnanswered(arguments);
}
void Link::Drop(Trouble trouble) { impl_->Drop(std::move(trouble)); }
void Link::Reconnect(Trouble trouble) { impl_->Reconnect(std::move(trouble)); }
void Link::Close() { impl_->Close(); }
Link::State Link::state() const { return impl_->state(); }
const Trouble& Link::trouble() const { return impl_->trouble(); }
size_t Link::output_bytes() const { return impl_->output_bytes(); }
size_t Link::unanswered() const { return impl_->unanswered(); }

}  // namespace pathcast::redis
