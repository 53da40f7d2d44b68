// Whether an action's query paths and a stream's meet: one is the other, a
// prefix of it, or below it; `*` meets everything.
//
// Both sides are sorted hashes of names: a filter remembers no name and gives
// none an id, so that no client can fill a table of the hub with what it asks
// for. Two names of one hash would let a stream have an action that it did not
// ask for; it never loses one.
//
// Hub thread only.
#ifndef PATHCAST_CORE_PATH_FILTER_H_
#define PATHCAST_CORE_PATH_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/name_table.h"

namespace pathcast {

// Names, and all that lie above them: their prefixes and `*`.
class HashedPaths {
 public:
  void Add(std::string_view path);
  // To be called after the last Add.
  void Seal();

  bool empty() const { return own_.empty(); }
  // Whether a member of one is a member of the other, or above it.
  // REQUIRES: both are sealed.
  bool Meets(const HashedPaths& other) const;
  // Heap bytes.
  size_t Bytes() const;

 private:
  std::vector<uint64_t> own_;
  std::vector<uint64_t> above_;  // Those of own_ too.
};

// An action's side. Belongs to its entry; made when a stream first asks.
struct ActionPaths {
  // `ids`: the action's paths, of `names`.
  ActionPaths(std::span<const uint32_t> ids, const NameTable& names);

  HashedPaths paths;
  // One of them found no place in the table.
  bool nameless = false;
};

// A stream's side. Belongs to its filter.
class PathFilter {
 public:
  explicit PathFilter(const std::vector<std::string>& paths);

  // An action with a path that found no place in the table meets everything;
  // no path at all, on either side, meets nothing.
  bool Meets(const ActionPaths& action) const {
    if (paths_.empty()) return false;
    return action.nameless || paths_.Meets(action.paths);
  }

  // Heap bytes.
  size_t Bytes() const { return paths_.Bytes(); }

 private:
  HashedPaths paths_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_PATH_FILTER_H_
