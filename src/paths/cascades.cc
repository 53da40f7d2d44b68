#include "paths/cascades.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <unordered_map>

#include "core/shrink.h"

namespace pathcast {

namespace {

constexpr uint32_t kBits = 64;
constexpr uint32_t kNone = UINT32_MAX;

void SetBit(std::span<uint64_t> words, uint32_t id) {
  words[id / kBits] |= uint64_t{1} << (id % kBits);
}

bool Any(std::span<const uint64_t> words) {
  return std::any_of(words.begin(), words.end(),
                     [](uint64_t word) { return word != 0; });
}

void Join(std::span<uint64_t> into, std::span<const uint64_t> words) {
  for (size_t i = 0; i < into.size(); ++i) into[i] |= words[i];
}

}  // namespace

// Works out `sets_`, `after_module_` and `after_node_`.
class Cascades::Builder {
 public:
  Builder(Cascades* cascades, const CascadeSpec& spec)
      : to_(*cascades), spec_(spec), count_(to_.module_count()) {
    to_.sets_.assign(to_.width_, 0);
    by_hash_.emplace(HashOf(to_.SetOf(0)), 0);
  }

  void Build() {
    SortEdges();
    ReachModules();
    ReachNodes();
    ShrinkToFit(&to_.sets_);
  }

 private:
  static uint64_t HashOf(std::span<const uint64_t> words) {
    uint64_t hash = 0;
    for (const uint64_t word : words) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 29;
    }
    return hash;
  }

  uint32_t Intern(std::span<const uint64_t> words) {
    const uint64_t hash = HashOf(words);
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto same = begin; same != end; ++same) {
      if (std::ranges::equal(to_.SetOf(same->second), words)) {
        return same->second;
      }
    }
    const auto set = static_cast<uint32_t>(to_.sets_.size() / to_.width_);
    to_.sets_.insert(to_.sets_.end(), words.begin(), words.end());
    by_hash_.emplace(hash, set);
    return set;
  }

  // Targets of module m: targets_[first_[m]] to targets_[first_[m + 1] - 1].
  void SortEdges() {
    first_.assign(count_ + 1, 0);
    for (const auto& [from, to] : spec_.edges) {
      assert(from < count_ && to < count_);
      ++first_[from + 1];
    }
    for (uint32_t m = 0; m < count_; ++m) first_[m + 1] += first_[m];
    targets_.resize(spec_.edges.size());
    std::vector<uint32_t> at(first_.begin(), first_.end() - 1);
    for (const auto& [from, to] : spec_.edges) targets_[at[from]++] = to;
  }

  // Tarjan's components, each found after all that it leads to; without
  // recursion, so that a chain of any length will do.
  void ReachModules() {
    struct Visit {
      uint32_t module;
      uint32_t edge;
    };
    std::vector<uint32_t> order(count_, kNone);  // Of the first visit.
    std::vector<uint32_t> low(count_, 0);
    std::vector<Visit> path;
    std::vector<uint32_t> open;  // Without a component yet.
    uint32_t visited = 0;
    to_.after_module_.assign(count_, kNone);
    for (uint32_t root = 0; root < count_; ++root) {
      if (order[root] != kNone) continue;
      path.push_back({root, first_[root]});
      while (!path.empty()) {
        const uint32_t module = path.back().module;
        if (order[module] == kNone) {
          order[module] = low[module] = visited++;
          open.push_back(module);
        }
        if (path.back().edge < first_[module + 1]) {
          const uint32_t next = targets_[path.back().edge++];
          if (order[next] == kNone) {
            path.push_back({next, first_[next]});
          } else if (to_.after_module_[next] == kNone) {
            low[module] = std::min(low[module], order[next]);
          }
          continue;
        }
        path.pop_back();
        if (!path.empty()) {
          uint32_t& above = low[path.back().module];
          above = std::min(above, low[module]);
        }
        if (low[module] == order[module]) CloseComponent(module, &open);
      }
    }
  }

  // `head` and what is open above it lead to each other.
  void CloseComponent(uint32_t head, std::vector<uint32_t>* open) {
    size_t begin = open->size() - 1;
    while ((*open)[begin] != head) --begin;
    const std::span<const uint32_t> members = std::span(*open).subspan(begin);
    std::vector<uint64_t> reach(to_.width_, 0);
    for (const uint32_t module : members) {
      for (uint32_t edge = first_[module]; edge < first_[module + 1]; ++edge) {
        const uint32_t next = targets_[edge];
        SetBit(reach, next);
        const uint32_t after = to_.after_module_[next];
        if (after != kNone) Join(reach, to_.SetOf(after));
      }
    }
    const uint32_t set = Intern(reach);
    for (const uint32_t module : members) to_.after_module_[module] = set;
    open->resize(begin);
  }

  // A node touches the modules that have a node at, above or below it. The sum
  // from above comes down in pre-order, the one from below goes up against it.
  void ReachNodes() {
    const PathTable& table = *to_.table_;
    const uint32_t nodes = table.node_count();
    std::vector<uint32_t> own = ReachOfOwn();
    std::vector<uint32_t>& after = to_.after_node_;
    std::vector<uint32_t> depth(nodes, 0);
    uint32_t deepest = 0;
    std::vector<uint64_t> sum(to_.width_, 0);
    after = own;
    for (uint32_t node = 1; node < nodes; ++node) {
      const uint32_t parent = table.parent(node);
      depth[node] = depth[parent] + 1;
      deepest = std::max(deepest, depth[node]);
      after[node] = Union(after[parent], own[node], sum);
    }
    // below[d]: what the nodes of depth d add to the parent that comes next.
    std::vector<std::vector<uint64_t>> below(
        deepest + 2, std::vector<uint64_t>(to_.width_, 0));
    for (uint32_t node = nodes; node-- > 0;) {
      std::span<uint64_t> from_children = below[depth[node] + 1];
      std::span<uint64_t> up = below[depth[node]];
      if (own[node] != 0) Join(up, to_.SetOf(own[node]));
      if (!Any(from_children)) continue;
      Join(up, from_children);
      Join(from_children, to_.SetOf(after[node]));
      after[node] = Intern(from_children);
      std::fill(from_children.begin(), from_children.end(), 0);
    }
  }

  // Per node: the reach of the modules that have this very node.
  std::vector<uint32_t> ReachOfOwn() {
    std::vector<uint32_t> own(to_.table_->node_count(), 0);
    std::vector<uint64_t> sum(to_.width_, 0);
    for (uint32_t module = 0; module < count_; ++module) {
      const uint32_t reach = to_.after_module_[module];
      for (const SparseBits::Word& word : to_.modules_[module].words()) {
        for (uint64_t left = word.mask; left != 0; left &= left - 1) {
          uint32_t& at = own[word.index * kBits +
                             static_cast<uint32_t>(std::countr_zero(left))];
          at = Union(at, reach, sum);
        }
      }
    }
    return own;
  }

  // `sum` is scratch.
  uint32_t Union(uint32_t a, uint32_t b, std::span<uint64_t> sum) {
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    std::ranges::copy(to_.SetOf(a), sum.begin());
    Join(sum, to_.SetOf(b));
    return Intern(sum);
  }

  Cascades& to_;
  const CascadeSpec& spec_;
  const uint32_t count_;
  std::vector<uint32_t> first_;
  std::vector<uint32_t> targets_;
  std::unordered_multimap<uint64_t, uint32_t> by_hash_;
};

