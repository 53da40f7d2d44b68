// One stream's place in its tenant: a position in the delivery window, a
// filter, a sink, and, while the sink is slow, a bounded backlog that
// conflates.
//
// Owner: the engine's connection. Thread: hub thread. Lives until its owner
// removes it from the channel; a sink that fails is only reported, never
// destroyed from inside.
//
// Invariants:
//   1. What has been offered is written, in the backlog, absorbed by its
//      stretch, or filtered out.
//   2. After each call the backlog's whole pieces are at most
//      connection_cap_bytes. Besides them it may hold one piece whose first
//      bytes have left, and one that stands for no action or for the stretch
//      whose turn it is: that one may be longer than the cap.
//   3. Pieces that stand for no action (the opening) come first; the others
//      are in the order of their seqs, so any tail of them can conflate.
#ifndef PATHCAST_CORE_SUBSCRIPTION_H_
#define PATHCAST_CORE_SUBSCRIPTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/context.h"
#include "core/entry.h"
#include "core/filter.h"
#include "core/piece.h"
#include "core/sink.h"
#include "core/stretch.h"
#include "core/wire.h"

namespace pathcast {

class Channel;
struct Import;

// Something that a subscription met and that its owner should hear of.
// `value`: how many actions conflated; the Reason of the resync.
enum class SubscriptionNotice : uint8_t { kConflated, kResync };

class Subscription;

// The owner's ear. Called in the middle of a write: it may only note what
// happened.
class SubscriptionObserver {
 public:
  virtual ~SubscriptionObserver() = default;
  virtual void OnGone(Subscription* subscription) = 0;
  virtual void OnBlocked(Subscription* subscription) = 0;
  virtual void OnNotice(Subscription* subscription, SubscriptionNotice notice,
                        uint64_t value) = 0;
};

class Subscription {
 public:
  Subscription(Sink* sink, Dialect dialect, std::unique_ptr<Filter> filter)
      : sink_(sink), filter_(std::move(filter)), dialect_(dialect) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Writes the opening (head, hello, catch-up) and joins the window at `pos`.
  void Start(Context& context, Channel& channel, std::vector<Piece> opening,
             uint64_t pos);

  // Offers everything in the channel's window from pos() on: each action by
  // itself, an import as one invalidate.
  void Visit(Context& context, Channel& channel);

  void OnWritable(Context& context, Channel& channel);

  // A heartbeat: skipped, and false, while there is a backlog. REQUIRES:
  // started.
  bool WriteUnlessSlow(Context& context, std::string_view message);

  // It is about to be closed, by its owner's budget: from now on it is offered
  // nothing. What waits already may still go out.
  void Leave(const Context& context, const Channel& channel);
  // The cursor of the newest action that it has been offered; of no log where
  // it has still to be told that another one has begun.
  std::string Cursor(const Channel& channel) const;

  // A last message before the end; lost if another message is half written.
  void WriteLast(Context& context, std::string_view message);

  // Gives its share of the gauges back. Call before destruction.
  void Retire(Context& context);

  // `entry` is of `channel`, the one that the subscription is in.
  bool Passes(const Channel& channel, const Entry& entry) const {
    return filter_ == nullptr || !(entry.is_action() || entry.told) ||
           PassesFilter(channel, entry);
  }
  std::string_view FrameOf(Entry& entry, const Context& context) const {
    return entry.Frame(
        dialect_.ids && (entry.is_action() || dialect_.trpc || entry.told),
        dialect_.transformed, dialect_.framing, context.wrap);
  }

  // A time from which a resume (inclusive) loses nothing that this stream has
  // not been sent in full. What the hub says by itself (`ping`, `server_close`)
  // carries it: a client may store the timestamp of any event.
  int64_t SafeMs(const Context& context, const Channel& channel) const;

  const Dialect& dialect() const { return dialect_; }
  // Null: everything passes.
  const Filter* filter() const { return filter_.get(); }
  uint64_t pos() const { return pos_; }
  bool slow() const { return backlog_ != nullptr; }
  bool gone() const { return gone_; }
  bool leaving() const { return left_ != nullptr; }
  // Its opening was written or waits to be: until then it is offered nothing.
  bool started() const { return started_; }
  int64_t last_write_ms() const { return last_write_ms_; }
  // The same, for who asks later; as long as this lives.
  const int64_t* last_write_at() const { return &last_write_ms_; }
  uint64_t backlog_bytes() const { return backlog_ ? backlog_->bytes : 0; }
  // Without a piece that is half written: what the cap bounds.
  uint64_t whole_backlog_bytes() const {
    return backlog_ != nullptr ? WholeBytes() : 0;
  }
  // REQUIRES: slow(). When the sink last took a byte of the backlog, or the
  // backlog began (Context::steady_ms).
  int64_t stalled_since_ms() const { return backlog_->progress_ms; }

  // Channel only: its index there.
  uint32_t index = 0;

 private:
  struct Backlog {
    std::vector<Piece> pieces;
    size_t first = 0;         // index of the first unfinished piece
    size_t offset = 0;        // its bytes that have left
    uint64_t bytes = 0;       // not yet written, a half-written piece included
    int64_t progress_ms = 0;  // when it came to be, or last lost a byte; steady
    std::unique_ptr<Stretch> stretch;  // set: everything new joins it
  };

  // Of the position of one that leaves, which the window may have let go of.
  struct Left {
    std::string cursor;
    int64_t safe_ms;
  };

  bool PassesFilter(const Channel& channel, const Entry& entry) const;
  int64_t Write(Context& context, const IoVec* parts, size_t count);
  void Block(Context& context);
  void AwaitWritable(Context& context);
  void OfferEntries(Context& context, Channel& channel, uint64_t end);
  void OfferImport(Context& context, Channel& channel, Import& import);
  void OfferRenewal(Context& context, Channel& channel);
  // The pieces that stand for actions leave the backlog, but one whose first
  // bytes have left.
  template <class Taken>
  void TakeActions(Context& context, Taken taken);
  // Nothing of the log that went before goes out any more.
  void DropActions(Context& context);
  void Push(Context& context, Piece piece);
  void Enqueue(Context& context, const Channel& channel, const EntryRef& entry);
  void EnqueueTold(Context& context, const EntryRef& entry);
  bool Fits(const Context& context, const Piece& piece) const;
  void Hold(Context& context, Piece piece);
  void Conflate(Context& context, const Piece* newcomer);
  void Flush(Context& context, Channel& channel);
  void OnLeft(Context& context, const Piece& piece);
  void Unblock(Context& context);
  uint64_t WholeBytes() const;

  // Set at construction.
  Sink* const sink_;
  const std::unique_ptr<Filter> filter_;
  const Dialect dialect_;
  bool gone_ = false;
  bool started_ = false;
  uint64_t pos_ = 0;
  int64_t last_write_ms_ = 0;
  std::unique_ptr<Backlog> backlog_;
  // Set once it leaves.
  std::unique_ptr<const Left> left_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_SUBSCRIPTION_H_
