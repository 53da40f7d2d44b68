#include "engine/hub_thread.h"

#include <type_traits>
#include <utility>

namespace pathcast {

namespace {

// The hub thread yields to the app's: on one core its fan-out would otherwise
// show as loop delay.
constexpr int kThreadNice = 5;

// For commands in one turn of the loop, before sockets and fan-outs have their
// turn; one of many actions is carried out in parts.
constexpr int64_t kCommandsUs = 150;
constexpr size_t kItemsPerLook = 8;

}  // namespace

HubThread::HubThread(Hub* hub, HubOptions options, Host* host)
    : hub_(hub),
      host_(host),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &machine_clock_),
      context_(options_.seed),
      limiter_(options_.limits),
      scheduler_(PrepareContext()),
      channels_(&context_, &scheduler_, options_.max_tenants,
                options_.max_total_log_bytes, options_.broker.has_value()),
      deadlines_(&context_, options_.lifetime_ms),
      heartbeats_(&context_, options_.core.heartbeat_ms),
      stalls_(&context_, options_.slow_timeout_ms),
      notices_(&outgoing_),
      watchers_(&outgoing_),
      drain_(&context_, &registry_, &outgoing_,
             [this](Connection* connection) {
               Close(connection, CloseReason::kDrain);
             }),
      closings_(&context_, &registry_, &outgoing_,
                [this](Connection* connection, CloseReason reason) {
                  Close(connection, reason);
                }),
      answers_(&context_, &registry_, &outgoing_) {}

Context* HubThread::PrepareContext() {
  context_.options = options_.core;
  context_.wrap = options_.wrap;
  context_.metrics = &hub_->metrics_;
  context_.observer = this;
  context_.clock = clock_;
  BeginTurn();
  return &context_;
}

Status HubThread::Start() {
  Status status = tick_.Open(&hub_->loop_, [this] {
    BeginTurn();
    OnTick();
    EndTurn();
  });
  if (status.ok()) {
    status = drain_.Open(&hub_->loop_, [this] { Work(); });
  }
  if (status.ok()) status = scheduler_.Open(&hub_->loop_, [this] { Work(); });
  if (status.ok() && options_.broker) status = StartBroker();
  if (!status.ok()) return status;
  tick_.Every(static_cast<uint64_t>(heartbeats_.tick_ms()));
  hub_->loop_.SetThreadNice(kThreadNice);
  return status;
}

void HubThread::OnStop() {
  BeginTurn();
  closed_ = true;
  CloseAll(kEndHubClosed);
  StopBroker();
  lingering_.CloseAll();
  doomed_.clear();
  tick_.Close();
  drain_.Close();
  scheduler_.Close();
}

void HubThread::BeginTurn() {
  context_.now_ms = clock_->NowMs();
  context_.wall_ms = clock_->WallMs();
  context_.steady_ms = clock_->NowUs() / 1000;
}

void HubThread::EndTurn() {
  // Closing may doom nobody else, but notices and replies of it still belong to
  // this turn.
  // Letting in and writing may show others to be gone.
  do {
    CloseDoomed();
    SeatWaiting();
  } while (!doomed_.empty());
  notices_.EndTurn();
  if (!outgoing_.empty() && hub_->replies_.Put(&outgoing_)) host_->OnReplies();
}

void HubThread::CloseDoomed() {
  while (!doomed_.empty()) {
    Connection* connection = doomed_.back();
    doomed_.pop_back();
    Close(connection, kEndGone);
  }
}

void HubThread::OnWake() { Work(); }

void HubThread::Work() {
  BeginTurn();
  bool more = RunCommands();
  // What closes costs system calls and nobody waits for it: it comes last.
  scheduler_.FanOut(more);
  if (broker_ != nullptr) {
    broker_->Send();
    more = OpenSome() || more;
    broker_->EndTurn(!await_log_.empty() || !flushes_.empty() ||
                     !log_questions_.empty());
  }
  more = AnswerSome() || more;
  more = CloseSome() || more;
  EndTurn();
  scheduler_.EndTurn(more);
}

bool HubThread::RunCommands() {
  const int64_t until = clock_->NowUs() + kCommandsUs;
  // The box is emptied once a turn: whoever puts something into an empty one
  // wakes the loop again. What is new may be another tenant's.
  waiting_.Add(hub_->mailbox_.TakeAll());
  do {
    if (current_ == nullptr) current_ = waiting_.Take();
    if (current_ == nullptr) return false;
    if (RunCurrent(until)) {
      current_.reset();
    } else if (std::holds_alternative<PublishCommand>(current_->body)) {
      return true;
    } else {
      waiting_.PutBack(std::move(current_));
    }
  } while (clock_->NowUs() < until);
  return !waiting_.empty();
}

