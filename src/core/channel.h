// One tenant: its log, its subscriptions, and the window of entries that some
// of them have not been offered yet.
//
// Owner: the hub. Thread: hub thread. Lives while it has subscriptions, or
// until it is the longest idle one and the hub remembers too many.
//
// A fan-out is a pass over the subscriptions, cut into slices so that one
// tenant's ten thousand streams do not hold up another tenant's one. Each visit
// offers everything up to the window's current end, so events that arrive
// during a pass leave together in one write.
//
// Invariants:
//   1. After a completed pass each subscription's pos is at or after the
//   window's end at its start.
//   2. The window holds [window_begin, window_end); everything before it has
//   been offered to all.
#ifndef PATHCAST_CORE_CHANNEL_H_
#define PATHCAST_CORE_CHANNEL_H_

#include <array>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/action_log.h"
#include "core/context.h"
#include "core/import.h"
#include "core/instances.h"
#include "core/name_table.h"
#include "core/piece.h"
#include "core/subscription.h"

namespace pathcast {

// What one slice of a pass may take; the next tenant's turn comes when any of
// it is spent. In bytes and time, for what a visit costs depends on the window.
struct SliceBudget {
  uint64_t bytes = UINT64_MAX;
  // By Context::clock.
  int64_t until_us = INT64_MAX;
  size_t visits = SIZE_MAX;
};

// Names a tenant is told apart by in unions. Beyond it a union with a newcomer
// means "everything".
inline constexpr uint32_t kMaxPathNames = 65'536;
inline constexpr uint32_t kMaxModules = 4'096;

struct ChannelNames {
  NameTable paths{kMaxPathNames};
  NameTable modules{kMaxModules};
};

class Channel {
 public:
  Channel(std::string tenant, std::string epoch, int64_t born_ms)
      : tenant_(std::move(tenant)), log_(std::move(epoch), born_ms) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  const std::string& tenant() const { return tenant_; }
  const ActionLog& log() const { return log_; }
  ActionLog& log() { return log_; }
  // [any thread] under Context::positions_mu. What the log had at that value of
  // Context::moment, or a little less; none: the log has begun since, or it is
  // not known.
  std::optional<uint64_t> SeqAsOf(const Context& context,
                                  uint64_t moment) const;
  // The log begins. [any thread] must not know of the channel yet, or
  // Context::positions_mu is held.
  void NoteBegun(Context& context) { begun_ = ++context.moment; }
  Instances& instances() { return instances_; }

  // Appends to the log and the window. `call` tells publish calls apart: more
  // than compact_after actions of one are an import. REQUIRES: entry is an
  // action made for head_seq() + 1; the actions of one call come in a row.
  void Publish(Context& context, EntryRef entry, uint64_t call);
  void PublishEphemeral(Context& context, EntryRef entry);

  // Of a mirror. Appends to the log alone: its streams know already, or are
  // told otherwise. REQUIRES: as of Publish.
  void Load(Context& context, EntryRef entry);
  void Rename(Context& context, std::string epoch,
              std::vector<FormerEpoch> former);
  // Another log, or a later stretch of it, in the log's place. What the streams
  // were still to be offered is gone; Renew tells them.
  void Restart(Context& context, LogLife life);
  // Each stream that is open gets one `resync`, in its turn of the next pass,
  // with the cursor of the log's head now.
  void Renew(Context& context, Reason reason);
  // Positions before it are of the log that went before; 0: there was none.
  uint64_t renewed() const { return renewed_; }
  // REQUIRES: some subscription's pos is before renewed().
  Piece RenewalPiece(const Context& context, const Dialect& dialect) const;

  // By the hub's limits; ShrinkLog by fewer bytes as well.
  // Also gives back what nothing needs any more: of an idle channel whose log
  // is empty, all but the log's identity.
  void TrimLog(Context& context);
  void ShrinkLog(Context& context, uint64_t max_bytes);

