// An action of a broker's log as an entry of the channel that mirrors it.
//
// Thread: hub thread.
#ifndef PATHCAST_BROKER_MIRROR_ENTRY_H_
#define PATHCAST_BROKER_MIRROR_ENTRY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/channel.h"
#include "core/context.h"
#include "core/entry.h"
#include "json/action_reader.h"

namespace pathcast::broker {

struct Placed {
  uint64_t seq = 0;
  int64_t arrived_ms = 0;
  // Of the log; the action's own has to be the same.
  std::string_view id;
  // stored.h.
  std::string_view stored;
  int64_t published_us = 0;
};

// Null where it is no action, or another one. REQUIRES: it is the one after
// the head.
EntryRef MakePlaced(const Context& context, ActionReader* reader,
                    Channel* channel, const Placed& placed);

// What it makes stale, told ahead of it; null where it is no action.
EntryRef MakeTold(const Context& context, ActionReader* reader,
                  Channel* channel, std::string_view stored);

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_MIRROR_ENTRY_H_