Cascades::Cascades(std::shared_ptr<const PathTable> table,
                   const CascadeSpec& spec)
    : table_(std::move(table)),
      width_(spec.modules.size() / kBits + 1),
      scratch_(*table_),
      reached_(width_, 0) {
  NodeSet& nodes = scratch_.nodes;
  modules_.resize(spec.modules.size());
  for (size_t i = 0; i < modules_.size(); ++i) {
    for (const uint32_t node : spec.modules[i]) nodes.Add(node);
    for (uint32_t node = nodes.Next(0); node != NodeSet::kNone;
         node = nodes.Next(table_->end(node))) {
      modules_[i].Add(node);
    }
    nodes.Clear();
  }
  Builder(this, spec).Build();
}

size_t Cascades::Close(std::span<const uint32_t> nodes,
                       std::span<uint32_t> out) {
  for (const uint32_t node : nodes) {
    scratch_.nodes.Add(node);
    Follow(after_node_[node]);
  }
  return CoverReached(out);
}

size_t Cascades::CloseFrom(std::span<const uint32_t> nodes,
                           std::span<const uint32_t> from,
                           std::span<uint32_t> out) {
  for (const uint32_t node : nodes) scratch_.nodes.Add(node);
  for (const uint32_t module : from) {
    assert(module < module_count());
    SetBit(reached_, module);
    Follow(after_module_[module]);
  }
  return CoverReached(out);
}

size_t Cascades::CoverReached(std::span<uint32_t> out) {
  for (size_t i = 0; i < width_; ++i) {
    for (uint64_t left = reached_[i]; left != 0; left &= left - 1) {
      const SparseBits& module =
          modules_[i * kBits + static_cast<size_t>(std::countr_zero(left))];
      for (const SparseBits::Word& word : module.words()) {
        scratch_.nodes.AddWord(word.index, word.mask);
      }
    }
    reached_[i] = 0;
  }
  return table_->Cover(&scratch_, out);
}

size_t Cascades::Bytes() const {
  size_t bytes =
      modules_.capacity() * sizeof(SparseBits) +
      (sets_.capacity() + reached_.capacity()) * sizeof(uint64_t) +
      (after_module_.capacity() + after_node_.capacity()) * sizeof(uint32_t) +
      scratch_.nodes.Bytes();
  for (const SparseBits& module : modules_) bytes += module.Bytes();
  return bytes;
}

}  // namespace pathcast
