// The query paths of a bound router (lib/SPEC.md §8): a trie whose nodes are
// numbered in pre-order, so that a subtree is a range of numbers.
//
// Owner: shared by whatever works with it. Immutable after construction, so
// any thread may read it; the scratch that its operations need belongs to the
// caller and to one thread. In the addon that is the JavaScript thread; the hub
// thread has its own numbers (NameTable). After construction nothing here
// allocates, NameOf() excepted.
//
// Invariants:
//   1. Node 0 is `*`. A node's subtree is [node, end(node)).
//   2. Every other node is a query or has one below it.
//   3. Children are in the order in which the router names them first.
#ifndef PATHCAST_PATHS_PATH_TABLE_H_
#define PATHCAST_PATHS_PATH_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "paths/node_set.h"

namespace pathcast {

class PathTable;

// What one caller's operations need besides the table. REQUIRES: used with the
// table that it was made for, by one thread at a time.
class PathScratch {
 public:
  explicit PathScratch(const PathTable& table);

  // Filled by the caller, emptied by the operation that reads it.
  NodeSet nodes;

 private:
  friend class PathTable;
  // The members of a cover that share a first segment.
  struct Group {
    // The node of that segment.
    uint32_t top;
    uint32_t members;
    bool collapsed;
  };
  // Room for every first segment.
  std::vector<Group> groups_;
  // Of groups_, the largest first.
  std::vector<uint32_t> order_;
};

class PathTable {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = NodeSet::kNone;

  // `queries`: in the router's order; the views need live only for the call.
  // `max_paths` bounds a cover. REQUIRES: max_paths > 0; paths are well-formed
  // (of others Find() need not find each, no more).
  PathTable(std::span<const std::string_view> queries, uint32_t max_paths);
  PathTable(const PathTable&) = delete;
  PathTable& operator=(const PathTable&) = delete;

  uint32_t node_count() const { return static_cast<uint32_t>(nodes_.size()); }
  uint32_t query_count() const {
    return static_cast<uint32_t>(queries_.size());
  }
  // How many nodes a cover has at most.
  size_t max_cover() const {
    return max_paths_ < nodes_.size() ? max_paths_ : nodes_.size();
  }
  // REQUIRES of these four: node < node_count().
  uint32_t parent(uint32_t node) const { return nodes_[node].parent; }
  uint32_t end(uint32_t node) const { return nodes_[node].end; }
  bool exact(uint32_t node) const { return nodes_[node].exact != 0; }
  std::string NameOf(uint32_t node) const;

  // The node of a path; kNone for a phantom.
  uint32_t Find(std::string_view path) const;

  // The cover of `scratch->nodes`, in node order: how many nodes were written
  // to `out`. REQUIRES: out.size() >= max_cover().
  size_t Cover(PathScratch* scratch, std::span<uint32_t> out) const;
  // The queries that `scratch->nodes` stand for, each once, in node order.
  // REQUIRES: out.size() >= query_count().
  size_t Expand(PathScratch* scratch, std::span<uint32_t> out) const;

  // Heap bytes.
  size_t Bytes() const;

 private:
  friend class PathScratch;
  class Builder;

  struct Node {
    uint32_t parent;
    uint32_t end;
    // Of its segment, in text_.
    uint32_t text;
    uint32_t size : 31;
    uint32_t exact : 1;
  };
  struct Slot {
    uint32_t tag;
    // kNone: free.
    uint32_t node;
  };

  static uint64_t Hash(std::string_view path);
  static uint32_t TagOf(uint64_t hash) {
    return static_cast<uint32_t>(hash >> 32);
  }
  std::string_view SegmentOf(const Node& node) const {
    return std::string_view(text_).substr(node.text, node.size);
  }
  bool Is(uint32_t node, std::string_view path) const;
  uint32_t FindHashed(uint64_t hash, std::string_view path) const;
  uint32_t TopOf(uint32_t node) const;
  size_t Collapse(size_t count, PathScratch* scratch,
                  std::span<uint32_t> out) const;

  const uint32_t max_paths_;
  std::vector<Node> nodes_;
  // Each segment once, whoever has it.
  std::string text_;
  // By the hash of the whole path; half full at most.
  std::vector<Slot> slots_;
  // Nodes, in order.
  std::vector<uint32_t> queries_;
  // Per node and end: queries before it.
  std::vector<uint32_t> query_before_;
  // Children of the root.
  uint32_t tops_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_PATHS_PATH_TABLE_H_
