// Whether an action's query paths and a stream's meet: one is the other, a
// prefix of it, or below it; `*` meets everything. Both sides as bitsets over
// the hub's names, so that a match is two ANDs of the few words that the
// action's side has.
//
// Hub thread only. A name may be interned after either side was made: each
// notes how many names there were, and is worked out anew when there are more.
#ifndef PATHCAST_CORE_PATH_FILTER_H_
#define PATHCAST_CORE_PATH_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/name_table.h"
#include "core/path_set.h"
#include "core/sparse_bits.h"

namespace pathcast {

// An action's side. Belongs to its entry; made when a stream first asks.
class ActionPaths {
 public:
  // `ids`: the action's paths, always the same ones.
  void Refresh(std::span<const uint32_t> ids, const NameTable& names);

 private:
  friend class PathFilter;
  SparseBits paths_;
  SparseBits above_;  // These and, where they have names, all above them.
  bool overflow_ = false;
  uint32_t known_names_ = UINT32_MAX;  // UINT32_MAX: not worked out.
};

// A stream's side. Belongs to its filter.
class PathFilter {
 public:
  explicit PathFilter(std::vector<std::string> paths)
      : texts_(std::move(paths)) {}

  // Interns its own paths when it is first asked. What found no place in the
  // table, on either side, meets everything; no path at all meets nothing.
  bool Meets(std::span<const uint32_t> ids, ActionPaths* action,
             NameTable* names);

  const std::vector<std::string>& texts() const { return texts_; }
  // Heap bytes.
  size_t Bytes() const;

 private:
  void Refresh(NameTable* names);

  const std::vector<std::string> texts_;
  PathSet paths_;
  PathSet above_;  // These and, where they have names, all above them.
  uint32_t known_names_ = UINT32_MAX;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_PATH_FILTER_H_
