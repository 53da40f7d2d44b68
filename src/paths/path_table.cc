#include "paths/path_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <unordered_map>

#include "core/shrink.h"

namespace pathcast {

namespace {

constexpr std::string_view kStar = "*";

}  // namespace

PathScratch::PathScratch(const PathTable& table) : nodes(table.node_count()) {
  groups_.reserve(table.tops_);
  order_.reserve(table.tops_);
}

// Eight bytes at a time: a path is two or three multiplications.
uint64_t PathTable::Hash(std::string_view path) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  uint64_t hash = path.size() * kMultiplier;
  auto mix = [&hash](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  const char* at = path.data();
  size_t left = path.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    mix(word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    mix(word);
  }
  return hash * kMultiplier;
}

// Makes the trie in the order in which nodes come up, then numbers it.
class PathTable::Builder {
 public:
  explicit Builder(PathTable* table) : table_(table) {
    table_->nodes_.push_back(Node{kNone, 1, 0, 0, 0});
    links_.emplace_back();
    table_->text_.append(kStar);
    table_->nodes_[kRoot].size = 1;
    table_->slots_.resize(kMinSlots, Slot{0, kNone});
  }

  void Add(std::string_view query) {
    uint32_t node = kRoot;
    for (size_t from = 0; from <= query.size();) {
      const size_t dot = std::min(query.find('.', from), query.size());
      node = Child(node, query.substr(0, dot), query.substr(from, dot - from));
      from = dot + 1;
    }
    table_->nodes_[node].exact = 1;
  }

  void Finish() {
    Number();
    std::vector<Node>& nodes = table_->nodes_;
    for (uint32_t node = table_->node_count() - 1; node > kRoot; --node) {
      Node& parent = nodes[nodes[node].parent];
      parent.end = std::max(parent.end, nodes[node].end);
      if (nodes[node].parent == kRoot) ++table_->tops_;
    }
    table_->query_before_.reserve(nodes.size() + 1);
    for (uint32_t node = 0; node < nodes.size(); ++node) {
      table_->query_before_.push_back(table_->query_count());
      if (table_->exact(node)) table_->queries_.push_back(node);
    }
    table_->query_before_.push_back(table_->query_count());
    ShrinkToFit(&table_->queries_);
    ShrinkToFit(&table_->nodes_);
    table_->text_.shrink_to_fit();
  }

 private:
  static constexpr size_t kMinSlots = 16;  // A power of two, as all sizes.

  // Of one node, while numbers are still those of first use.
  struct Links {
    uint32_t first_child = kNone;
    uint32_t last_child = kNone;
    uint32_t next = kNone;  // Sibling.
  };

  uint32_t Child(uint32_t parent, std::string_view path,
                 std::string_view segment) {
    const uint64_t hash = Hash(path);
    const uint32_t known = table_->FindHashed(hash, path);
    if (known != kNone) return known;
    const auto node = table_->node_count();
    table_->nodes_.push_back(Node{parent, 0, Intern(segment), 0, 0});
    table_->nodes_[node].size = static_cast<uint32_t>(segment.size());
    Links& family = links_[parent];
    if (family.first_child == kNone) {
      family.first_child = node;
    } else {
      links_[family.last_child].next = node;
    }
    family.last_child = node;
    links_.emplace_back();
    hashes_.push_back(hash);
    if (table_->slots_.size() < 2 * table_->nodes_.size()) {
      Rehash();
    } else {
      Insert(hash, node);
    }
    return node;
  }

  uint32_t Intern(std::string_view segment) {
    const auto [entry, is_new] = segments_.try_emplace(
        std::string(segment), static_cast<uint32_t>(table_->text_.size()));
    if (is_new) table_->text_.append(segment);
    return entry->second;
  }

  void Insert(uint64_t hash, uint32_t node) {
    const size_t mask = table_->slots_.size() - 1;
    size_t at = hash & mask;
    while (table_->slots_[at].node != kNone) at = (at + 1) & mask;
    table_->slots_[at] = Slot{TagOf(hash), node};
  }

  void Rehash() {
    const size_t size = table_->slots_.size() * 2;
    table_->slots_.assign(size, Slot{0, kNone});
    for (size_t i = 0; i < hashes_.size(); ++i) {
      Insert(hashes_[i], static_cast<uint32_t>(i + 1));
    }
  }

  // From numbers of first use to pre-order.
  void Number() {
    const uint32_t count = table_->node_count();
    std::vector<uint32_t> number(count);
    std::vector<Node> ordered;
    ordered.reserve(count);
    for (uint32_t node = kRoot; node != kNone;) {
      number[node] = static_cast<uint32_t>(ordered.size());
      Node& copy = ordered.emplace_back(table_->nodes_[node]);
      copy.end = number[node] + 1;
      if (node != kRoot) copy.parent = number[copy.parent];
      uint32_t next = links_[node].first_child;
      while (next == kNone && node != kRoot) {
        next = links_[node].next;
        node = table_->nodes_[node].parent;
      }
      node = next;
    }
    table_->nodes_ = std::move(ordered);
    for (Slot& slot : table_->slots_) {
      if (slot.node != kNone) slot.node = number[slot.node];
    }
  }