bool HubThread::RunCurrent(int64_t until_us) {
  if (auto* publish = std::get_if<PublishCommand>(&current_->body))
    return RunPublish(*publish, until_us);
  if (auto* disconnect = std::get_if<DisconnectCommand>(&current_->body))
    return RunDisconnect(*disconnect, until_us);
  std::visit(
      [this](auto& body) {
        using Body = std::remove_reference_t<decltype(body)>;
        if constexpr (!std::is_same_v<Body, PublishCommand> &&
                      !std::is_same_v<Body, DisconnectCommand>)
          Run(body);
      },
      current_->body);
  return true;
}

void HubThread::OnTick() {
  heartbeats_.OnTick();
  const std::vector<Connection*> stalled = stalls_.Due();
  if (!stalled.empty()) closings_.Add(stalled, CloseReason::kSlow, 0);
  lingering_.CloseExpired(context_.steady_ms);
  channels_.TrimSome();
  if (CloseSome()) scheduler_.EndTurn(true);
}

PublishOutcome HubThread::PublishOne(PublishItem* item, int64_t posted_us,
                                     Channel** out) {
  ActionFields fields;
  if (!reader_.Read(&item->text, &fields).ok())
    return {PublishCode::kUnreadable, 0, {}};
  Channel* channel = channels_.Use(item->tenant);
  // An id that is too old to be kept is not a duplicate.
  channel->TrimLog(context_);
  const ActionLog& log = channel->log();
  if (const uint64_t seq = log.FindId(fields.id); seq != 0) {
    context_.metrics->duplicates.Add(1);
    return {PublishCode::kDuplicate, seq, log.epoch()};
  }
  const std::string_view text = item->text;
  const EntryText parts{text.substr(0, item->split),
                        text.substr(item->split + 1), item->transformed_head,
                        item->transformed_tail,
                        context_.SpreadMs(channel->size())};
  const ActionView view{fields.module, fields.entity_id, fields.client_id,
                        fields.user_id, fields.source_id};
  EntryRef entry = EntryBuilder::Action(log.epoch(), log.head_seq() + 1, parts,
                                        {fields.id, view});
  entry->timestamp_ms = fields.timestamp;
  entry->arrived_ms = context_.now_ms;
  entry->published_us = posted_us;
  entry->module = channel->ModuleId(fields.module);
  entry->paths.reserve(fields.query_paths.size());
  for (std::string_view path : fields.query_paths) {
    entry->paths.push_back(channel->PathId(context_, path));
  }
  entry->where = MakeWhere(fields, entry->paths);
  context_.metrics->publishes.Add(1);
  const uint64_t seq = entry->seq;
  channel->Publish(context_, std::move(entry), publish_call_);
  channels_.Relieve(channel);
  *out = channel;
  return {PublishCode::kOk, seq, log.epoch()};
}

bool HubThread::RunPublish(PublishCommand& command, int64_t until_us) {
  if (broker_ != nullptr) return RunPublishToBroker(command, until_us);
  // Not the turn's: an ephemeral event in front of these may have been stamped
  // after the turn began, and a client that stored its time would lose them.
  context_.now_ms = clock_->NowMs();
  std::vector<PublishOutcome>& outcomes = published_.outcomes;
  const size_t begin = outcomes.size();
  if (begin == 0) {
    outcomes.reserve(command.items.size());
    ++publish_call_;
  }
  while (outcomes.size() < command.items.size()) {
    PublishItem& item = command.items[outcomes.size()];
    Channel* channel = nullptr;
    outcomes.push_back(closed_
                           ? PublishOutcome{PublishCode::kClosed, 0, {}}
                           : PublishOne(&item, command.posted_us, &channel));
    if (channel != nullptr) {
      channels_.Touch(channel);
      scheduler_.RunSoon(channel);
    }
    if (outcomes.size() % kItemsPerLook == 0 && clock_->NowUs() >= until_us)
      break;
  }
  if (outcomes.size() < command.items.size()) {
    // Whether it is an import shows only at its end.
    for (size_t i = begin; i < outcomes.size(); ++i) {
      if (Channel* channel = channels_.Get(command.items[i].tenant))
        scheduler_.Hold(channel);
    }
    return false;
  }
  scheduler_.Release();
  hub_->waiting_bytes_.fetch_sub(command.bytes, std::memory_order_relaxed);
  published_.ticket = command.ticket;
  outgoing_.push_back(std::exchange(published_, {}));
  return true;
}

