// What a company's log is called in Redis: lib/redis/keys.ts in C++
// (lib/SPEC.md §13).
//
// Values; any thread.
#ifndef PATHCAST_BROKER_NAMES_H_
#define PATHCAST_BROKER_NAMES_H_

#include <string>
#include <string_view>

namespace pathcast::broker {

// Of all names and of every stored text. A node that meets a higher one leaves
// it alone.
inline constexpr int kFormat = 1;

inline constexpr std::string_view kBellSuffix = ":bell";

// "<prefix>:1:{<company>}": what the names of its keys and of its doorbell
// begin with. A company is any bytes; no two share a name, and no brace of it
// ends the hash tag.
std::string BaseName(std::string_view prefix, std::string_view company);
// The channel on which a node hears itself.
std::string ProbeName(std::string_view prefix, std::string_view node_id);

// The keys of the scripts, in their order, and the doorbell.
struct LogNames {
  explicit LogNames(const std::string& base)
      : head(base + ":head"), log(base + ":log"), ids(base + ":ids") {}
  std::string head;
  std::string log;
  std::string ids;
};
inline std::string BellName(const std::string& base) {
  return base + std::string(kBellSuffix);
}

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_NAMES_H_
