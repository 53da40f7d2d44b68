#include "core/channel.h"

#include <algorithm>
#include <cassert>

#include "core/cursor.h"
#include "core/shrink.h"

namespace pathcast {

namespace {

// A window that an import has blown up gives its memory back: memory_test.cc.
constexpr size_t kKeptWindowCapacity = 256;
constexpr size_t kMuch = 4;

}  // namespace

void Channel::Append(Context& context, EntryRef entry) {
  window_bytes_ += entry->counted_bytes;
  context.metrics->window_bytes.Add(entry->counted_bytes);
  window_.push_back(std::move(entry));
}

void Channel::Publish(Context& context, EntryRef entry, uint64_t call) {
  if (call != call_) {
    call_ = call;
    call_from_ = window_end();
    call_count_ = 0;
  }
  moved_.store(++context.moment, std::memory_order_relaxed);
  log_.Append(entry);
  context.metrics->log_actions.Add(1);
  context.metrics->log_bytes.Add(entry->Json().size());
  // Fixed here: a transformed frame made later must not unbalance the count.
  entry->counted_bytes = static_cast<uint32_t>(entry->Bytes());
  Append(context, std::move(entry));
  TrimLog(context);
  if (++call_count_ <= context.options.compact_after) return;
  if (imports_.empty() || imports_.back().from != call_from_) {
    imports_.emplace_back().from = call_from_;
  }
  imports_.back().to = window_end();
}

void Channel::PublishEphemeral(Context& context, EntryRef entry) {
  entry->counted_bytes = static_cast<uint32_t>(entry->Bytes());
  Append(context, std::move(entry));
}

void Channel::Load(Context& context, EntryRef entry) {
  context.metrics->log_actions.Add(1);
  context.metrics->log_bytes.Add(entry->Json().size());
  moved_.store(++context.moment, std::memory_order_relaxed);
  log_.Append(std::move(entry));
  TrimLog(context);
}

std::optional<uint64_t> Channel::SeqAsOf(const Context& context,
                                         uint64_t moment) const {
  if (log_.unread() || begun_ > moment) return std::nullopt;
  // The head first: what has moved it, and counted it, stands before it.
  const uint64_t head = log_.head_seq();
  if (moved_.load(std::memory_order_relaxed) <= moment) return head;
  // Each action since has been counted, those of others with them.
  const uint64_t since = context.moment.load() - moment;
  return head > since ? head - since : 0;
}

void Channel::Rename(Context& context, std::string epoch,
                     std::vector<FormerEpoch> former) {
  const MutexLock lock(&context.positions_mu);
  log_.Rename(std::move(epoch), std::move(former));
  // They say the old name.
  pings_.reset();
}

void Channel::Restart(Context& context, LogLife life) {
  context.metrics->log_actions.Sub(log_.size());
  context.metrics->log_bytes.Sub(log_.bytes());
  {
    const MutexLock lock(&context.positions_mu);
    log_.Restart(std::move(life));
    NoteBegun(context);
  }
  pings_.reset();
  // An import ends where a log ends.
  call_ = 0;
}

void Channel::Renew(Context& context, Reason reason) {
  // Its place in the window; the text is each dialect's own.
  EntryRef place = EntryBuilder::Ephemeral(log_.epoch(), log_.head_seq(),
                                           {"{}", {}, {}, {}});
  PublishEphemeral(context, std::move(place));
  renewed_ = window_end();
  renewal_ = reason;
  pings_.reset();
}

Piece Channel::RenewalPiece(const Context& context,
                            const Dialect& dialect) const {
  Piece piece;
  std::string id;
  AppendCursor(&id, log_.epoch(), WindowAt(renewed_ - 1)->cursor_seq);
  AppendMessage(
      &piece.own, dialect, context.wrap, id,
      ResyncJson(log_.SafeNowMs(context.now_ms), context.resync_paths_json,
                 renewal_, context.SpreadMs(size())));
  WrapInChunk(&piece.own, 0, dialect.framing);
  piece.resync = renewal_;
  // Until it has left the stream is at no place of this log.
  piece.safe_ms = 0;
  return piece;
}

Import* Channel::NextImport(uint64_t pos) {
  for (Import& import : imports_) {
    if (import.to > pos) return &import;
  }
  return nullptr;
}

void Channel::TrimLog(Context& context) { Trim(context, context.options.log); }

void Channel::ShrinkLog(Context& context, uint64_t max_bytes) {
  LogLimits limits = context.options.log;
  limits.max_bytes = std::min(limits.max_bytes, max_bytes);
  Trim(context, limits);
}

void Channel::Trim(Context& context, const LogLimits& limits) {
  const uint64_t bytes_before = log_.bytes();
  const size_t size_before = log_.size();
  log_.Trim(limits, context.now_ms);
  context.metrics->log_actions.Sub(size_before - log_.size());
  context.metrics->log_bytes.Sub(bytes_before - log_.bytes());
  if (log_.size() == 0 && window_.empty() && subscriptions_.empty()) {
    names_.reset();
  }
}

uint32_t Channel::PathId(const Context& context, std::string_view path) {
  if (names_ == nullptr) names_ = std::make_unique<ChannelNames>();
  const uint32_t id = names_->paths.Intern(path);
  // A tenant that names things without end still tells its queries apart.
  if (id != NameTable::kOverflow || !context.router_paths.contains(path)) {
    return id;
  }
  return names_->paths.Declare(path);
}

uint32_t Channel::ModuleId(std::string_view module) {
  if (names_ == nullptr) names_ = std::make_unique<ChannelNames>();
  return names_->modules.Intern(module);
}

size_t Channel::TableBytes() const {
  size_t bytes = log_.TableBytes() + window_.capacity() * sizeof(EntryRef) +
                 imports_.capacity() * sizeof(Import) +
                 subscriptions_.capacity() * sizeof(Subscription*);
  if (names_ != nullptr) {
    bytes +=
        sizeof(ChannelNames) + names_->paths.Bytes() + names_->modules.Bytes();
  }
  return bytes;
}

void Channel::Retire(Context& context) {
  context.metrics->log_actions.Sub(log_.size());
  context.metrics->log_bytes.Sub(log_.bytes());
  context.metrics->window_bytes.Sub(window_bytes_);
  window_bytes_ = 0;
}

void Channel::Add(Subscription* subscription) {
  subscription->index = static_cast<uint32_t>(subscriptions_.size());
  subscriptions_.push_back(subscription);
}

void Channel::Remove(Subscription* subscription) {
  size_t hole = subscription->index;
  assert(hole < subscriptions_.size() && subscriptions_[hole] == subscription);
  auto fill = [this](size_t to, size_t from) {
    subscriptions_[to] = subscriptions_[from];
    subscriptions_[to]->index = static_cast<uint32_t>(to);
  };
  if (passing_ && hole < next_visit_) {
    // The last one is not visited yet, so it may not move in front of the mark:
    // a visited one fills the hole and the last one takes that one's place.
    --next_visit_;
    fill(hole, next_visit_);
    hole = next_visit_;
  }
  // The last one itself is not a filling: it may stand before the mark already.
  if (hole + 1 < subscriptions_.size()) fill(hole, subscriptions_.size() - 1);
  subscriptions_.pop_back();
  if (subscriptions_.empty()) {
    ShrinkToFit(&subscriptions_);
    pings_.reset();
  }
}

uint64_t Channel::SeqBefore(uint64_t pos) const {
  if (pos >= window_end()) return log_.head_seq();
  const Entry& entry = *WindowAt(pos);
  return entry.is_action() ? entry.seq - 1 : entry.cursor_seq;
}

std::string Channel::CursorBefore(uint64_t pos) const {
  if (pos < renewed_) return std::string(kNowhereCursor);
  std::string cursor;
  AppendCursor(&cursor, log_.epoch(), SeqBefore(pos));
  return cursor;
}

std::string_view Channel::PingAt(const Context& context, const Dialect& dialect,
                                 uint64_t pos) {
  if (pings_ == nullptr) {
    pings_ = std::make_unique<std::array<Ping, 2 * kFramingCount>>();
  }
  Ping& ping = (*pings_)[2 * static_cast<size_t>(dialect.framing) +
                         (dialect.ids ? 1 : 0)];
  // One that has still to be told of a new log is at no place of it.
  const bool outdated = pos < renewed_;
  uint64_t seq = UINT64_MAX - 1;
  if (!outdated) seq = dialect.ids ? SeqBefore(pos) : 0;
  const int64_t safe_ms = SafeMs(pos, context.now_ms);
  if (seq != ping.seq || safe_ms != ping.safe_ms) {
    std::string id;
    if (!outdated) AppendCursor(&id, log_.epoch(), seq);
    ping.text.clear();
    AppendPing(&ping.text, dialect, id, safe_ms);
    WrapInChunk(&ping.text, 0, dialect.framing);
    ping.seq = seq;
    ping.safe_ms = safe_ms;
  }
  return ping.text;
}

bool Channel::RunSlice(Context& context, const SliceBudget& budget) {
  if (window_.empty()) return true;
  // Some streams are past what came so far: an import begins behind it.
  call_ = 0;
  if (!passing_) {
    passing_ = true;
    next_visit_ = 0;
    pass_target_ = window_end();
  }
  const uint64_t written = context.metrics->bytes.Get();
  for (size_t visits = 0; next_visit_ < subscriptions_.size();) {
    if (next_visit_ + 4 < subscriptions_.size()) {
      __builtin_prefetch(subscriptions_[next_visit_ + 4]);
    }
    subscriptions_[next_visit_++]->Visit(context, *this);
    if (++visits == budget.visits ||
        context.metrics->bytes.Get() - written >= budget.bytes) {
      break;
    }
    // Those that write nothing cost less than a look at the clock.
    if (visits % 4 == 0 && context.clock->NowUs() >= budget.until_us) break;
  }
  if (next_visit_ < subscriptions_.size()) return false;
  FinishPass(context);
  return window_.empty();
}

void Channel::FinishPass(Context& context) {
  passing_ = false;
  const int64_t now = context.clock->NowUs();
  const auto done = static_cast<size_t>(pass_target_ - window_begin_);
  uint64_t bytes = 0;
  for (size_t i = 0; i < done; ++i) {
    bytes += window_[i]->counted_bytes;
    if (window_[i]->is_action() && !subscriptions_.empty()) {
      context.metrics->publish_to_written.Record(now -
                                                 window_[i]->published_us);
    }
  }
  window_bytes_ -= bytes;
  context.metrics->window_bytes.Sub(bytes);
  window_.erase(window_.begin(),
                window_.begin() + static_cast<std::ptrdiff_t>(done));
  window_begin_ = pass_target_;
  std::erase_if(imports_, [this](const Import& import) {
    return import.to <= window_begin_;
  });
  if (imports_.empty()) ShrinkToFit(&imports_);
  if (window_.capacity() > kKeptWindowCapacity &&
      window_.capacity() > kMuch * window_.size()) {
    ShrinkToFit(&window_);
  }
}

}  // namespace pathcast
