#include "core/stretch.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/entry.h"
#include "core/json_text.h"
#include "core/wire.h"

namespace pathcast {
namespace {

// The paths of one first segment.
struct Group {
  std::string_view segment;
  size_t paths = 0;
  size_t bytes = 0;            // Of its paths in the list, commas included.
  std::string collapsed = {};  // The segment as JSON; empty: as they are.
  bool written = false;
};

// One path's JSON in PathList's text.
struct Path {
  uint32_t id = 0;
  size_t start = 0;
  size_t end = 0;
  size_t group = 0;
};

// The `queryPaths` of one event: what is not covered by another, in groups.
class PathList {
 public:
  PathList(const PathSet& set, const WhereMap& where, const NameTable& names)
      : where_(where) {
    const uint32_t star = names.Find("*");
    if (star != NameTable::kOverflow && set.Contains(star)) {
      Take(star, "*");
      return;
    }
    set.ForEach([&](uint32_t id) {
      const std::string_view path = names.Name(id);
      if (!IsCovered(path, set, names)) Take(id, path);
    });
  }

  // Collapses groups until the list takes at most `budget` bytes.
  bool FitInto(size_t budget) {
    if (Bytes() <= budget) return true;
    std::vector<Group*> order;
    for (Group& group : groups_) order.push_back(&group);
    std::stable_sort(
        order.begin(), order.end(),
        [](const Group* a, const Group* b) { return a->paths > b->paths; });
    for (Group* group : order) {
      // Of a path that begins with a dot nothing shorter is left.
      if (group->segment.empty()) continue;
      AppendJsonString(&group->collapsed, group->segment);
      bytes_ -= group->bytes - (group->collapsed.size() + 1);
      if (Bytes() <= budget) return true;
    }
    return false;
  }

  void AppendTo(std::string* json) {
    bool first = true;
    for (const Path& path : paths_) {
      Group& group = groups_[path.group];
      const bool collapsed = !group.collapsed.empty();
      if (collapsed && group.written) continue;
      group.written = true;
      if (!first) json->push_back(',');
      first = false;
      if (collapsed) {
        json->append(group.collapsed);
      } else {
        json->append(text_, path.start, path.end - path.start);
      }
    }
  }

  // `,"where":{…}`, or nothing.
  std::string Where() const {
    std::string text;
    for (const Path& path : paths_) {
      const auto narrowed = where_.find(path.id);
      // A group that collapsed stands for all of its paths.
      if (narrowed == where_.end() || !groups_[path.group].collapsed.empty() ||
          std::string_view(text_).substr(path.start, path.end - path.start) ==
              "\"*\"") {
        continue;
      }
      text.append(text.empty() ? ",\"where\":{" : ",");
      text.append(text_, path.start, path.end - path.start).push_back(':');
      AppendRestriction(&text, narrowed->second);
    }
    if (!text.empty()) text.push_back('}');
    return text;
  }
  // The last has no comma.
  size_t Bytes() const { return bytes_ == 0 ? 0 : bytes_ - 1; }

 private:
  bool IsCovered(std::string_view path, const PathSet& set,
                 const NameTable& names) const {
    for (size_t dot = path.find('.'); dot != std::string_view::npos;
         dot = path.find('.', dot + 1)) {
      const uint32_t prefix = names.Find(path.substr(0, dot));
      if (prefix != NameTable::kOverflow && set.Contains(prefix) &&
          !where_.contains(prefix)) {
        return true;
      }
    }
    return false;
  }

  void Take(uint32_t id, std::string_view path) {
    const std::string_view segment = path.substr(0, path.find('.'));
    const auto [entry, is_new] = group_of_.try_emplace(segment, groups_.size());
    if (is_new) groups_.push_back(Group{.segment = segment});
    const size_t start = text_.size();
    AppendJsonString(&text_, path);
    const size_t listed = text_.size() - start + 1;
    Group& group = groups_[entry->second];
    ++group.paths;
    group.bytes += listed;
    bytes_ += listed;
    paths_.push_back(Path{
        .id = id, .start = start, .end = text_.size(), .group = entry->second});
  }

