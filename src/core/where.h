// What paths of an action, or of a stretch of them, are narrowed to: the inputs
// that it concerns (SPEC §19). A path that is not in the map concerns any.
//
// Values; hub thread only. Texts are JSON as it stands on the wire, so that
// nothing of it is decoded.
#ifndef PATHCAST_CORE_WHERE_H_
#define PATHCAST_CORE_WHERE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pathcast {

// lib/protocol/where.ts has the same. What is more is not narrowed.
inline constexpr size_t kWherePaths = 32;
inline constexpr size_t kWhereKeys = 4;
inline constexpr size_t kWhereValues = 16;
inline constexpr size_t kWhereBytes = 2'048;

// A key of the input, and the values of it that are concerned.
struct WhereKey {
  std::string key;
  std::vector<std::string> values;
};
using Restriction = std::vector<WhereKey>;
// By the path's id.
using WhereMap = std::map<uint32_t, Restriction>;

// Makes it what either concerns, or a little more. False: that is any input.
bool JoinRestriction(Restriction* restriction, const Restriction& other);

// `{"id":"g1","clientId":["c1","c2"]}`
void AppendRestriction(std::string* json, const Restriction& restriction);

// Of its JSON without the paths, about.
size_t WhereBytes(const WhereMap& where);

}  // namespace pathcast

#endif  // PATHCAST_CORE_WHERE_H_
