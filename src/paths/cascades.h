// Which nodes of a path table follow from which (lib/SPEC.md §8): modules,
// edges between them, and the closure of a set of nodes.
//
// All that follows from one node is worked out at construction, so a closure
// is one OR a node, and one a module that it reaches.
//
// Owner and thread: one caller, one thread (in the addon: the JavaScript
// thread), for the scratch inside. Shares the table. After construction nothing
// here allocates.
#ifndef PATHCAST_PATHS_CASCADES_H_
#define PATHCAST_PATHS_CASCADES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "paths/path_table.h"
#include "paths/sparse_bits.h"

namespace pathcast {

struct CascadeSpec {
  // The nodes of each module; may be empty.
  std::vector<std::vector<uint32_t>> modules = {};
  // From a module to one that follows; cycles, loops and repeats allowed.
  std::vector<std::pair<uint32_t, uint32_t>> edges = {};
};

class Cascades {
 public:
  // REQUIRES: all nodes and modules exist.
  Cascades(std::shared_ptr<const PathTable> table, const CascadeSpec& spec);
  Cascades(const Cascades&) = delete;
  Cascades& operator=(const Cascades&) = delete;

  const PathTable& table() const { return *table_; }
  uint32_t module_count() const {
    return static_cast<uint32_t>(modules_.size());
  }

  // The cover of `nodes` and of all that follows from the modules they touch:
  // how many nodes were written to `out`, which may be the same memory.
  // REQUIRES: nodes exist; out.size() >= table().max_cover().
  size_t Close(std::span<const uint32_t> nodes, std::span<uint32_t> out);
  // The same, with the modules `from` in the place of those touched.
  // REQUIRES: these exist.
  size_t CloseFrom(std::span<const uint32_t> nodes,
                   std::span<const uint32_t> from, std::span<uint32_t> out);

  // Heap bytes, the table's not counted.
  size_t Bytes() const;

 private:
  class Builder;

  // Sets of modules as bitsets of width_ words each, equal ones once; set 0 is
  // the empty one.
  std::span<const uint64_t> SetOf(uint32_t set) const {
    return std::span(sets_).subspan(size_t{set} * width_, width_);
  }
  void Follow(uint32_t set) {
    if (set == 0) return;
    const std::span<const uint64_t> words = SetOf(set);
    for (size_t i = 0; i < width_; ++i) reached_[i] |= words[i];
  }
  size_t CoverReached(std::span<uint32_t> out);

  const std::shared_ptr<const PathTable> table_;
  const size_t width_;
  std::vector<SparseBits> modules_;  // Nodes, without those below another.
  std::vector<uint64_t> sets_;
  std::vector<uint32_t> after_module_;  // Reached by at least one edge.
  std::vector<uint32_t> after_node_;    // From all modules that it touches.

  // Scratch.
  PathScratch scratch_;
  std::vector<uint64_t> reached_;  // Modules; all zero between calls.
};

}  // namespace pathcast

#endif  // PATHCAST_PATHS_CASCADES_H_