  // The names of its actions. REQUIRES: an action is kept, in the window or in
  // some backlog.
  const ChannelNames& names() const {
    assert(names_ != nullptr);
    return *names_;
  }
  // Ids for an action that is about to be published.
  uint32_t PathId(const Context& context, std::string_view path);
  uint32_t ModuleId(std::string_view module);

  // Heap bytes of its own tables, without entries and subscriptions, estimated.
  size_t TableBytes() const;

  // Gives its share of the gauges back. Call before destruction.
  void Retire(Context& context);

  void Add(Subscription* subscription);
  void Remove(Subscription* subscription);
  size_t size() const { return subscriptions_.size(); }
  Subscription* at(size_t i) const {
    assert(i < subscriptions_.size());
    return subscriptions_[i];
  }

  uint64_t window_end() const { return window_begin_ + window_.size(); }
  const EntryRef& WindowAt(uint64_t pos) const {
    return window_[pos - window_begin_];
  }
  // The import that begins first at or after `pos`, which is not inside one;
  // null if there is none.
  Import* NextImport(uint64_t pos);

  // The newest seq that a subscription at `pos` has been offered. REQUIRES: pos
  // >= renewed().
  uint64_t SeqBefore(uint64_t pos) const;
  // The same as a cursor; of no log before renewed().
  std::string CursorBefore(uint64_t pos) const;

  // A time from which a resume loses nothing that a subscription at `pos` has
  // not been offered.
  int64_t SafeMs(uint64_t pos, int64_t now_ms) const {
    if (pos < renewed_) return 0;
    return pos < window_end() ? WindowAt(pos)->arrived_ms
                              : log_.SafeNowMs(now_ms);
  }

  // The heartbeat of a subscription at `pos`; encoded once per position and ms.
  std::string_view PingAt(const Context& context, const Dialect& dialect,
                          uint64_t pos);

  bool needs_pass() const { return !window_.empty(); }

  // Visits subscriptions until the budget is spent, one at least. True when
  // nothing is left to offer.
  bool RunSlice(Context& context, const SliceBudget& budget);

  // Scheduler only: it is in the fan-out queue; its window has the beginning of
  // a publish call whose rest is still to come.
  bool queued = false;
  bool held = false;
  // Channels only: its places in the idle list and in the ring of all.
  bool idle = false;
  std::list<Channel*>::iterator idle_place;
  Channel* ring_previous = this;
  Channel* ring_next = this;

 private:
  void Append(Context& context, EntryRef entry);
  void Trim(Context& context, const LogLimits& limits);
  void FinishPass(Context& context);

  const std::string tenant_;
  ActionLog log_;
  Instances instances_;
  // Made for the first action.
  std::unique_ptr<ChannelNames> names_;
  std::vector<Subscription*> subscriptions_;

  // What has not been offered to all.
  std::vector<EntryRef> window_;
  uint64_t window_begin_ = 0;
  uint64_t window_bytes_ = 0;
  // In the window, in order.
  std::vector<Import> imports_;

  // Window position behind the newest renewal, and what it says.
  uint64_t renewed_ = 0;
  // Of Context::moment: when the log began, under Context::positions_mu, and
  // got the last that it got.
  uint64_t begun_ = 0;
  std::atomic<uint64_t> moved_{0};
  Reason renewal_ = Reason::kEpochChanged;

  // The publish call under way.
  uint64_t call_ = 0;
  // Window position of its first action.
  uint64_t call_from_ = 0;
  uint64_t call_count_ = 0;

  // The pass under way.
  bool passing_ = false;
  // Subscriptions before it have been visited.
  size_t next_visit_ = 0;
  // Window end when the pass began.
  uint64_t pass_target_ = 0;

  struct Ping {
    std::string text;
    uint64_t seq = UINT64_MAX;
    int64_t safe_ms = 0;
  };
  // By framing, without id and with; made for the first one, gone with the last
  // subscription.
  std::unique_ptr<std::array<Ping, 2 * kFramingCount>> pings_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_CHANNEL_H_