  PathTable* const table_;
  std::vector<Links> links_;
  std::vector<uint64_t> hashes_;  // Of node i + 1.
  std::unordered_map<std::string, uint32_t> segments_;
};

PathTable::PathTable(std::span<const std::string_view> queries,
                     uint32_t max_paths)
    : max_paths_(max_paths) {
  assert(max_paths > 0);
  Builder builder(this);
  for (const std::string_view query : queries) builder.Add(query);
  builder.Finish();
}

std::string PathTable::NameOf(uint32_t node) const {
  std::string name(SegmentOf(nodes_[node]));
  if (node == kRoot) return name;
  for (uint32_t at = parent(node); at != kRoot; at = parent(at)) {
    name.insert(0, 1, '.').insert(0, SegmentOf(nodes_[at]));
  }
  return name;
}

// From the last segment up.
bool PathTable::Is(uint32_t node, std::string_view path) const {
  for (;;) {
    const Node& at = nodes_[node];
    if (!path.ends_with(SegmentOf(at))) return false;
    path.remove_suffix(at.size);
    if (at.parent == kRoot) return path.empty();
    if (!path.ends_with('.')) return false;
    path.remove_suffix(1);
    node = at.parent;
  }
}

uint32_t PathTable::FindHashed(uint64_t hash, std::string_view path) const {
  const size_t mask = slots_.size() - 1;
  const uint32_t tag = TagOf(hash);
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.node == kNone) return kNone;
    if (slot.tag == tag && Is(slot.node, path)) return slot.node;
  }
}

uint32_t PathTable::Find(std::string_view path) const {
  return path == kStar ? kRoot : FindHashed(Hash(path), path);
}

size_t PathTable::Cover(PathScratch* scratch, std::span<uint32_t> out) const {
  NodeSet& set = scratch->nodes;
  assert(set.bound() == node_count() && out.size() >= max_cover());
  size_t count = 0;
  for (uint32_t node = set.Next(0); node != kNone; node = set.Next(end(node))) {
    if (count < max_paths_) out[count] = node;
    ++count;
  }
  if (count > max_paths_) count = Collapse(count, scratch, out);
  set.Clear();
  return count;
}

uint32_t PathTable::TopOf(uint32_t node) const {
  while (parent(node) != kRoot) node = parent(node);
  return node;
}

size_t PathTable::Collapse(size_t count, PathScratch* scratch,
                           std::span<uint32_t> out) const {
  const NodeSet& set = scratch->nodes;
  std::vector<PathScratch::Group>& groups = scratch->groups_;
  std::vector<uint32_t>& order = scratch->order_;
  groups.clear();
  order.clear();
  // In pre-order the members of one first segment stand in a row.
  for (uint32_t node = set.Next(0); node != kNone; node = set.Next(end(node))) {
    if (groups.empty() || node >= end(groups.back().top)) {
      order.push_back(static_cast<uint32_t>(groups.size()));
      groups.push_back({TopOf(node), 0, false});
    }
    ++groups.back().members;
  }
  if (groups.size() > max_paths_) {
    out[0] = kRoot;
    return 1;
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return groups[a].members != groups[b].members
               ? groups[a].members > groups[b].members
               : a < b;
  });
  for (const uint32_t largest : order) {
    if (count <= max_paths_) break;
    groups[largest].collapsed = true;
    count -= groups[largest].members - 1;
  }
  size_t written = 0;
  for (const PathScratch::Group& group : groups) {
    if (group.collapsed) {
      out[written++] = group.top;
      continue;
    }
    uint32_t node = set.Next(group.top);
    for (uint32_t i = 0; i < group.members; ++i, node = set.Next(end(node))) {
      out[written++] = node;
    }
  }
  return written;
}

size_t PathTable::Expand(PathScratch* scratch, std::span<uint32_t> out) const {
  NodeSet& set = scratch->nodes;
  assert(set.bound() == node_count() && out.size() >= query_count());
  size_t count = 0;
  for (uint32_t node = set.Next(0); node != kNone; node = set.Next(end(node))) {
    const uint32_t first = query_before_[node];
    const uint32_t last = query_before_[end(node)];
    std::copy(queries_.begin() + first, queries_.begin() + last,
              out.begin() + static_cast<std::ptrdiff_t>(count));
    count += last - first;
  }
  set.Clear();
  return count;
}

size_t PathTable::Bytes() const {
  return nodes_.capacity() * sizeof(Node) + text_.capacity() +
         slots_.capacity() * sizeof(Slot) +
         (queries_.capacity() + query_before_.capacity()) * sizeof(uint32_t);
}

}  // namespace pathcast
