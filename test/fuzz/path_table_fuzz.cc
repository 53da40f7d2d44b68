// Whatever a router's procedures are called: each node is found by its name,
// a cover stands for what it was made of within its bound, and a closure holds
// what it began with.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "paths/cascades.h"
#include "paths/path_table.h"

namespace {

using pathcast::PathTable;

void Require(bool holds) {
  if (!holds) std::abort();
}

bool Holds(const PathTable& table, const std::vector<uint32_t>& cover,
           uint32_t node) {
  return std::any_of(cover.begin(), cover.end(), [&](uint32_t above) {
    return above <= node && node < table.end(above);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint32_t max_paths = 1 + data[0] % 8;
  const size_t picks = std::min<size_t>(data[1] % 32, size - 2);
  // The last `picks` bytes choose nodes, the rest are names of few letters.
  std::set<std::string> known;
  std::vector<std::string> queries;
  std::string path;
  for (size_t i = 2; i <= size - picks; ++i) {
    const bool more = i < size - picks && (data[i] & 0x38) != 0;
    if (more) {
      const char c = "abc.x\xC3\xA9."[data[i] & 7];
      if (c != '.' || (!path.empty() && path.back() != '.')) path += c;
      continue;
    }
    if (path.ends_with('.')) path.pop_back();
    if (!path.empty() && known.insert(path).second) queries.push_back(path);
    path.clear();
  }

  const std::vector<std::string_view> views(queries.begin(), queries.end());
  const auto table = std::make_shared<const PathTable>(views, max_paths);
  Require(table->query_count() == queries.size());
  for (uint32_t node = 0; node < table->node_count(); ++node) {
    Require(table->Find(table->NameOf(node)) == node);
    Require(table->exact(node) == (known.count(table->NameOf(node)) > 0));
    Require(node < table->end(node) && table->end(node) <= table->node_count());
  }
  for (const std::string& query : queries) {
    Require(table->exact(table->Find(query)));
    Require(table->Find(query + ".") == PathTable::kNone);
  }

  std::vector<uint32_t> nodes;
  for (size_t i = size - picks; i < size; ++i) {
    nodes.push_back(data[i] % table->node_count());
  }
  pathcast::PathScratch scratch(*table);
  for (const uint32_t node : nodes) scratch.nodes.Add(node);
  std::vector<uint32_t> cover(table->max_cover());
  cover.resize(table->Cover(&scratch, cover));
  Require(cover.size() <= max_paths && cover.empty() == nodes.empty());
  for (size_t i = 1; i < cover.size(); ++i) {
    Require(table->end(cover[i - 1]) <= cover[i]);
  }
  for (const uint32_t node : nodes) Require(Holds(*table, cover, node));

  // A module a node that was chosen, each leading to the one after it.
  pathcast::CascadeSpec spec;
  for (const uint32_t node : nodes) spec.modules.push_back({node});
  for (uint32_t i = 1; i < nodes.size(); ++i) spec.edges.emplace_back(i - 1, i);
  pathcast::Cascades cascades(table, spec);
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::vector<uint32_t> closed(table->max_cover());
    closed.resize(cascades.Close({&nodes[i], 1}, closed));
    Require(closed.size() <= max_paths);
    for (size_t after = i; after < nodes.size(); ++after) {
      Require(Holds(*table, closed, nodes[after]));
    }
  }
  return 0;
}
