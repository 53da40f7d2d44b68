#include "core/subscription.h"

#include <algorithm>
#include <cassert>

#include "core/channel.h"
#include "core/cursor.h"

namespace pathcast {

bool Subscription::PassesFilter(const Channel& channel,
                                const Entry& entry) const {
  return filter_->Passes(entry, channel.names().paths);
}

int64_t Subscription::Write(Context& context, const IoVec* parts,
                            size_t count) {
  const int64_t took = sink_->Write(parts, count);
  if (took < 0) {
    gone_ = true;
    context.observer->OnGone(this);
    return took;
  }
  context.metrics->writes.Add(1);
  context.metrics->bytes.Add(static_cast<uint64_t>(took));
  if (took > 0) last_write_ms_ = context.steady_ms;
  return took;
}

void Subscription::Start(Context& context, Channel& channel,
                         std::vector<Piece> opening, uint64_t pos) {
  started_ = true;
  pos_ = pos;
  last_write_ms_ = context.steady_ms;
  Block(context);
  for (Piece& piece : opening) Push(context, std::move(piece));
  Flush(context, channel);
  // Only now is it known that the catch-up has to wait.
  if (!gone_ && backlog_ != nullptr &&
      WholeBytes() > context.options.connection_cap_bytes) {
    Conflate(context, nullptr);
  }
}

void Subscription::Leave(const Context& context, const Channel& channel) {
  if (leaving()) return;
  left_.reset(new Left{Cursor(channel), SafeMs(context, channel)});
}

std::string Subscription::Cursor(const Channel& channel) const {
  if (left_) return left_->cursor;
  return started_ ? channel.CursorBefore(pos_) : std::string(kNowhereCursor);
}

void Subscription::Visit(Context& context, Channel& channel) {
  const uint64_t end = channel.window_end();
  if (pos_ < channel.renewed()) OfferRenewal(context, channel);
  if (leaving() || !started_) pos_ = end;
  while (pos_ < end && !gone_) {
    Import* import = channel.NextImport(pos_);
    OfferEntries(context, channel, import != nullptr ? import->from : end);
    if (import != nullptr && !gone_) OfferImport(context, channel, *import);
  }
  pos_ = end;
}

void Subscription::OfferEntries(Context& context, Channel& channel,
                                uint64_t end) {
  IoVec parts[Sink::kMaxParts];
  uint64_t at[Sink::kMaxParts];
  while (pos_ < end && backlog_ == nullptr) {
    size_t count = 0;
    while (pos_ < end && count < Sink::kMaxParts) {
      const EntryRef& entry = channel.WindowAt(pos_);
      if (Passes(channel, *entry)) {
        const std::string_view frame = FrameOf(*entry, context);
        parts[count] = {frame.data(), frame.size()};
        at[count++] = pos_;
      }
      ++pos_;
    }
    if (count == 0) return;
    const int64_t took = Write(context, parts, count);
    if (took < 0) return;
    uint64_t left = static_cast<uint64_t>(took);
    uint64_t whole = 0;
    for (size_t i = 0; i < count; ++i) {
      const EntryRef& entry = channel.WindowAt(at[i]);
      if (left >= parts[i].size) {
        left -= parts[i].size;
        if (entry->is_action()) {
          ++whole;
        } else if (entry->told) {
          context.metrics->broker.told.Add(1);
        }
        continue;
      }
      if (backlog_ == nullptr) Block(context);
      if (left > 0) {
        Piece piece;
        piece.entry = entry;
        piece.frame = {parts[i].data, parts[i].size};
        Push(context, std::move(piece));
        backlog_->offset = left;
        backlog_->bytes -= left;
        context.metrics->backlog_bytes.Sub(left);
        left = 0;
      } else {
        Enqueue(context, channel, entry);
      }
    }
    context.metrics->deliveries.Add(whole);
    // An ephemeral event that found no room leaves no backlog behind.
    if (backlog_ != nullptr && backlog_->pieces.empty() &&
        backlog_->stretch == nullptr) {
      Unblock(context);
    }
    if (backlog_ != nullptr) AwaitWritable(context);
  }
  for (; pos_ < end; ++pos_) Enqueue(context, channel, channel.WindowAt(pos_));
}

void Subscription::OfferImport(Context& context, Channel& channel,
                               Import& import) {
  assert(pos_ >= import.from);
  // Later: it came while the import was still on its way here from a broker.
  const uint64_t from = std::exchange(pos_, import.to);
  Piece piece;
  if (filter_ == nullptr && from == import.from) {
    // The same for every stream without a filter, but for the dialect.
    if (import.all == nullptr) {
      auto all = std::make_shared<Stretch>();
      for (uint64_t pos = import.from; pos < import.to; ++pos) {
        all->Absorb(*channel.WindowAt(pos));
      }
      import.encoded = EncodeStretch(context, channel, *all);
      import.all = std::move(all);
    }
    piece =
        StretchPiece(context, channel, dialect_, import.all, import.encoded);
  } else {
    auto passing = std::make_shared<Stretch>();
    for (uint64_t pos = from; pos < import.to; ++pos) {
      const Entry& entry = *channel.WindowAt(pos);
      if (Passes(channel, entry)) passing->Absorb(entry);
    }
    if (passing->empty()) return;
    const StretchJson encoded = EncodeStretch(context, channel, *passing);
    piece =
        StretchPiece(context, channel, dialect_, std::move(passing), encoded);
  }
  piece.compaction = true;
  if (backlog_ != nullptr) return Hold(context, std::move(piece));
  Block(context);
  Push(context, std::move(piece));
  Flush(context, channel);
}

void Subscription::OfferRenewal(Context& context, Channel& channel) {
  const uint64_t at = channel.renewed();
  pos_ = at;
  if (!started_) return;
  if (backlog_ != nullptr) DropActions(context);
  if (leaving()) return;
  // Null, and so not slow, where nothing was left of the backlog.
  const bool was_slow = backlog_ != nullptr;
  if (!was_slow) Block(context);
  Push(context, channel.RenewalPiece(context, dialect_));
  if (!was_slow) Flush(context, channel);
}

template <class Taken>
void Subscription::TakeActions(Context& context, Taken taken) {
  Backlog& backlog = *backlog_;
  std::vector<Piece> kept;
  for (size_t i = backlog.first; i < backlog.pieces.size(); ++i) {
    Piece& piece = backlog.pieces[i];
    const bool half_written = i == backlog.first && backlog.offset > 0;
    if (half_written || !piece.stands_for_actions()) {
      kept.push_back(std::move(piece));
      continue;
    }
    const size_t size = piece.bytes().size();
    backlog.bytes -= size;
    context.metrics->backlog_bytes.Sub(size);
    taken(piece);
  }
  backlog.pieces = std::move(kept);
  backlog.first = 0;
}

void Subscription::DropActions(Context& context) {
  backlog_->stretch.reset();
  TakeActions(context, [](const Piece&) {});
  if (!backlog_->pieces.empty()) return;
  Unblock(context);
  sink_->WantWritable(false);
}

void Subscription::OnWritable(Context& context, Channel& channel) {
  if (gone_) return;
  // What waits is of a log that is gone.
  if (pos_ < channel.renewed()) OfferRenewal(context, channel);
  if (gone_) return;
  if (backlog_ == nullptr) {
    sink_->WantWritable(false);
    return;
  }
  Flush(context, channel);
}

bool Subscription::WriteUnlessSlow(Context& context, std::string_view message) {
  if (gone_ || leaving() || backlog_ != nullptr) return false;
  const IoVec part{message.data(), message.size()};
  const int64_t took = Write(context, &part, 1);
  if (took < 0) return false;
  const auto done = static_cast<uint64_t>(took);
  if (done == message.size()) return true;
  if (done == 0) return false;  // nothing has left: a heartbeat can be dropped
  Block(context);
  Piece piece;
  piece.own = message;
  Push(context, std::move(piece));
  backlog_->offset = done;
  backlog_->bytes -= done;
  context.metrics->backlog_bytes.Sub(done);
  AwaitWritable(context);
  return true;
}

void Subscription::WriteLast(Context& context, std::string_view message) {
  if (gone_ || (backlog_ != nullptr && backlog_->offset > 0)) return;
  const IoVec part{message.data(), message.size()};
  (void)Write(context, &part, 1);
}

int64_t Subscription::SafeMs(const Context& context,
                             const Channel& channel) const {
  if (left_) return left_->safe_ms;
  if (!started_) return 0;
  int64_t safe = channel.SafeMs(pos_, context.now_ms);
  if (backlog_ == nullptr) return safe;
  for (size_t i = backlog_->first; i < backlog_->pieces.size(); ++i) {
    safe = std::min(safe, backlog_->pieces[i].safe());
  }
  if (backlog_->stretch != nullptr) {
    safe = std::min(safe, backlog_->stretch->first_ms);
  }
  return safe;
}

void Subscription::Block(Context& context) {
  assert(backlog_ == nullptr);
  backlog_ = std::make_unique<Backlog>();
  backlog_->progress_ms = context.steady_ms;
  context.metrics->slow_sinks.Add(1);
}

void Subscription::AwaitWritable(Context& context) {
  sink_->WantWritable(true);
  context.observer->OnBlocked(this);
}

void Subscription::Unblock(Context& context) {
  context.metrics->slow_sinks.Sub(1);
  context.metrics->backlog_bytes.Sub(backlog_->bytes);
  backlog_.reset();
}

void Subscription::Retire(Context& context) {
  if (backlog_ != nullptr) Unblock(context);
}

void Subscription::Push(Context& context, Piece piece) {
  const size_t size = piece.bytes().size();
  backlog_->bytes += size;
  context.metrics->backlog_bytes.Add(size);
  backlog_->pieces.push_back(std::move(piece));
}

// A half-written piece is in the kernel's hands already: it is not part of the
// cap.
uint64_t Subscription::WholeBytes() const {
  const Backlog& backlog = *backlog_;
  if (backlog.offset == 0) return backlog.bytes;
  return backlog.bytes -
         (backlog.pieces[backlog.first].bytes().size() - backlog.offset);
}

void Subscription::Enqueue(Context& context, const Channel& channel,
                           const EntryRef& entry) {
  if (!entry->is_action() && !entry->told) {
    context.metrics->ephemerals_dropped.Add(1);
    return;
  }
  if (!Passes(channel, *entry)) return;
  if (entry->told) return EnqueueTold(context, entry);
  if (backlog_->stretch != nullptr) {
    backlog_->stretch->Absorb(*entry);
    return;
  }
  Piece piece;
  piece.entry = entry;
  piece.frame = FrameOf(*entry, context);
  Hold(context, std::move(piece));
}

// It stands for no place in the log, so it is in no count of a stretch. Where
// there is no room it is left out: the action follows.
void Subscription::EnqueueTold(Context& context, const EntryRef& entry) {
  if (backlog_->stretch != nullptr) {
    backlog_->stretch->AbsorbNames(*entry);
    return;
  }
  Piece piece;
  piece.entry = entry;
  piece.frame = FrameOf(*entry, context);
  if (!Fits(context, piece)) return;
  context.metrics->broker.told.Add(1);
  Push(context, std::move(piece));
}

bool Subscription::Fits(const Context& context, const Piece& piece) const {
  return WholeBytes() + piece.bytes().size() <=
         context.options.connection_cap_bytes;
}

void Subscription::Hold(Context& context, Piece piece) {
  if (backlog_->stretch != nullptr) {
    assert(!piece.entry);  // Enqueue has absorbed it
    backlog_->stretch->Join(*piece.covers);
  } else if (!Fits(context, piece)) {
    Conflate(context, &piece);
  } else {
    Push(context, std::move(piece));
  }
}

void Subscription::Conflate(Context& context, const Piece* newcomer) {
  Backlog& backlog = *backlog_;
  auto stretch = std::make_unique<Stretch>();
  auto absorb = [&](const Piece& piece) {
    if (piece.entry && piece.entry->told) {
      stretch->AbsorbNames(*piece.entry);
    } else if (piece.entry) {
      stretch->Absorb(*piece.entry);
    } else {
      stretch->Join(*piece.covers);
    }
  };
  TakeActions(context, absorb);
  if (newcomer != nullptr) absorb(*newcomer);
  if (stretch->empty()) return;  // nothing but a long opening
  context.metrics->conflations.Add(1);
  context.observer->OnNotice(this, SubscriptionNotice::kConflated,
                             stretch->count);
  backlog.stretch = std::move(stretch);
}

// Counts a piece whose last byte has left.
void Subscription::OnLeft(Context& context, const Piece& piece) {
  if (piece.entry && piece.entry->is_action()) {
    context.metrics->deliveries.Add(1);
  }
  if (piece.resync) {
    const auto reason = static_cast<size_t>(*piece.resync);
    context.metrics->resyncs[reason].Add(1);
    context.observer->OnNotice(this, SubscriptionNotice::kResync, reason);
  } else if (piece.compaction) {
    context.metrics->compactions.Add(1);
  }
}

void Subscription::Flush(Context& context, Channel& channel) {
  IoVec parts[Sink::kMaxParts];
  for (;;) {
    Backlog& backlog = *backlog_;
    if (backlog.first == backlog.pieces.size()) {
      backlog.pieces.clear();
      backlog.first = 0;
      if (backlog.stretch == nullptr) {
        Unblock(context);
        sink_->WantWritable(false);
        return;
      }
      std::shared_ptr<const Stretch> stretch = std::move(backlog.stretch);
      const StretchJson encoded = EncodeStretch(context, channel, *stretch);
      Push(context, StretchPiece(context, channel, dialect_, std::move(stretch),
                                 encoded));
    }
    size_t count = 0;
    uint64_t total = 0;
    for (size_t i = backlog.first;
         i < backlog.pieces.size() && count < Sink::kMaxParts; ++i) {
      std::string_view bytes = backlog.pieces[i].bytes();
      if (i == backlog.first) bytes.remove_prefix(backlog.offset);
      parts[count++] = {bytes.data(), bytes.size()};
      total += bytes.size();
    }
    const int64_t took = Write(context, parts, count);
    if (took < 0) return;
    backlog.bytes -= static_cast<uint64_t>(took);
    context.metrics->backlog_bytes.Sub(static_cast<uint64_t>(took));
    if (took > 0) backlog.progress_ms = context.steady_ms;
    auto left = static_cast<uint64_t>(took);
    while (left > 0) {
      Piece& piece = backlog.pieces[backlog.first];
      const uint64_t rest = piece.bytes().size() - backlog.offset;
      if (left < rest) {
        backlog.offset += left;
        break;
      }
      left -= rest;
      backlog.offset = 0;
      OnLeft(context, piece);
      piece = Piece{};
      ++backlog.first;
    }
    if (static_cast<uint64_t>(took) < total) {
      AwaitWritable(context);
      return;
    }
  }
}

}  // namespace pathcast