  const WhereMap& where_;
  std::string text_;
  std::vector<Path> paths_;
  std::vector<Group> groups_;
  std::unordered_map<std::string_view, size_t> group_of_;
  size_t bytes_ = 0;
};

// The module names, as many as fit into `budget` bytes.
std::string ModuleList(const PathSet& set, const NameTable& names,
                       size_t budget) {
  std::string list;
  bool full = false;
  set.ForEach([&](uint32_t id) {
    if (full) return;
    const size_t before = list.size();
    if (before > 0) list.push_back(',');
    AppendJsonString(&list, names.Name(id));
    if (list.size() > budget) {
      list.resize(before);
      full = true;
    }
  });
  return list;
}

}  // namespace

void Stretch::Add(uint64_t seq, int64_t arrived_ms,
                  std::span<const uint32_t> path_ids, uint32_t module_id,
                  const WhereMap* narrowed) {
  assert(seq > to && (empty() || arrived_ms >= last_ms));
  if (empty()) {
    from = seq;
    first_ms = arrived_ms;
  }
  to = seq;
  last_ms = arrived_ms;
  ++count;
  for (const uint32_t id : path_ids) AddPath(id, narrowed);
  if (narrowed != nullptr) BoundWhere();
  modules.Add(module_id);
}

void Stretch::AddPath(uint32_t id, const WhereMap* narrowed) {
  if (narrowed == nullptr && where.empty()) return paths.Add(id);
  const Restriction* own = nullptr;
  if (narrowed != nullptr) {
    const auto found = narrowed->find(id);
    if (found != narrowed->end()) own = &found->second;
  }
  const auto known = where.find(id);
  if (known != where.end()) {
    if (own == nullptr || !JoinRestriction(&known->second, *own)) {
      where.erase(known);
    }
  } else if (own != nullptr && !paths.Contains(id) &&
             where.size() < kWherePaths) {
    where.emplace(id, *own);
  }
  paths.Add(id);
}

void Stretch::BoundWhere() {
  if (WhereBytes(where) > kWhereBytes) where.clear();
}

void Stretch::Absorb(const Entry& entry) {
  Add(entry.seq, entry.arrived_ms, entry.paths, entry.module,
      entry.where.get());
}

void Stretch::AbsorbNames(const Entry& entry) {
  for (const uint32_t id : entry.paths) AddPath(id, entry.where.get());
  BoundWhere();
  modules.Add(entry.module);
}

void Stretch::Join(const Stretch& other) {
  if (other.empty()) return;
  from = empty() ? other.from : std::min(from, other.from);
  first_ms = empty() ? other.first_ms : std::min(first_ms, other.first_ms);
  to = std::max(to, other.to);
  last_ms = std::max(last_ms, other.last_ms);
  count += other.count;
  if (!where.empty() || !other.where.empty()) {
    other.paths.ForEach([&](uint32_t id) { AddPath(id, &other.where); });
    BoundWhere();
  }
  paths.Merge(other.paths);
  modules.Merge(other.modules);
}

bool EncodeInvalidate(const Stretch& stretch, const NameTable& paths,
                      const NameTable& modules, size_t max_bytes,
                      std::string* json, uint64_t spread_ms) {
  if (stretch.paths.overflow()) return false;

  std::string head = "{\"type\":\"invalidate\",\"timestamp\":";
  AppendInt(&head, stretch.last_ms);
  head.append(",\"queryPaths\":[");
  std::string tail = "],\"from\":";
  AppendUint(&tail, stretch.from);
  tail.append(",\"to\":");
  AppendUint(&tail, stretch.to);
  tail.append(",\"count\":");
  AppendUint(&tail, stretch.count);
  tail.append(",\"modules\":[");
  tail.append(ModuleList(stretch.modules, modules, max_bytes / 4));
  tail.push_back(']');

  const size_t fixed = head.size() + tail.size() + 1;
  PathList list(stretch.paths, stretch.where, paths);
  if (fixed > max_bytes || !list.FitInto(max_bytes - fixed)) return false;
  const std::string where = list.Where();
  const bool fits = fixed + list.Bytes() + where.size() <= max_bytes;
  *json = std::move(head);
  list.AppendTo(json);
  json->append(tail);
  if (fits) json->append(where);
  AppendSpread(json, spread_ms);
  json->push_back('}');
  return true;
}

}  // namespace pathcast
