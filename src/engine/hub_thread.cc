#include "engine/hub_thread.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace pathcast {

namespace {

// Subscriptions visited before another company has its turn: about half a
// millisecond of sends.
constexpr size_t kVisitsPerSlice = 64;

// Fan-out in one turn of the loop before commands and sockets are looked at
// again. Bounds what a company of many streams adds to another company's
// action.
constexpr int64_t kFanOutBudgetUs = 1'000;

// Notices handed to the host in one turn; the rest is only counted, in the
// metrics.
constexpr uint32_t kMaxNotices = 256;

}  // namespace

HubThread::HubThread(Hub* hub, HubOptions options, Host* host)
    : hub_(hub),
      host_(host),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &machine_clock_),
      context_(options_.seed),
      limiter_(options_.limits) {
  context_.options = options_.core;
  context_.wrap = options_.wrap;
  context_.metrics = &hub_->metrics_;
  context_.observer = this;
  BeginTurn();
  history_begins_ms_ = context_.now_ms;
}

HubThread::~HubThread() = default;

void HubThread::BeginTurn() {
  context_.now_ms = clock_->NowMs();
  context_.steady_ms = clock_->NowUs() / 1000;
}

void HubThread::EndTurn() {
  // Closing may doom nobody else, but notices and replies of it still belong to
  // this turn.
  while (!doomed_.empty()) {
    Connection* connection = doomed_.back();
    doomed_.pop_back();
    Close(connection, kEndGone);
  }
  notices_ = 0;
  if (!outgoing_.empty() && hub_->replies_.Put(&outgoing_)) host_->OnReplies();
}

void HubThread::OnWake() {
  BeginTurn();
  DrainMailbox();
  FanOut();
  EndTurn();
}

void HubThread::DrainMailbox() {
  for (Command* node = hub_->mailbox_.TakeAll(); node != nullptr;) {
    const std::unique_ptr<Command> command(node);
    node = node->next;
    std::visit([this](auto& body) { Run(body); }, command->body);
  }
}

void HubThread::FanOut() {
  const int64_t until = EventLoop::NowUs() + kFanOutBudgetUs;
  while (!fan_out_.empty()) {
    Channel* channel = fan_out_.front();
    fan_out_.pop_front();
    if (channel->Slice(context_, kVisitsPerSlice, &EventLoop::NowUs)) {
      channel->queued = false;
    } else {
      fan_out_.push_back(channel);
    }
    if (EventLoop::NowUs() >= until) break;
    // On one core the app's thread would else wait for the scheduler's tick,
    // which is milliseconds.
    std::this_thread::yield();
  }
  busy_.Set(!fan_out_.empty());
}

void HubThread::Enqueue(Channel* channel) {
  if (channel->queued || !channel->needs_pass()) return;
  channel->queued = true;
  fan_out_.push_back(channel);
}

Channel* HubThread::ChannelOf(const std::string& company) {
  std::unique_ptr<Channel>& channel = channels_[company];
  if (channel == nullptr) {
    channel = std::make_unique<Channel>(company, context_.random.HexId(12),
                                        history_begins_ms_);
    context_.metrics->companies.Add(1);
    MarkIdle(channel.get(), true);
    ForgetIdleChannels();
  }
  return channel.get();
}

void HubThread::MarkIdle(Channel* channel, bool idle) {
  if (channel->idle) idle_.erase(channel->idle_place);
  channel->idle = idle;
  if (idle) channel->idle_place = idle_.insert(idle_.end(), channel);
}

void HubThread::ForgetIdleChannels() {
  // The newest one is always kept: its caller holds it.
  while (channels_.size() > options_.max_companies && idle_.size() > 1) {
    Channel* channel = idle_.front();
    if (channel->queued) {
      // The longest idle one was queued first, so it is found at the front.
      fan_out_.erase(std::find(fan_out_.begin(), fan_out_.end(), channel));
    }
    context_.metrics->companies.Sub(1);
    channel->Retire(context_);
    // Its last action may be of this very millisecond.
    history_begins_ms_ = context_.now_ms + 1;
    idle_.pop_front();
    trim_round_.clear();  // it may name this one
    trim_next_ = 0;
    channels_.erase(channels_.find(channel->company()));
  }
}

void HubThread::Notify(NoticeReply notice) {
  if (++notices_ <= kMaxNotices) outgoing_.push_back(std::move(notice));
}