void HubThread::Run(EphemeralCommand& command) {
  hub_->waiting_bytes_.fetch_sub(command.Bytes(), std::memory_order_relaxed);
  if (closed_) return;
  context_.metrics->ephemerals.Add(1);
  if (broker_ != nullptr && !broker_->Ephemeral(command.tenant, command.json,
                                                command.transformed_json)) {
    context_.metrics->ephemerals_dropped.Add(1);
  }
  // A tenant that nobody listens to gets no log for it.
  Channel* channel = channels_.Get(command.tenant);
  if (channel == nullptr || channel->size() == 0) return;
  const EntryText text{command.json, {}, command.transformed_json, {}};
  EntryRef entry = EntryBuilder::Ephemeral(channel->log().epoch(),
                                           channel->log().head_seq(), text);
  entry->arrived_ms = channel->log().SafeNowMs(context_.now_ms);
  channel->PublishEphemeral(context_, std::move(entry));
  scheduler_.RunSoon(channel);
}

void HubThread::Run(ReadLogCommand& command) {
  if (broker_ != nullptr && !closed_) return AwaitLog(std::move(command));
  AnswerLog(command);
}

void HubThread::AnswerLog(const ReadLogCommand& command) {
  LogReply reply;
  reply.ticket = command.ticket;
  std::vector<EntryRef> entries;
  // Asking for a log makes none.
  Channel* channel = channels_.Get(command.tenant);
  if (!closed_ && channel != nullptr && !channel->log().unread()) {
    channel->TrimLog(context_);
    const ActionLog& log = channel->log();
    reply.epoch = log.epoch();
    reply.head_seq = log.head_seq();
    const uint64_t first =
        command.since_ms ? log.FirstSince(*command.since_ms) : log.first_seq();
    const uint64_t end = log.head_seq() + 1;
    reply.first_seq = first;
    reply.around_known = command.known_epoch == log.epoch() &&
                         command.known_first <= command.known_last &&
                         command.known_last < end &&
                         first <= command.known_last + 1;
    const auto take = [&](uint64_t from, uint64_t to) {
      for (uint64_t seq = from; seq < to; ++seq) entries.push_back(log.At(seq));
    };
    if (reply.around_known) {
      take(first, command.known_first);
      reply.before_known = entries.size();
      take(command.known_last + 1, end);
    } else {
      take(first, end);
    }
  }
  answers_.Add(std::move(reply), std::move(entries));
}

void HubThread::Run(ResyncPathsCommand& command) {
  context_.resync_paths_json = std::move(command.json);
  // Another router's are forgotten.
  std::set<std::string, std::less<>> known;
  if (!command.paths.empty()) known.emplace("*");
  for (const std::string_view path : command.paths) {
    for (size_t dot = path.find('.'); dot != std::string_view::npos;
         dot = path.find('.', dot + 1)) {
      known.emplace(path.substr(0, dot));
    }
    known.emplace(path);
  }
  context_.router_paths = std::move(known);
}

void HubThread::Run(ForgetCommand& command) {
  Channel* channel = channels_.Get(command.tenant);
  if (channel != nullptr && channel->size() == 0) channels_.Forget(channel);
  if (broker_ != nullptr) broker_->Forget(command.tenant);
  outgoing_.push_back(DoneReply{command.ticket, 0});
}

void HubThread::Run(DrainCommand& command) {
  if (closed_) {
    outgoing_.push_back(DoneReply{command.ticket, 0});
  } else {
    drain_.Begin(command.ticket, command.over_ms);
    MoveWaitingOn();
  }
}

void HubThread::Run(ShutdownCommand& command) {
  if (!closed_) {
    closed_ = true;
    answers_.Finish();
    CloseAll(kEndHubClosed);
    StopBroker();
    MoveWaitingOn();
    lingering_.CloseAll();
    context_.metrics->leases.Set(0);
    drain_.Answer();
    closings_.Answer();
  }
  outgoing_.push_back(DoneReply{command.ticket, 0});
}

void HubThread::OnGone(Subscription* subscription) {
  auto* connection = static_cast<Connection*>(subscription);
  if (connection->doomed) return;
  connection->doomed = true;
  doomed_.push_back(connection);
}

void HubThread::OnBlocked(Subscription* subscription) {
  stalls_.Watch(static_cast<Connection*>(subscription));
}

void HubThread::OnNotice(Subscription* subscription, SubscriptionNotice notice,
                         uint64_t value) {
  auto* connection = static_cast<Connection*>(subscription);
  NoticeReply reply;
  reply.kind = notice == SubscriptionNotice::kConflated ? NoticeKind::kConflated
                                                        : NoticeKind::kResync;
  reply.number = connection->number();
  if (notice == SubscriptionNotice::kResync) {
    reply.code = static_cast<uint8_t>(value);
  } else {
    reply.value = value;
  }
  reply.tenant = connection->channel().tenant();
  reply.user = connection->user();
  notices_.Add(std::move(reply));
}

}  // namespace pathcast
