// A log that lives in a broker: what is published goes there, streams wait for
// it, and the host asks the broker through the hub's connections.
#include <algorithm>
#include <utility>

#include "broker/redis_transport.h"
#include "broker/stored.h"
#include "core/resume.h"
#include "engine/hub_thread.h"

namespace pathcast {

namespace {

// For streams whose log has been read, in one turn of the loop.
constexpr int64_t kOpenUs = 200;

constexpr size_t kItemsPerLook = 8;

// For the log of one whose right is over, so that it hears where it stands.
constexpr int64_t kOverMs = 500;

std::vector<std::string_view> Views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

Result<std::unique_ptr<broker::Transport>> HubThread::MakeTransport() {
  const broker::LogOptions& options = *options_.broker;
  if (options.url.empty()) {
    auto host = std::make_unique<broker::HostTransport>(
        options.ring, [this](broker::HostQuestion question) {
          outgoing_.push_back(HostQuestionReply{std::move(question)});
        });
    host_transport_ = host.get();
    return std::unique_ptr<broker::Transport>(std::move(host));
  }
  Result<redis::Url> url = redis::ParseUrl(options.url);
  if (!url.ok()) return url.status();
  broker::RedisTransportOptions link;
  link.loop = &hub_->loop_;
  link.clock = clock_;
  link.random = &context_.random;
  link.url = std::move(url).value();
  link.client_name = "pathcast." + options.node_id;
  return std::unique_ptr<broker::Transport>(
      std::make_unique<broker::RedisTransport>(std::move(link)));
}

Status HubThread::StartBroker() {
  Result<std::unique_ptr<broker::Transport>> transport = MakeTransport();
  if (!transport.ok()) return transport.status();
  broker::BrokerLog::HostEvents events;
  events.on_state = [this](broker::LinkState state, const std::string& text) {
    outgoing_.push_back(BrokerEventReply{
        BrokerEventKind::kState, static_cast<uint8_t>(state), {}, text});
  };
  events.on_subscribed = [this](std::string_view channel) {
    outgoing_.push_back(BrokerEventReply{
        BrokerEventKind::kSubscribed, 0, std::string(channel), {}});
  };
  events.on_message = [this](std::string_view channel, std::string payload) {
    outgoing_.push_back(BrokerEventReply{BrokerEventKind::kMessage, 0,
                                         std::string(channel),
                                         std::move(payload)});
  };
  events.ask_revocations = [this](uint64_t number) {
    outgoing_.push_back(BrokerEventReply{
        BrokerEventKind::kRevocations, 0, std::to_string(number), {}});
  };
  broker_ = std::make_unique<broker::BrokerLog>(
      &context_, this, *options_.broker, options_.max_tenants,
      std::move(transport).value(), std::move(events));
  channels_.OnForget([this](const Channel& channel) {
    if (broker_ != nullptr) broker_->mirrors().Forget(channel.tenant());
  });
  return broker_->Open(&hub_->loop_);
}

void HubThread::StopBroker() {
  if (broker_ == nullptr) return;
  broker_->Close();
  for (const Flush& flush : flushes_)
    outgoing_.push_back(DoneReply{flush.ticket, 0});
  flushes_.clear();
  for (const LogQuestion& question : log_questions_)
    AnswerLog(question.command);
  log_questions_.clear();
  await_log_.clear();
  log_is_read_.clear();
  channels_.OnForget(nullptr);
  host_transport_ = nullptr;
  broker_.reset();
}

void HubThread::BeginBrokerTurn() {
  BeginTurn();
  scheduler_.EndTurn(true);
}

Channel* HubThread::Mirror(const std::string& tenant) {
  return channels_.Get(tenant);
}

void HubThread::OnMirrorGrew(Channel* channel) {
  channels_.Relieve(channel);
  channels_.Touch(channel);
  scheduler_.RunSoon(channel);
}

void HubThread::OnMirrorRead(Channel* channel, uint64_t read) {
  for (size_t i = 0; i < channel->size(); ++i) {
    const auto* connection = static_cast<const Connection*>(channel->at(i));
    if (!connection->started() && connection->awaited_read <= read)
      log_is_read_.push_back(connection->number());
  }
  std::erase_if(log_questions_, [&](const LogQuestion& question) {
    if (question.command.tenant != channel->tenant()) return false;
    AnswerLog(question.command);
    return true;
  });
}

void HubThread::OnMirrorRefused(Channel* channel) {
  std::vector<Connection*> streams;
  for (size_t i = 0; i < channel->size(); ++i)
    streams.push_back(static_cast<Connection*>(channel->at(i)));
  closings_.Add(streams, CloseReason::kDrain, 0);
}

void HubThread::OnMirrorIdle(Channel* channel) { channels_.Forget(channel); }

void HubThread::OnPublished(broker::PublishCall* call) {
  PublishedReply reply{call->ticket, std::move(call->outcomes)};
  for (PublishOutcome& outcome : reply.outcomes) {
    if (closed_ && outcome.code == PublishCode::kRefused)
      outcome.code = PublishCode::kClosed;
  }
  outgoing_.push_back(std::move(reply));
}

void HubThread::OnBrokerWarning(broker::Warning warning) {
  outgoing_.push_back(
      BrokerEventReply{BrokerEventKind::kWarning, 0,
                       std::string(warning.kind) + ' ' + warning.company,
                       std::move(warning.text)});
}

bool HubThread::RunPublishToBroker(PublishCommand& command, int64_t until_us) {
  if (handing_over_ == nullptr) {
    handing_over_ = std::make_shared<broker::PublishCall>();
    handing_over_->ticket = command.ticket;
    handing_over_->number = ++publish_call_;
    handing_over_->posted_us = command.posted_us;
    // The outcomes grow with what was handed over; one more keeps the call
    // open until all is.
    handing_over_->open = command.items.size() + 1;
    handing_over_->outcomes.resize(command.items.size());
    next_item_ = 0;
  }
  const std::shared_ptr<broker::PublishCall> call = handing_over_;
  while (next_item_ < command.items.size()) {
    const size_t index = next_item_++;
    PublishItem& item = command.items[index];
    ActionFields fields;
    if (closed_ || !reader_.Read(&item.text, &fields).ok()) {
      call->outcomes[index].code = closed_ ? broker::OutcomeCode::kClosed
                                           : broker::OutcomeCode::kUnreadable;
      --call->open;
    } else {
      const std::string_view text = item.text;
      broker::PublishOrder order;
      order.id = fields.id;
      order.stamp_ms = fields.timestamp;
      std::string whole = broker::EncodeStored(
          {text.substr(0, item.split), text.substr(item.split + 1),
           item.transformed_head, item.transformed_tail});
      if (item.stored != nullptr) {
        const auto& parts = *item.stored;
        order.stored =
            broker::EncodeStored({parts[0], parts[1], parts[2], parts[3]});
        order.rung = std::move(whole);
      } else {
        order.stored = std::move(whole);
      }
      broker_->Publish(item.tenant, std::move(order), call, index);
    }
    if (next_item_ % kItemsPerLook == 0 && clock_->NowUs() >= until_us) break;
  }
  if (next_item_ < command.items.size()) return false;
  handing_over_.reset();
  if (command.items.size() > options_.core.compact_after && !closed_) {
    for (const PublishItem& item : command.items)
      broker_->EndCall(item.tenant, call->number);
  }
  hub_->waiting_bytes_.fetch_sub(command.bytes, std::memory_order_relaxed);
  if (--call->open == 0) OnPublished(call.get());
  return true;
}

void HubThread::Run(FlushCommand& command) {
  if (broker_ == nullptr || broker_->waiting() == 0) {
    outgoing_.push_back(DoneReply{command.ticket, 0});
    return;
  }
  flushes_.push_back({command.ticket, context_.steady_ms + command.within_ms});
}

void HubThread::Run(BrokerCallCommand& command) {
  const Ticket ticket = command.ticket;
  const auto answer = [this, ticket](redis::Reply reply) {
    BeginBrokerTurn();
    outgoing_.push_back(BrokerAnswerReply{ticket, std::move(reply)});
  };
  if (broker_ == nullptr) {
    outgoing_.push_back(BrokerAnswerReply{
        ticket,
        redis::Reply::Text(redis::Reply::Type::kUnsent, "the hub is closed")});
    return;
  }
  broker::Transport& transport = broker_->transport();
  const std::vector<std::string_view> keys = Views(command.keys);
  const std::vector<std::string_view> arguments = Views(command.arguments);
  if (command.script.empty()) {
    transport.Command(arguments, answer);
  } else {
    transport.Eval(transport.AddScript(command.script), keys, arguments,
                   answer);
  }
}

void HubThread::Run(BrokerChannelCommand& command) {
  if (broker_ == nullptr) return;
  if (command.listen) {
    broker_->HostSubscribe(command.channel);
  } else {
    broker_->HostUnsubscribe(command.channel);
  }
}

void HubThread::Run(ResubscribeCommand&) {
  if (broker_ != nullptr) broker_->transport().Resubscribe();
}

void HubThread::Run(RevocationsReadCommand& command) {
  if (broker_ != nullptr) broker_->OnRevocationsRead(command.number);
}

void HubThread::Run(HostBrokerCommand& command) {
  if (host_transport_ == nullptr) return;
  switch (command.kind) {
    case HostBrokerCommand::Kind::kState:
      host_transport_->OnState(static_cast<broker::LinkState>(command.number),
                               std::move(command.name));
      return;
    case HostBrokerCommand::Kind::kSubscribed:
      host_transport_->OnSubscribed(command.name);
      return;
    case HostBrokerCommand::Kind::kMessage:
      host_transport_->OnMessage(command.name, std::move(command.payload));
      return;
    case HostBrokerCommand::Kind::kAnswered:
      host_transport_->OnAnswered(command.number, std::move(command.answer));
      return;
  }
}

bool HubThread::AwaitLog(Connection* connection, StreamRequest* request) {
  const std::string& tenant = connection->channel().tenant();
  if (broker_->mirrors().Watch(tenant)) {
    if (!IsBeyond(connection->channel().log(), request->resume)) return false;
    // Others may have seen more of the log than this node.
    connection->awaited_read = broker_->mirrors().ReadAnew(tenant);
  }
  if (!broker_->mirrors().Refused(tenant).empty()) {
    connection->request = std::make_unique<StreamRequest>(std::move(*request));
    Close(connection, CloseReason::kDrain);
    return true;
  }
  // A right that ends while it waits, or has ended, is waited for no longer.
  if (!request->ends_with) {
    deadlines_.Add(connection, request->expires_at_ms);
  } else if (*request->ends_with == CloseReason::kAuthExpired) {
    deadlines_.Add(connection, context_.wall_ms + kOverMs);
  }
  connection->request = std::make_unique<StreamRequest>(std::move(*request));
  await_log_.emplace_back(context_.steady_ms + broker_->options().open_wait_ms,
                          connection->number());
  return true;
}

void HubThread::AwaitLog(ReadLogCommand command) {
  Channel* channel = channels_.Use(command.tenant);
  channels_.Touch(channel);
  const bool read = broker_->mirrors().Watch(command.tenant);
  if (channel->size() == 0)
    broker_->mirrors().NoteStreams(command.tenant, false);
  if (read) return AnswerLog(command);
  const int64_t due = context_.steady_ms + broker_->options().open_wait_ms;
  log_questions_.push_back({std::move(command), due});
}

bool HubThread::OpenSome() {
  const int64_t until = clock_->NowUs() + kOpenUs;
  const auto start = [this](uint64_t number) {
    Connection* connection = registry_.Find(number);
    if (connection == nullptr || connection->started() ||
        connection->request == nullptr) {
      return;
    }
    const auto request = std::move(connection->request);
    NoteExpiry(request.get());
    StartOrEnd(connection, *request);
  };
  bool in_time = true;
  while (in_time && !log_is_read_.empty()) {
    start(log_is_read_.front());
    log_is_read_.pop_front();
    in_time = clock_->NowUs() < until;
  }
  while (in_time && !await_log_.empty() &&
         await_log_.front().first <= context_.steady_ms) {
    const uint64_t number = await_log_.front().second;
    Connection* connection = registry_.Find(number);
    if (connection != nullptr && connection->request != nullptr) {
      StreamRequest& request = *connection->request;
      NoteExpiry(&request);
      const std::optional<CloseReason> reason = request.ends_with;
      request.resume.unasked = true;
      if (reason) {
        Close(connection, static_cast<size_t>(*reason));
      } else {
        start(number);
      }
    }
    await_log_.pop_front();
    in_time = clock_->NowUs() < until;
  }
  std::erase_if(log_questions_, [&](const LogQuestion& question) {
    if (question.due_ms > context_.steady_ms) return false;
    AnswerLog(question.command);
    return true;
  });
  std::erase_if(flushes_, [&](const Flush& flush) {
    const size_t left = broker_->waiting();
    if (left > 0 && flush.due_ms > context_.steady_ms) return false;
    broker_->NameLeft();
    outgoing_.push_back(DoneReply{flush.ticket, left});
    return true;
  });
  return !in_time;
}

}  // namespace pathcast
