#include "core/where.h"

#include <algorithm>
#include <utility>

namespace pathcast {

bool JoinRestriction(Restriction* restriction, const Restriction& other) {
  std::erase_if(*restriction, [&](WhereKey& mine) {
    const auto theirs =
        std::find_if(other.begin(), other.end(),
                     [&](const WhereKey& key) { return key.key == mine.key; });
    // One of the two says nothing of it.
    if (theirs == other.end()) return true;
    for (const std::string& value : theirs->values) {
      if (std::find(mine.values.begin(), mine.values.end(), value) ==
          mine.values.end()) {
        mine.values.push_back(value);
      }
    }
    return mine.values.size() > kWhereValues;
  });
  return !restriction->empty();
}

void AppendRestriction(std::string* json, const Restriction& restriction) {
  json->push_back('{');
  for (const WhereKey& key : restriction) {
    if (&key != &restriction.front()) json->push_back(',');
    json->append(key.key).push_back(':');
    const bool list = key.values.size() != 1;
    if (list) json->push_back('[');
    for (const std::string& value : key.values) {
      if (&value != &key.values.front()) json->push_back(',');
      json->append(value);
    }
    if (list) json->push_back(']');
  }
  json->push_back('}');
}

size_t WhereBytes(const WhereMap& where) {
  size_t bytes = 0;
  for (const auto& [path, restriction] : where) {
    for (const WhereKey& key : restriction) {
      bytes += key.key.size() + 4;
      for (const std::string& value : key.values) bytes += value.size() + 1;
    }
  }
  return bytes;
}

}  // namespace pathcast
