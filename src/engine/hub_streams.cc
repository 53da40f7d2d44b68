// Streams that come and go: admission, refusal, opening, closing.
#include <algorithm>
#include <utility>

#include "core/cursor.h"
#include "core/resume.h"
#include "engine/hub_thread.h"

namespace pathcast {

namespace {

// JSON-RPC codes of tRPC, and what they stand for.
constexpr int kTooManyRequests = -32029;
constexpr int kInternalServerError =
    -32603;  // the one code on which tRPC clients come back

// A stream that was ended for a reason that lasts comes back later than one
// that a deploy moves.
constexpr uint64_t kLongRetryFactor = 5;

// Bytes on their way to the host per sink: enough to keep it busy, small beside
// the cap.
constexpr uint64_t kHostWindowBytes = 16 * 1024;

}  // namespace

uint64_t HubThread::RetryFor(CloseReason reason) {
  auto mean = static_cast<uint64_t>(options_.core.retry_ms);
  if (reason == CloseReason::kReplaced || reason == CloseReason::kEvicted ||
      reason == CloseReason::kLimit || reason == CloseReason::kSlow) {
    mean *= kLongRetryFactor;
  }
  return context_.random.Jitter(mean);
}

Connection* HubThread::Find(uint64_t number) const {
  auto found = connections_.find(number);
  return found == connections_.end() ? nullptr : found->second.get();
}

void HubThread::Run(OpenSocketCommand& command) {
  if (closed_) return;  // the descriptor closes with the command
  ConnectionSink sink;
  sink.socket = std::make_unique<SocketSink>(std::move(command.socket), this);
  Open(command.request, std::move(sink));
}

void HubThread::Run(OpenHostSinkCommand& command) {
  if (closed_) {
    outgoing_.push_back(SinkEndReply{command.request.number});
    return;
  }
  ConnectionSink sink;
  sink.host = std::make_unique<HostSink>(
      command.request.number,
      std::min(kHostWindowBytes, options_.core.connection_cap_bytes),
      &outgoing_);
  Open(command.request, std::move(sink));
}

void HubThread::FreshenLeases(const StreamRequest& request) {
  if (!options_.limits.evict_oldest) return;
  auto found = channels_.find(request.company);
  if (found == channels_.end()) return;
  const uint32_t company = limiter_.HeldByCompany(request.company);
  const uint32_t user = limiter_.HeldByUser(request.company, request.user);
  const LimiterOptions& limits = options_.limits;
  const bool full =
      (limits.max_per_company != 0 && company >= limits.max_per_company) ||
      (limits.max_per_user != 0 && user >= limits.max_per_user);
  // Who was alive last is only asked when somebody has to go: the hot path does
  // not keep it.
  if (!full) return;
  const Channel& channel = *found->second;
  for (size_t i = 0; i < channel.size(); ++i) {
    auto* connection = static_cast<Connection*>(channel.at(i));
    limiter_.Touch(connection->lease, connection->last_write_ms());
  }
}

AdmissionResult HubThread::Admit(const StreamRequest& request) {
  FreshenLeases(request);
  AdmissionResult result =
      limiter_.Acquire({request.company, request.user, request.instance, true,
                        context_.steady_ms});
  context_.metrics->leases.Set(limiter_.HeldTotal());
  return result;
}

void HubThread::Open(StreamRequest& request, ConnectionSink sink) {
  if (draining_) {
    Refuse(request, std::move(sink), Refusal::kDraining, nullptr);
    return;
  }
  // A stream that ends at once takes nobody's place.
  const bool expired =
      request.expires_at_ms != 0 && request.expires_at_ms <= context_.now_ms;
  const AdmissionResult admission =
      request.uncounted || expired ? AdmissionResult{} : Admit(request);
  for (uint64_t lease : admission.replaced)
    CloseByLease(lease, CloseReason::kReplaced);
  for (uint64_t lease : admission.evicted)
    CloseByLease(lease, CloseReason::kEvicted);
  context_.metrics->replacements.Add(admission.replaced.size());
  context_.metrics->evictions.Add(admission.evicted.size());
  if (admission.admission != Admission::kAdmitted) {
    Refuse(request, std::move(sink),
           admission.admission == Admission::kUserLimit
               ? Refusal::kUserLimit
               : Refusal::kCompanyLimit,
           &admission);
    return;
  }

  Channel* channel = ChannelOf(request.company);
  channel->TrimLog(context_);
  std::unique_ptr<Filter> filter;
  if (request.filter)
    filter = std::make_unique<Filter>(std::move(*request.filter));
  auto owned = std::make_unique<Connection>(
      request.number, std::move(request.user), channel, std::move(sink),
      request.dialect, std::move(filter));
  Connection* connection = owned.get();
  connection->lease = admission.lease;
  if (connection->lease != 0) by_lease_.emplace(connection->lease, connection);
  connections_.emplace(request.number, std::move(owned));
  if (channel->idle) MarkIdle(channel, false);
  channel->Add(connection);
  context_.metrics->opened.Add(1);
  context_.metrics->connections.Add(1);
  if (connection->host() != nullptr) context_.metrics->sink_connections.Add(1);

  if (connection->socket() != nullptr) {
    const SocketOptions options{options_.slow_timeout_ms + 10'000};
    if (!connection->socket()->Open(&hub_->loop_, connection, options).ok()) {
      Close(connection, kEndGone);
      return;
    }
  }
  JoinHeartbeat(connection);
  const std::string id = hub_->id_ + "-" + std::to_string(request.number);
  OpeningRequest opening{request.http_head, id, &request.resume, expired};
  connection->hello_only = expired;
  std::vector<Piece> pieces =
      MakeOpening(context_, *channel, *connection, opening);
  connection->Start(context_, *channel, std::move(pieces),
                    channel->window_end());
  SetDeadline(connection, request.expires_at_ms);
}

std::string HubThread::RefusalText(const StreamRequest& request,
                                   Refusal refusal, uint32_t current,
                                   uint32_t limit) {
  const bool draining = refusal == Refusal::kDraining;
  const CloseReason reason =
      draining ? CloseReason::kDrain : CloseReason::kLimit;
  std::string text = request.http_head;
  if (!request.dialect.trpc) {
    AppendServerClose(&text, request.dialect, {}, reason, RetryFor(reason));
    return text;
  }
  AppendRetry(&text, RetryFor(reason));
  AppendConnected(&text,
                  static_cast<uint64_t>(options_.core.heartbeat_ms) * 5 / 2);
  if (draining) {
    AppendSerializedError(&text, request.dialect, context_.wrap,
                          "The server is draining; reconnect",
                          kInternalServerError, "SERVICE_UNAVAILABLE", 503,
                          request.trpc_path);
  } else {
    std::string message = "Too many connections for this ";
    message += refusal == Refusal::kUserLimit ? "user: " : "company: ";
    message += std::to_string(current) + " of " + std::to_string(limit);
    AppendSerializedError(&text, request.dialect, context_.wrap, message,
                          kTooManyRequests, "TOO_MANY_REQUESTS", 429,
                          request.trpc_path);
  }
  return text;
}

void HubThread::NoteRefusal(const std::string& company, const std::string& user,
                            uint64_t number, Refusal refusal) {
  context_.metrics->refusals[static_cast<size_t>(refusal)].Add(1);
  NoticeReply notice;
  notice.kind = NoticeKind::kRefused;
  notice.code = static_cast<uint8_t>(refusal);
  notice.number = number;
  notice.company = company;
  notice.user = user;
  Notify(std::move(notice));
}

void HubThread::Refuse(const StreamRequest& request, ConnectionSink sink,
                       Refusal refusal, const AdmissionResult* result) {
  NoteRefusal(request.company, request.user, request.number, refusal);

  const std::string text =
      RefusalText(request, refusal, result ? result->current : 0,
                  result ? result->limit : 0);
  const Slice slice{text.data(), text.size()};
  (void)sink.get()->Write(&slice, 1);
  if (sink.socket != nullptr) {
    lingering_.Add(&hub_->loop_, sink.socket->Release(), context_.steady_ms);
  } else {
    outgoing_.push_back(SinkEndReply{request.number});
  }
}

void HubThread::CloseByLease(uint64_t lease, CloseReason reason) {
  auto found = by_lease_.find(lease);
  if (found == by_lease_.end()) return;
  Connection* connection = found->second;
  connection->lease = 0;  // the limiter has released it
  by_lease_.erase(found);
  Close(connection, static_cast<size_t>(reason));
}

void HubThread::Close(Connection* connection, size_t end) {
  Channel& channel = connection->channel();
  if (end < kCloseReasonCount && !connection->gone()) {
    const auto reason = static_cast<CloseReason>(end);
    std::string id;
    AppendCursor(&id, channel.log().epoch(),
                 channel.SeqBefore(connection->pos()));
    // A backlog that is not written would leave a gap before this cursor.
    if (connection->slow() || connection->hello_only) id.clear();
    std::string last;
    AppendServerClose(&last, connection->dialect(), id, reason,
                      RetryFor(reason));
    connection->WriteLast(context_, last);
  }
  context_.metrics->closes[end].Add(1);
  context_.metrics->connections.Sub(1);
  NoticeReply notice;
  notice.kind = NoticeKind::kClosed;
  notice.code = static_cast<uint8_t>(end);
  notice.number = connection->number();
  notice.company = channel.company();
  notice.user = connection->user();
  Notify(std::move(notice));

  if (connection->lease != 0) {
    by_lease_.erase(connection->lease);
    (void)limiter_.Release(connection->lease);
    context_.metrics->leases.Set(limiter_.HeldTotal());
  }
  if (connection->deadline_ms != 0)
    deadlines_.erase({connection->deadline_ms, connection});
  if (connection->watched_slow) std::erase(slow_, connection);
  if (connection->doomed) std::erase(doomed_, connection);
  connection->heartbeat.Leave();
  connection->Retire(context_);
  channel.Remove(connection);
  if (channel.size() == 0) MarkIdle(&channel, true);
  if (connection->host() != nullptr) {
    context_.metrics->sink_connections.Sub(1);
    outgoing_.push_back(SinkEndReply{connection->number()});
  } else if (end < kCloseReasonCount && !connection->gone()) {
    lingering_.Add(&hub_->loop_, connection->socket()->Release(),
                   context_.steady_ms);
  }
  connections_.erase(connection->number());
}

void HubThread::CloseAll(size_t end) {
  while (!connections_.empty()) Close(connections_.begin()->second.get(), end);
}

void HubThread::OnSocketWritable(Connection* connection) {
  BeginTurn();
  connection->OnWritable(context_, connection->channel());
  EndTurn();
}

void HubThread::OnSocketGone(Connection* connection) {
  BeginTurn();
  Close(connection, kEndGone);
  EndTurn();
}

void HubThread::Run(SinkTakenCommand& command) {
  Connection* connection = Find(command.number);
  if (connection == nullptr || connection->host() == nullptr) return;
  if (connection->host()->Taken(command.bytes)) {
    connection->OnWritable(context_, connection->channel());
  }
}

void HubThread::Run(SinkFullCommand& command) {
  Connection* connection = Find(command.number);
  if (connection == nullptr || connection->host() == nullptr) return;
  connection->host()->Fill();
}

void HubThread::Run(SinkAbortCommand& command) {
  Connection* connection = Find(command.number);
  if (connection != nullptr) Close(connection, kEndGone);
}

void HubThread::Run(AcquireCommand& command) {
  LeaseReply reply;
  reply.ticket = command.ticket;
  if (closed_ || draining_) {
    reply.code = closed_ ? LeaseCode::kClosed : LeaseCode::kDraining;
    if (!closed_)
      NoteRefusal(command.company, command.user, 0, Refusal::kDraining);
  } else {
    StreamRequest request;
    request.company = command.company;
    request.user = command.user;
    FreshenLeases(request);
    const AdmissionResult result = limiter_.Acquire(
        {command.company, command.user, {}, false, context_.steady_ms});
    for (uint64_t lease : result.evicted)
      CloseByLease(lease, CloseReason::kEvicted);
    context_.metrics->evictions.Add(result.evicted.size());
    context_.metrics->leases.Set(limiter_.HeldTotal());
    reply.lease = result.lease;
    reply.limit = result.limit;
    reply.current = result.current;
    if (result.admission != Admission::kAdmitted) {
      const bool user = result.admission == Admission::kUserLimit;
      reply.code = user ? LeaseCode::kUserLimit : LeaseCode::kCompanyLimit;
      NoteRefusal(command.company, command.user, 0,
                  user ? Refusal::kUserLimit : Refusal::kCompanyLimit);
    }
  }
  outgoing_.push_back(reply);
}

void HubThread::Run(ReleaseCommand& command) {
  // A stream's lease is not the host's to release.
  const bool released = by_lease_.find(command.lease) == by_lease_.end() &&
                        limiter_.Release(command.lease);
  if (!closed_) context_.metrics->leases.Set(limiter_.HeldTotal());
  outgoing_.push_back(DoneReply{command.ticket, released ? 1u : 0u});
}

void HubThread::Run(DisconnectCommand& command) {
  std::vector<Connection*> matches;
  auto consider = [&](Connection* connection) {
    if (command.user && connection->user() != *command.user) return;
    if (command.company && connection->channel().company() != *command.company)
      return;
    matches.push_back(connection);
  };
  if (command.number) {
    if (Connection* connection = Find(*command.number)) consider(connection);
  } else if (command.company) {
    auto found = channels_.find(*command.company);
    if (found != channels_.end()) {
      for (size_t i = 0; i < found->second->size(); ++i) {
        consider(static_cast<Connection*>(found->second->at(i)));
      }
    }
  } else {
    for (auto& [number, connection] : connections_) consider(connection.get());
  }
  for (Connection* connection : matches)
    Close(connection, static_cast<size_t>(command.reason));
  outgoing_.push_back(DoneReply{command.ticket, matches.size()});
}

void HubThread::Run(ShutdownCommand& command) {
  if (!closed_) {
    closed_ = true;
    CloseAll(kEndHubClosed);
    lingering_.CloseAll();
    context_.metrics->leases.Set(0);
    for (Ticket ticket : drain_tickets_)
      outgoing_.push_back(DoneReply{ticket, 0});
    drain_tickets_.clear();
  }
  outgoing_.push_back(DoneReply{command.ticket, 0});
}

}  // namespace pathcast
