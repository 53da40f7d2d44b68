// Streams that come and go: admission, refusal, opening, closing.
#include <algorithm>
#include <utility>

#include "core/cursor.h"
#include "core/resume.h"
#include "engine/hub_thread.h"
#include "engine/turn_away.h"

namespace pathcast {

namespace {

// Bytes on their way to the host per sink: enough to keep it busy, small beside
// the cap.
constexpr uint64_t kHostWindowBytes = 16 * 1024;

// Streams of a user that are written to when somebody waits for one of its
// seats, the quietest first.
constexpr size_t kPingedForASeat = 16;

// That are looked at for a disconnect before the clock is.
constexpr size_t kStreamsPerLook = 32;

// For that, before another tenant's command has its turn.
constexpr int64_t kLookForUs = 60;

// For closing streams in one turn of the loop: a dozen or so.
constexpr int64_t kCloseUs = 200;

// For long answers in one turn of the loop.
constexpr int64_t kAnswerUs = 100;

}  // namespace

void HubThread::Run(OpenSocketCommand& command) {
  if (closed_) {
    // The descriptor closes with the command.
    NoticeReply notice;
    notice.code = static_cast<uint8_t>(kEndHubClosed);
    notice.number = command.request.number;
    notice.tenant = std::move(command.request.tenant);
    notice.user = std::move(command.request.user);
    notices_.Add(std::move(notice));
    return;
  }
  Open(command.request, ConnectionSink(std::make_unique<SocketSink>(
                            std::move(command.socket), this)));
}

void HubThread::Run(OpenHostSinkCommand& command) {
  if (closed_) {
    outgoing_.push_back(SinkEndReply{command.request.number});
    return;
  }
  Open(command.request,
       ConnectionSink(std::make_unique<HostSink>(
           command.request.number,
           std::min(kHostWindowBytes, options_.core.connection_cap_bytes),
           &outgoing_)));
}

AdmissionResult HubThread::Admit(const StreamRequest& request) {
  AdmissionResult result =
      limiter_.Acquire({request.tenant, request.user, request.instance, true,
                        context_.steady_ms});
  context_.metrics->leases.Set(limiter_.HeldTotal());
  return result;
}

void HubThread::Open(StreamRequest& request, ConnectionSink sink) {
  if (drain_.active()) {
    Refuse(request, std::move(sink), Refusal::kDraining, {});
    return;
  }
  SeatFreed();
  Seat(request, std::move(sink));
}

bool HubThread::IsOutdated(const StreamRequest& request) const {
  if (request.generation == kNoGeneration || request.uncounted) return false;
  const Connection* living = registry_.FindByLease(
      limiter_.LeaseOf(request.tenant, request.user, request.instance));
  return living != nullptr && living->generation != kNoGeneration &&
         request.generation < living->generation;
}

void HubThread::NoteExpiry(StreamRequest* request) const {
  if (!request->ends_with && deadlines_.IsOver(request->expires_at_ms)) {
    request->ends_with = CloseReason::kAuthExpired;
  }
}

void HubThread::Seat(StreamRequest& request, ConnectionSink sink) {
  // A stream that ends at once takes nobody's place.
  NoteExpiry(&request);
  if (!request.ends_with && IsOutdated(request)) {
    request.ends_with = CloseReason::kReplaced;
  }
  const AdmissionResult admission = request.uncounted || request.ends_with
                                        ? AdmissionResult{}
                                        : Admit(request);
  for (uint64_t lease : admission.replaced)
    CloseByLease(lease, CloseReason::kReplaced);
  for (uint64_t lease : admission.evicted)
    CloseByLease(lease, CloseReason::kEvicted);
  context_.metrics->replacements.Add(admission.replaced.size());
  context_.metrics->evictions.Add(admission.evicted.size());
  if (admission.admission == Admission::kAdmitted) {
    Begin(request, std::move(sink), admission.lease);
    return;
  }
  const bool user = admission.admission == Admission::kUserLimit;
  if (user && !options_.limits.evict_oldest &&
      waiting_room_.HasRoomFor(request) &&
      !limiter_.StreamsOf(request.tenant, request.user).empty()) {
    waiting_room_.Enter(std::move(request), std::move(sink),
                        context_.steady_ms);
    return;
  }
  Refuse(request, std::move(sink),
         user ? Refusal::kUserLimit : Refusal::kTenantLimit, admission);
}

void HubThread::Begin(StreamRequest& request, ConnectionSink sink,
                      uint64_t lease) {
  Channel* channel = channels_.Use(request.tenant);
  channel->TrimLog(context_);
  std::unique_ptr<Filter> filter;
  if (request.filter)
    filter = std::make_unique<Filter>(std::move(*request.filter));
  auto owned = std::make_unique<Connection>(&request, channel, std::move(sink),
                                            std::move(filter), context_.now_ms);
  owned->lease = lease;
  owned->generation = request.generation;
  Connection* connection = registry_.Add(std::move(owned));
  limiter_.Watch(connection->lease, connection->last_write_at());
  channel->Add(connection);
  channels_.Touch(channel);
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
  if (broker_ != nullptr && AwaitLog(connection, &request)) return;
  StartOrEnd(connection, request);
}

void HubThread::StartOrEnd(Connection* connection, StreamRequest& request) {
  const bool ends = request.ends_with.has_value();
  const int64_t hello_safe_ms = StartStream(connection, request, ends);
  if (ends) {
    Close(connection, static_cast<size_t>(*request.ends_with), hello_safe_ms);
  }
}

int64_t HubThread::StartStream(Connection* connection, StreamRequest& request,
                               bool hello_only) {
  Channel* channel = &connection->channel();
  heartbeats_.Join(connection);
  const std::string id = hub_->id_ + "-" + std::to_string(request.number);
  OpeningRequest opening{request.http_head, id, &request.resume, hello_only};
  if (!request.instance.empty()) {
    const uint64_t user = Instances::HashOf(connection->user());
    const uint64_t instance = Instances::HashOf(request.instance);
    request.resume.returns = channel->instances().Knows(
        user, instance, context_.options.log.ttl_ms, context_.steady_ms);
    channel->instances().Note(user, instance, context_.steady_ms);
    connection->instance_hash = instance;
  }
  std::vector<Piece> pieces =
      MakeOpening(context_, *channel, *connection, opening);
  const int64_t hello_safe_ms = pieces[0].safe_ms;
  connection->Start(context_, *channel, std::move(pieces),
                    channel->window_end());
  // It has them already where it waited for its log.
  deadlines_.Remove(connection);
  if (!hello_only) deadlines_.Add(connection, request.expires_at_ms);
  return hello_safe_ms;
}

void HubThread::NoteRefusal(const std::string& tenant, const std::string& user,
                            uint64_t number, Refusal refusal) {
  context_.metrics->refusals[static_cast<size_t>(refusal)].Add(1);
  NoticeReply notice;
  notice.kind = NoticeKind::kRefused;
  notice.code = static_cast<uint8_t>(refusal);
  notice.number = number;
  notice.tenant = tenant;
  notice.user = user;
  notices_.Add(std::move(notice));
}

void HubThread::Refuse(const StreamRequest& request, ConnectionSink sink,
                       Refusal refusal, const AdmissionResult& result) {
  NoteRefusal(request.tenant, request.user, request.number, refusal);
  watchers_.Ended(
      request.number,
      static_cast<size_t>(refusal == Refusal::kDraining ? CloseReason::kDrain
                                                        : CloseReason::kLimit));

  const std::string text = TurnAwayText(&context_, request, refusal, result);
  const IoVec part{text.data(), text.size()};
  (void)sink.get()->Write(&part, 1);
  if (sink.socket() != nullptr) {
    lingering_.Add(&hub_->loop_, sink.socket()->Release(), context_.steady_ms);
  } else {
    outgoing_.push_back(SinkEndReply{request.number});
  }
}

void HubThread::CloseByLease(uint64_t lease, CloseReason reason) {
  Connection* connection = registry_.FindByLease(lease);
  if (connection == nullptr) return;
  // The limiter has released it already.
  registry_.DropLease(connection);
  Close(connection, reason);
}

void HubThread::Close(Connection* connection, size_t end,
                      std::optional<int64_t> hello_only_safe_ms) {
  Channel& channel = connection->channel();
  if (end != kEndGone && connection->request != nullptr) {
    // It waited for its log, and has the position that it came with.
    const auto request = std::move(connection->request);
    const CloseReason reason = end < kCloseReasonCount
                                   ? static_cast<CloseReason>(end)
                                   : CloseReason::kDrain;
    connection->WriteLast(context_,
                          NeverBegunText(&context_, *request, reason));
  } else if (end != kEndGone && !connection->gone()) {
    std::string last;
    if (end < kCloseReasonCount) {
      const auto reason = static_cast<CloseReason>(end);
      std::string id = connection->Cursor(channel);
      // A backlog that is not written would leave a gap before this cursor.
      // One that was still to be told of another log keeps its old one.
      if (connection->slow() || hello_only_safe_ms || id == kNowhereCursor)
        id.clear();
      const int64_t safe_ms =
          hello_only_safe_ms.value_or(connection->SafeMs(context_, channel));
      AppendServerClose(&last, connection->dialect(), id, safe_ms, reason,
                        RetryMsFor(&context_, reason));
    }
    EndBody(&last, 0, connection->dialect().framing);
    if (!last.empty()) connection->WriteLast(context_, last);
  }
  context_.metrics->connections.Sub(1);
  NoticeReply notice;
  notice.kind = NoticeKind::kClosed;
  notice.code = static_cast<uint8_t>(end);
  notice.number = connection->number();
  notice.tenant = channel.tenant();
  notice.user = connection->user();
  notices_.Add(std::move(notice));
  watchers_.Ended(connection->number(), end);

  if (connection->instance_hash != 0) {
    channel.instances().Note(Instances::HashOf(connection->user()),
                             connection->instance_hash, context_.steady_ms);
  }
  if (connection->lease != 0) {
    (void)limiter_.Release(connection->lease);
    waiting_room_.SeatFreed(channel.tenant(), connection->user());
    context_.metrics->leases.Set(limiter_.HeldTotal());
  }
  deadlines_.Remove(connection);
  stalls_.Remove(connection);
  heartbeats_.Leave(connection);
  if (connection->doomed) std::erase(doomed_, connection);
  connection->Retire(context_);
  channel.Remove(connection);
  channels_.Touch(&channel);
  if (broker_ != nullptr && channel.size() == 0)
    broker_->mirrors().NoteStreams(channel.tenant(), false);
  if (connection->host() != nullptr) {
    context_.metrics->sink_connections.Sub(1);
    outgoing_.push_back(SinkEndReply{connection->number()});
  } else if (end < kCloseReasonCount && !connection->gone()) {
    lingering_.Add(&hub_->loop_, connection->socket()->Release(),
                   context_.steady_ms);
  }
  // Whoever reads that it has ended, on another thread, finds nothing of it in
  // the other numbers.
  context_.metrics->closes[end].Add(1);
  registry_.Remove(connection);
}

void HubThread::CloseAll(size_t end) {
  while (!registry_.empty()) Close(registry_.First(), end);
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
  Connection* connection = registry_.Find(command.number);
  if (connection == nullptr || connection->host() == nullptr) return;
  if (connection->host()->Taken(command.bytes)) {
    connection->OnWritable(context_, connection->channel());
  }
}

void HubThread::Run(SinkFullCommand& command) {
  Connection* connection = registry_.Find(command.number);
  if (connection == nullptr || connection->host() == nullptr) return;
  connection->host()->Fill();
}

void HubThread::Run(SinkAbortCommand& command) {
  Connection* connection = registry_.Find(command.number);
  if (connection != nullptr) {
    Close(connection, kEndGone);
    return;
  }
  const bool waited = waiting_room_
                          .TakeAny([&](const StreamRequest& request) {
                            return request.number == command.number;
                          })
                          .has_value();
  if (waited) watchers_.Ended(command.number, kEndGone);
}

void HubThread::Run(AcquireCommand& command) {
  LeaseReply reply;
  reply.ticket = command.ticket;
  if (closed_ || drain_.active()) {
    reply.code = closed_ ? LeaseCode::kClosed : LeaseCode::kDraining;
    if (!closed_)
      NoteRefusal(command.tenant, command.user, 0, Refusal::kDraining);
  } else {
    SeatFreed();
    const AdmissionResult result = limiter_.Acquire(
        {command.tenant, command.user, {}, false, context_.steady_ms});
    for (uint64_t lease : result.evicted)
      CloseByLease(lease, CloseReason::kEvicted);
    context_.metrics->evictions.Add(result.evicted.size());
    context_.metrics->leases.Set(limiter_.HeldTotal());
    reply.lease = result.lease;
    reply.limit = result.limit;
    reply.current = result.current;
    if (result.admission != Admission::kAdmitted) {
      const bool user = result.admission == Admission::kUserLimit;
      reply.code = user ? LeaseCode::kUserLimit : LeaseCode::kTenantLimit;
      NoteRefusal(command.tenant, command.user, 0,
                  user ? Refusal::kUserLimit : Refusal::kTenantLimit);
    }
  }
  outgoing_.push_back(reply);
}

void HubThread::Run(ReleaseCommand& command) {
  // A stream's lease is not the host's to release.
  const bool released = registry_.FindByLease(command.lease) == nullptr &&
                        limiter_.Release(command.lease);
  if (!closed_) context_.metrics->leases.Set(limiter_.HeldTotal());
  // Whose seat it was the limiter does not say; a waiter's is looked for.
  if (released) waiting_room_.AnySeatFreed();
  outgoing_.push_back(DoneReply{command.ticket, released ? 1u : 0u});
}

void HubThread::TurnWaitersAway(const DisconnectCommand& command) {
  while (auto waiter = waiting_room_.TakeAny([&](const StreamRequest& request) {
    return (!command.number || *command.number == request.number) &&
           (!command.tenant || *command.tenant == request.tenant) &&
           (!command.user || *command.user == request.user) &&
           (command.origin == 0 || command.origin == request.origin);
  })) {
    TurnWaiterAway(std::move(*waiter), command.reason == CloseReason::kDrain);
  }
}

bool HubThread::RunDisconnect(DisconnectCommand& command, int64_t until_us) {
  if (!command.OfATenant()) {
    closings_.Add(registry_.Match(command), command.reason, command.ticket);
    TurnWaitersAway(command);
    return true;
  }
  // Whose streams come or go meanwhile: newcomers wait behind this command, or
  // stand behind those it has still to look at; who leaves gives its place to
  // one behind it.
  const Channel* channel = channels_.Get(*command.tenant);
  const size_t size = channel != nullptr ? channel->size() : 0;
  if (!command.unseen) {
    TurnWaitersAway(command);
    command.found.reserve(command.user ? 0 : size);
  }
  size_t unseen = std::min(command.unseen.value_or(size), size);
  until_us = std::min(until_us, clock_->NowUs() + kLookForUs);
  bool in_time = true;
  while (unseen > 0 && in_time) {
    auto* connection = static_cast<Connection*>(channel->at(--unseen));
    if (Registry::Matches(command, *connection))
      closings_.Mark(connection, &command.found);
    in_time = unseen % kStreamsPerLook != 0 || clock_->NowUs() < until_us;
  }
  command.unseen = unseen;
  if (unseen > 0) return false;
  closings_.Add(std::move(command.found), command.reason, command.ticket);
  return true;
}

void HubThread::Run(WatchCommand& command) {
  if (closed_) {
    outgoing_.push_back(DoneReply{command.ticket, kEndHubClosed});
    return;
  }
  // Commands come in order: what was opened before has an end or is here.
  watchers_.Watch(command, registry_.Find(command.number) != nullptr ||
                               waiting_room_.Has(command.number));
}

void HubThread::Run(ConnectionsCommand& command) {
  const Channel* channel =
      command.tenant ? channels_.Get(*command.tenant) : nullptr;
  std::vector<uint64_t> numbers;
  for (const Connection* connection : registry_.Select(command, channel))
    numbers.push_back(connection->number());
  ConnectionsReply reply;
  reply.ticket = command.ticket;
  answers_.Add(std::move(reply), std::move(numbers));
}

void HubThread::Run(PingCommand& command) {
  WriteToQuietest(command.tenant, command.user);
}

void HubThread::WriteToQuietest(const std::string& tenant,
                                const std::string& user) {
  std::vector<Connection*> streams;
  const Channel* channel = channels_.Get(tenant);
  for (size_t i = 0; channel != nullptr && i < channel->size(); ++i) {
    auto* connection = static_cast<Connection*>(channel->at(i));
    if (connection->started() && connection->user() == user)
      streams.push_back(connection);
  }
  std::sort(streams.begin(), streams.end(),
            [](const Connection* a, const Connection* b) {
              return a->last_write_ms() < b->last_write_ms();
            });
  if (streams.size() > kPingedForASeat) streams.resize(kPingedForASeat);
  for (Connection* connection : streams) heartbeats_.Ping(connection);
}

void HubThread::SeatFreed() {
  while (auto waiter =
             waiting_room_.TakeNext([&](const StreamRequest& request) {
               return limiter_.HasSeat(request.tenant, request.user);
             })) {
    Seat(waiter->request, std::move(waiter->sink));
  }
}

void HubThread::SeatWaiting() {
  if (waiting_room_.empty()) return;
  SeatFreed();
  while (auto waiter = waiting_room_.TakeOverdue(context_.steady_ms))
    TurnWaiterAway(std::move(*waiter), false);
  for (const StreamRequest* request :
       waiting_room_.DuePings(context_.steady_ms))
    WriteToQuietest(request->tenant, request->user);
}

void HubThread::TurnWaiterAway(Waiter waiter, bool moves) {
  AdmissionResult result;
  result.limit = options_.limits.max_per_user;
  result.current =
      limiter_.HeldByUser(waiter.request.tenant, waiter.request.user);
  Refuse(waiter.request, std::move(waiter.sink),
         moves ? Refusal::kDraining : Refusal::kUserLimit, result);
}

void HubThread::MoveWaitingOn() {
  while (auto waiter =
             waiting_room_.TakeAny([](const StreamRequest&) { return true; })) {
    TurnWaiterAway(std::move(*waiter), true);
  }
}

bool HubThread::AnswerSome() {
  if (answers_.empty()) return false;
  answers_.Run(clock_->NowUs() + kAnswerUs);
  return !answers_.empty();
}

bool HubThread::CloseSome() {
  const int64_t until = clock_->NowUs() + kCloseUs;
  while (clock_->NowUs() < until) {
    const Deadlines::Due due = deadlines_.First();
    if (due.connection == nullptr) break;
    Close(due.connection, due.reason);
  }
  const bool more = drain_.Step(until);
  closings_.Run(until);
  return more || !closings_.empty() || deadlines_.First().connection != nullptr;
}

}  // namespace pathcast
