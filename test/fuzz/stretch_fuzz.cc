// Whatever query paths are stale: the event says all of them within its bound,
// or none can.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/name_table.h"
#include "core/stretch.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool Covers(std::string_view prefix, std::string_view path) {
  return prefix == "*" || prefix == path ||
         (path.starts_with(prefix) && path.substr(prefix.size(), 1) == ".");
}

// The names of the list that begins at `from`; they hold no escapes.
std::vector<std::string_view> ListAt(std::string_view json, size_t from) {
  std::vector<std::string_view> names;
  size_t at = json.find('[', from) + 1;
  while (json[at] != ']') {
    if (json[at] == ',') ++at;
    const size_t end = json.find('"', at + 1);
    names.push_back(json.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t max_bytes = 90 + size_t{data[0]} * 4;
  // The rest are paths of few letters, dots and stars, split at other bytes.
  std::set<std::string> stale;
  pathcast::NameTable paths(1 << 16);
  pathcast::NameTable modules(16);
  pathcast::Stretch stretch;
  std::string path;
  for (size_t i = 1; i <= size; ++i) {
    const char c = i < size ? "ab.*xyz."[data[i] & 7] : '\n';
    if (i < size && (data[i] & 0x38) != 0) {
      path += c;
      continue;
    }
    if (path.empty()) continue;
    const uint32_t id = paths.Intern(path);
    stretch.Add(i, static_cast<int64_t>(i), {&id, 1},
                modules.Intern(path.substr(0, 1)));
    stale.insert(path);
    path.clear();
  }

  std::string json;
  if (!pathcast::EncodeInvalidate(stretch, paths, modules, max_bytes, &json)) {
    Require(json.empty());
    return 0;
  }
  Require(json.size() <= max_bytes);
  const auto told = ListAt(json, json.find("\"queryPaths\""));
  for (const std::string& each : stale) {
    Require(std::any_of(told.begin(), told.end(), [&](std::string_view name) {
      return Covers(name, each);
    }));
  }
  Require(std::set<std::string_view>(told.begin(), told.end()).size() ==
          told.size());
  return 0;
}
