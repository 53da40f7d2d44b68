#include "core/subscription.h"

#include <algorithm>
#include <cassert>

#include "core/channel.h"
#include "core/cursor.h"

namespace pathcast {

void Absorb(Stretch* stretch, const Entry& entry) {
  stretch->Add(entry.seq, entry.paths, entry.module);
}

bool AppendStretch(const Context& context, const Channel& channel,
                   const Dialect& dialect, const Stretch& stretch,
                   std::string* out) {
  const uint64_t max_bytes = std::min(context.options.max_invalidate_bytes,
                                      context.options.connection_cap_bytes);
  std::string json;
  const bool fits = EncodeInvalidate(stretch, context.paths, context.modules,
                                     context.now_ms, max_bytes, &json);
  if (!fits)
    json = ResyncJson(context.now_ms, context.resync_paths_json,
                      Reason::kOverflow);
  std::string id;
  AppendCursor(&id, channel.log().epoch(), stretch.to);
  AppendMessage(out, dialect, context.wrap, id, json);
  return !fits;
}

int64_t Subscription::Write(Context& context, const Slice* slices,
                            size_t count) {
  const int64_t took = sink_->Write(slices, count);
  if (took < 0) {
    gone_ = true;
    context.observer->OnGone(this);
    return took;
  }
  context.metrics->writes.Add(1);
  context.metrics->bytes.Add(static_cast<uint64_t>(took));
  if (took > 0) last_write_ms_ = context.now_ms;
  return took;
}

void Subscription::Start(Context& context, Channel& channel,
                         std::vector<Piece> opening, uint64_t pos) {
  pos_ = pos;
  last_write_ms_ = context.now_ms;
  Block(context);
  for (Piece& piece : opening) Push(context, std::move(piece));
  Flush(context, channel);
}

void Subscription::Visit(Context& context, Channel& channel) {
  const uint64_t end = channel.window_end();
  if (gone_) {
    pos_ = end;
    return;
  }
  if (backlog_ == nullptr && channel.bulk_end() > pos_ &&
      end - pos_ > context.options.compact_after) {
    Compact(context, channel);
    return;
  }
  Slice slices[Sink::kMaxSlices];
  uint64_t at[Sink::kMaxSlices];
  while (pos_ < end && backlog_ == nullptr) {
    size_t count = 0;
    uint64_t total = 0;
    while (pos_ < end && count < Sink::kMaxSlices) {
      const EntryRef& entry = channel.WindowAt(pos_);
      if (Passes(*entry)) {
        const std::string_view frame = FrameOf(*entry, context);
        slices[count] = {frame.data(), frame.size()};
        at[count++] = pos_;
        total += frame.size();
      }
      ++pos_;
    }
    if (count == 0) break;
    const int64_t took = Write(context, slices, count);
    if (took < 0) {
      pos_ = end;
      return;
    }
    uint64_t left = static_cast<uint64_t>(took);
    uint64_t whole = 0;
    for (size_t i = 0; i < count; ++i) {
      const EntryRef& entry = channel.WindowAt(at[i]);
      if (left >= slices[i].size) {
        left -= slices[i].size;
        whole += entry->is_action() ? 1 : 0;
        continue;
      }
      if (backlog_ == nullptr) Block(context);
      if (left > 0) {
        Push(context, Piece{entry, {}, {slices[i].data, slices[i].size}});
        backlog_->offset = left;
        backlog_->bytes -= left;
        context.metrics->backlog_bytes.Sub(left);
        left = 0;
      } else {
        Enqueue(context, entry);
      }
    }
    context.metrics->deliveries.Add(whole);
    if (backlog_ != nullptr) AwaitWritable(context);
  }
  for (; pos_ < end; ++pos_) Enqueue(context, channel.WindowAt(pos_));
}

// An import is on its way: one invalidate instead of its many actions.
void Subscription::Compact(Context& context, Channel& channel) {
  Stretch stretch;
  const uint64_t end = channel.window_end();
  std::vector<Piece> ephemerals;
  for (; pos_ < end; ++pos_) {
    const EntryRef& entry = channel.WindowAt(pos_);
    if (!entry->is_action()) {
      ephemerals.push_back(Piece{entry, {}, FrameOf(*entry, context)});
    } else if (Passes(*entry)) {
      Absorb(&stretch, *entry);
    }
  }
  if (stretch.count == 0 && ephemerals.empty()) return;
  Block(context);
  if (stretch.count > 0) {
    context.metrics->compactions.Add(1);
    Push(context, StretchPiece(context, channel, stretch));
  }
  for (Piece& piece : ephemerals) Enqueue(context, piece.entry);
  Flush(context, channel);
}

Piece Subscription::StretchPiece(Context& context, Channel& channel,
                                 const Stretch& stretch) {
  Piece piece;
  if (AppendStretch(context, channel, dialect_, stretch, &piece.own)) {
    context.metrics->resyncs[static_cast<size_t>(Reason::kOverflow)].Add(1);
    context.observer->OnNotice(this, SubscriptionNotice::kResync,
                               stretch.count);
  }
  return piece;
}

void Subscription::OnWritable(Context& context, Channel& channel) {
  if (gone_) return;
  if (backlog_ == nullptr) {
    sink_->WantWritable(false);
    return;
  }
  Flush(context, channel);
}

bool Subscription::WriteUnlessSlow(Context& context, std::string_view message) {
  if (gone_ || backlog_ != nullptr) return false;
  const Slice slice{message.data(), message.size()};
  const int64_t took = Write(context, &slice, 1);
  if (took < 0) return false;
  const auto done = static_cast<uint64_t>(took);
  if (done == message.size()) return true;
  if (done == 0) return false;  // nothing has left: a heartbeat can be dropped
  Block(context);
  Push(context, Piece{{}, std::string(message), {}});
  backlog_->offset = done;
  backlog_->bytes -= done;
  context.metrics->backlog_bytes.Sub(done);
  AwaitWritable(context);
  return true;
}

void Subscription::WriteLast(Context& context, std::string_view message) {
  if (gone_ || (backlog_ != nullptr && backlog_->offset > 0)) return;
  const Slice slice{message.data(), message.size()};
  (void)Write(context, &slice, 1);
}

void Subscription::Block(Context& context) {
  assert(backlog_ == nullptr);
  backlog_ = std::make_unique<Backlog>();
  backlog_->progress_ms = context.now_ms;
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

void Subscription::Enqueue(Context& context, const EntryRef& entry) {
  if (!entry->is_action()) {
    context.metrics->ephemerals_dropped.Add(1);
    return;
  }
  if (!Passes(*entry)) return;
  if (backlog_->stretch != nullptr) {
    Absorb(backlog_->stretch.get(), *entry);
    return;
  }
  const std::string_view frame = FrameOf(*entry, context);
  // A half-written piece is in the kernel's hands already: it is not part of
  // the cap.
  uint64_t held = backlog_->bytes;
  if (backlog_->offset > 0) {
    held -= backlog_->pieces[backlog_->first].bytes().size() - backlog_->offset;
  }
  if (held + frame.size() > context.options.connection_cap_bytes) {
    Conflate(context);
    Absorb(backlog_->stretch.get(), *entry);
    return;
  }
  Push(context, Piece{entry, {}, frame});
}

void Subscription::Conflate(Context& context) {
  Backlog& backlog = *backlog_;
  backlog.stretch = std::make_unique<Stretch>();
  std::vector<Piece> kept;
  for (size_t i = backlog.first; i < backlog.pieces.size(); ++i) {
    Piece& piece = backlog.pieces[i];
    const bool half_written = i == backlog.first && backlog.offset > 0;
    if (half_written || !piece.entry) {
      kept.push_back(std::move(piece));
      continue;
    }
    const size_t size = piece.bytes().size();
    backlog.bytes -= size;
    context.metrics->backlog_bytes.Sub(size);
    Absorb(backlog.stretch.get(), *piece.entry);
  }
  backlog.pieces = std::move(kept);
  backlog.first = 0;
  context.metrics->conflations.Add(1);
  context.observer->OnNotice(this, SubscriptionNotice::kConflated,
                             backlog.stretch->count + 1);
}

void Subscription::Flush(Context& context, Channel& channel) {
  Slice slices[Sink::kMaxSlices];
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
      const std::unique_ptr<Stretch> stretch = std::move(backlog.stretch);
      Push(context, StretchPiece(context, channel, *stretch));
    }
    size_t count = 0;
    uint64_t total = 0;
    for (size_t i = backlog.first;
         i < backlog.pieces.size() && count < Sink::kMaxSlices; ++i) {
      std::string_view bytes = backlog.pieces[i].bytes();
      if (i == backlog.first) bytes.remove_prefix(backlog.offset);
      slices[count++] = {bytes.data(), bytes.size()};
      total += bytes.size();
    }
    const int64_t took = Write(context, slices, count);
    if (took < 0) return;
    backlog.bytes -= static_cast<uint64_t>(took);
    context.metrics->backlog_bytes.Sub(static_cast<uint64_t>(took));
    if (took > 0) backlog.progress_ms = context.now_ms;
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
      if (piece.entry && piece.entry->is_action())
        context.metrics->deliveries.Add(1);
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
