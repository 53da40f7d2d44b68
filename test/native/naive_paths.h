// lib/SPEC.md §8 over strings and sets, so plain that it is right by
// inspection; and random routers to hold the path table against it.
#ifndef PATHCAST_TEST_NATIVE_NAIVE_PATHS_H_
#define PATHCAST_TEST_NATIVE_NAIVE_PATHS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/random.h"
#include "paths/cascades.h"

namespace pathcast {

using Ids = std::vector<uint32_t>;

// True if `above` is `path`, a prefix of it, or `*`.
inline bool Covers(const std::string& above, const std::string& path) {
  return above == "*" || above == path ||
         path.compare(0, above.size() + 1, above + ".") == 0;
}

class NaivePaths {
 public:
  NaivePaths(const std::vector<std::string>& queries, size_t max_paths)
      : queries_(queries.begin(), queries.end()), max_paths_(max_paths) {
    names_.push_back("*");
    Number("", queries);
  }

  const std::vector<std::string>& names() const { return names_; }
  bool Exact(uint32_t node) const { return queries_.count(names_[node]) > 0; }
  uint32_t End(uint32_t node) const {
    uint32_t end = node + 1;
    while (end < names_.size() && Covers(names_[node], names_[end])) ++end;
    return end;
  }
  uint32_t Find(const std::string& path) const {
    const auto at = std::find(names_.begin(), names_.end(), path);
    return at == names_.end() ? PathTable::kNone
                              : static_cast<uint32_t>(at - names_.begin());
  }

  std::set<std::string> Queries(const Ids& nodes) const {
    std::set<std::string> found;
    for (const std::string& query : queries_) {
      for (const uint32_t node : nodes) {
        if (Covers(names_[node], query)) found.insert(query);
      }
    }
    return found;
  }
  Ids Expand(const Ids& nodes) const {
    Ids ids;
    for (const std::string& query : Queries(nodes)) ids.push_back(Find(query));
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  Ids Cover(const Ids& nodes) const {
    std::set<uint32_t> cover(nodes.begin(), nodes.end());
    std::erase_if(cover, [&](uint32_t node) {
      return std::any_of(nodes.begin(), nodes.end(), [&](uint32_t other) {
        return other != node && Covers(names_[other], names_[node]);
      });
    });
    while (cover.size() > max_paths_) {
      std::map<uint32_t, size_t> members;
      for (const uint32_t node : cover) {
        ++members[Find(names_[node].substr(0, names_[node].find('.')))];
      }
      const auto largest = std::max_element(
          members.begin(), members.end(),
          [](const auto& a, const auto& b) { return a.second < b.second; });
      if (largest->second == 1) return {0};
      std::erase_if(cover, [&](uint32_t node) {
        return Covers(names_[largest->first], names_[node]);
      });
      cover.insert(largest->first);
    }
    return Ids(cover.begin(), cover.end());
  }

  Ids Close(const CascadeSpec& spec, Ids nodes) const {
    const std::set<std::string> stale = Queries(nodes);
    Ids touched;
    for (uint32_t i = 0; i < spec.modules.size(); ++i) {
      const std::set<std::string> own = Queries(spec.modules[i]);
      if (std::any_of(own.begin(), own.end(), [&](const std::string& query) {
            return stale.count(query) > 0;
          })) {
        touched.push_back(i);
      }
    }
    return Join(spec, nodes, Reached(spec, touched));
  }
  Ids CloseFrom(const CascadeSpec& spec, const Ids& nodes,
                const Ids& from) const {
    std::set<uint32_t> reached = Reached(spec, from);
    reached.insert(from.begin(), from.end());
    return Join(spec, nodes, reached);
  }

 private:
  // Children of `prefix` ("" or ending in a dot) in the order of first use.
  void Number(const std::string& prefix,
              const std::vector<std::string>& queries) {
    std::vector<std::string> children;
    for (const std::string& query : queries) {
      if (query.compare(0, prefix.size(), prefix) != 0) continue;
      const std::string child = query.substr(0, query.find('.', prefix.size()));
      if (std::find(children.begin(), children.end(), child) == children.end())
        children.push_back(child);
    }
    for (const std::string& child : children) {
      names_.push_back(child);
      Number(child + ".", queries);
    }
  }

  static std::set<uint32_t> Reached(const CascadeSpec& spec, const Ids& from) {
    std::set<uint32_t> reached;
    Ids left = from;
    while (!left.empty()) {
      const uint32_t module = left.back();
      left.pop_back();
      for (const auto& [source, target] : spec.edges) {
        if (source == module && reached.insert(target).second)
          left.push_back(target);
      }
    }
    return reached;
  }

  Ids Join(const CascadeSpec& spec, Ids nodes,
           const std::set<uint32_t>& modules) const {
    for (const uint32_t module : modules) {
      const Ids& more = spec.modules[module];
      nodes.insert(nodes.end(), more.begin(), more.end());
    }
    return Cover(nodes);
  }

  std::vector<std::string> names_;
  const std::set<std::string> queries_;
  const size_t max_paths_;
};

// A router of up to `most` queries. Few letters, so that names repeat, are
// prefixes of each other's text, and queries are prefixes of queries.
inline std::vector<std::string> RandomQueries(Random* random, uint64_t most) {
  static constexpr std::string_view kSegments[] = {
      "a",      "b",         "ab",          "guest", "guests", "getAll",
      "list",   "__proto__", "constructor", "ü",     "größe",  "日本",
      "length", "a-b",       "0",           "x_y"};
  std::vector<std::string> queries;
  std::set<std::string> known;
  for (uint64_t i = random->Between(0, most); i > 0; --i) {
    std::string path;
    for (uint64_t depth = random->Between(1, 4); depth > 0; --depth) {
      if (!path.empty()) path += '.';
      path += kSegments[random->Between(0, std::size(kSegments) - 1)];
    }
    if (known.insert(path).second) queries.push_back(path);
  }
  return queries;
}

// Up to `most` numbers below `bound`, some more than once.
inline Ids RandomIds(Random* random, uint64_t bound, uint64_t most) {
  Ids ids;
  if (bound == 0) return ids;
  for (uint64_t i = random->Between(0, most); i > 0; --i) {
    ids.push_back(static_cast<uint32_t>(random->Between(0, bound - 1)));
  }
  return ids;
}

inline std::vector<std::string_view> Views(
    const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_NAIVE_PATHS_H_
