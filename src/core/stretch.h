// A stretch of the log that a stream gets as one `invalidate` in place of its
// actions: what is stale, not what happened.
//
// A value; hub thread only.
#ifndef PATHCAST_CORE_STRETCH_H_
#define PATHCAST_CORE_STRETCH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/name_table.h"
#include "core/path_set.h"
#include "core/where.h"

namespace pathcast {

class Entry;

struct Stretch {
  uint64_t from = 0;     // First seq in it; 0 when empty.
  uint64_t to = 0;       // Last seq in it.
  uint32_t count = 0;    // Matching actions it stands for.
  int64_t first_ms = 0;  // Arrival of the first and of the last of them.
  int64_t last_ms = 0;
  PathSet paths;
  PathSet modules;
  // Of `paths`: what some of them are narrowed to.
  WhereMap where;

  bool empty() const { return count == 0; }
  // Takes one matching action in. REQUIRES: seq > to, arrived_ms >= last_ms.
  void Add(uint64_t seq, int64_t arrived_ms, std::span<const uint32_t> path_ids,
           uint32_t module_id, const WhereMap* narrowed = nullptr);
  // The same of an action that is in the log.
  void Absorb(const Entry& entry);
  // Its paths and module alone: what was told of it ahead of the action.
  void AbsorbNames(const Entry& entry);
  // Takes a later or earlier stretch in.
  void Join(const Stretch& other);

 private:
  void AddPath(uint32_t id, const WhereMap* narrowed);
  void BoundWhere();
};

// One `invalidate` for a stretch, or, where that is too long, a `resync`.
struct StretchJson {
  std::string json;
  bool is_resync = false;
};

// `spread_ms`: see AppendSpread.
//
// Appends nothing: sets `*json` to the `invalidate` event, at most `max_bytes`
// long, and returns true; or returns false, `*json` untouched, when it cannot
// be made that short or `stretch.paths` has overflown (the caller then sends a
// `resync`).
//
// Its timestamp is `last_ms`, never the time at which it is made: an action
// that the stream was not offered yet may be older than that, and a client that
// comes back with a timestamp would lose it.
//
// `queryPaths`: first interned first. A path that another one covers (`*`, or
// a prefix up to a dot) is left out. While the event is too long, the paths of
// one first segment become that segment, the segment with most paths first
// (SPEC §5); of two with as many, the one first interned.
//
// `where`: what of these paths is narrowed. A path that is does not cover
// others. Where the bound leaves no room for it nothing is narrowed.
//
// `modules`: first interned first. They may take a quarter of `max_bytes`: the
// list ends before the first that does not fit. They inform, no client needs
// them to be correct, so an overflow of them only leaves names out.
bool EncodeInvalidate(const Stretch& stretch, const NameTable& paths,
                      const NameTable& modules, size_t max_bytes,
                      std::string* json, uint64_t spread_ms = 0);

}  // namespace pathcast

#endif  // PATHCAST_CORE_STRETCH_H_
