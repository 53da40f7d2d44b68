// A whole SSE message on its way to one stream, and how a stretch becomes one.
//
// A value; hub thread only.
#ifndef PATHCAST_CORE_PIECE_H_
#define PATHCAST_CORE_PIECE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/context.h"
#include "core/entry.h"
#include "core/stretch.h"
#include "core/wire.h"

namespace pathcast {

class Channel;

// An entry's shared frame, or bytes of its own.
struct Piece {
  EntryRef entry;
  std::string own;
  // Of `entry`.
  std::string_view frame;
  // Of `own`, one `invalidate` or `resync`: the actions it stands for.
  std::shared_ptr<const Stretch> covers;
  // Of one that stands for no action: a time from which a resume loses nothing
  // while this has not left.
  int64_t safe_ms = INT64_MAX;
  // What to count once it has left.
  bool compaction = false;
  std::optional<Reason> resync;

  std::string_view bytes() const {
    return entry ? frame : std::string_view(own);
  }
  bool stands_for_actions() const { return entry || covers != nullptr; }
  int64_t safe() const {
    if (entry) return entry->arrived_ms;
    return covers != nullptr ? covers->first_ms : safe_ms;
  }
};

// REQUIRES: the stretch is of this channel, and not empty.
StretchJson EncodeStretch(const Context& context, const Channel& channel,
                          const Stretch& stretch);
// REQUIRES: `encoded` is made of `stretch`.
Piece StretchPiece(const Context& context, const Channel& channel,
                   const Dialect& dialect,
                   std::shared_ptr<const Stretch> stretch,
                   const StretchJson& encoded);

}  // namespace pathcast

#endif  // PATHCAST_CORE_PIECE_H_