PublishOutcome HubThread::PublishOne(PublishItem* item, int64_t posted_us,
                                     Channel** out) {
  ActionFields fields;
  if (!reader_.Read(&item->text, &fields).ok())
    return {PublishCode::kUnreadable, 0, {}};
  Channel* channel = ChannelOf(item->company);
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
                        item->transformed_tail};
  const ActionView view{fields.module, fields.entity_id, fields.client_id,
                        fields.user_id, fields.source_id};
  EntryRef entry = EntryBuilder::Action(log.epoch(), log.head_seq() + 1, parts,
                                        {fields.id, view});
  entry->timestamp_ms = fields.timestamp;
  entry->arrived_ms = context_.now_ms;
  entry->published_us = posted_us;
  entry->module = context_.modules.Intern(fields.module);
  entry->paths.reserve(fields.query_paths.size());
  for (std::string_view path : fields.query_paths) {
    entry->paths.push_back(context_.paths.Intern(path));
  }
  context_.metrics->publishes.Add(1);
  const uint64_t seq = entry->seq;
  channel->Publish(context_, std::move(entry), publish_call_);
  *out = channel;
  return {PublishCode::kOk, seq, log.epoch()};
}

void HubThread::Run(PublishCommand& command) {
  hub_->waiting_bytes_.fetch_sub(command.bytes, std::memory_order_relaxed);
  PublishedReply reply{command.ticket, {}};
  reply.outcomes.reserve(command.items.size());
  ++publish_call_;
  for (PublishItem& item : command.items) {
    Channel* channel = nullptr;
    reply.outcomes.push_back(
        closed_ ? PublishOutcome{PublishCode::kClosed, 0, {}}
                : PublishOne(&item, command.posted_us, &channel));
    if (channel == nullptr) continue;
    if (channel->idle) MarkIdle(channel, true);
    Enqueue(channel);
  }
  outgoing_.push_back(std::move(reply));
}

void HubThread::Run(EphemeralCommand& command) {
  hub_->waiting_bytes_.fetch_sub(command.Bytes(), std::memory_order_relaxed);
  if (closed_) return;
  context_.metrics->ephemerals.Add(1);
  // A company that nobody listens to gets no log for it.
  auto found = channels_.find(command.company);
  if (found == channels_.end() || found->second->size() == 0) return;
  Channel* channel = found->second.get();
  const EntryText text{command.json, {}, command.transformed_json, {}};
  EntryRef entry = EntryBuilder::Ephemeral(channel->log().epoch(),
                                           channel->log().head_seq(), text);
  entry->arrived_ms = context_.now_ms;
  channel->PublishEphemeral(context_, std::move(entry));
  Enqueue(channel);
}

void HubThread::Run(ReadLogCommand& command) {
  LogReply reply;
  reply.ticket = command.ticket;
  // Asking for a log makes none.
  auto found = channels_.find(command.company);
  if (!closed_ && found != channels_.end()) {
    Channel* channel = found->second.get();
    channel->TrimLog(context_);
    const ActionLog& log = channel->log();
    reply.epoch = log.epoch();
    reply.head_seq = log.head_seq();
    const uint64_t first =
        command.since_ms ? log.FirstSince(*command.since_ms) : log.first_seq();
    for (uint64_t seq = first; seq <= log.head_seq(); ++seq) {
      reply.actions.emplace_back(log.At(seq)->Json());
    }
  }
  outgoing_.push_back(std::move(reply));
}

void HubThread::Run(ResyncPathsCommand& command) {
  context_.resync_paths_json = std::move(command.json);
  // In the router's order, each behind its prefixes: the bits of a module stand
  // together.
  if (!command.paths.empty()) (void)context_.paths.Declare("*");
  for (const std::string_view path : command.paths) {
    for (size_t dot = path.find('.'); dot != std::string_view::npos;
         dot = path.find('.', dot + 1)) {
      (void)context_.paths.Declare(path.substr(0, dot));
    }
    (void)context_.paths.Declare(path);
  }
}

void HubThread::OnGone(Subscription* subscription) {
  auto* connection = static_cast<Connection*>(subscription);
  if (connection->doomed) return;
  connection->doomed = true;
  doomed_.push_back(connection);
}

void HubThread::OnBlocked(Subscription* subscription) {
  auto* connection = static_cast<Connection*>(subscription);
  if (connection->watched_slow) return;
  connection->watched_slow = true;
  slow_.push_back(connection);
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
  reply.company = connection->channel().company();
  reply.user = connection->user();
  Notify(std::move(reply));
}

}  // namespace pathcast
