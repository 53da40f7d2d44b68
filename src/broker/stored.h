// The bytes of an action in Redis's log, and what rings on a company's channel
// (lib/SPEC.md §13). They may be anybody's: what is not whole is told apart.
//
// Pure functions over bytes; any thread. Views are of the text they were read
// from.
#ifndef PATHCAST_BROKER_STORED_H_
#define PATHCAST_BROKER_STORED_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace pathcast::broker {

// An action in parts; the seq goes between head and tail.
struct StoredAction {
  std::string_view head;
  std::string_view tail;
  // Empty: a wrap around the plain JSON will do.
  std::string_view transformed_head;
  std::string_view transformed_tail;
};

std::string EncodeStored(const StoredAction& action);
// False: it is none.
bool DecodeStored(std::string_view bytes, StoredAction* action);

// An action's doorbell.
struct RungAction {
  std::string_view epoch;
  uint64_t seq = 0;
  int64_t arrived_ms = 0;
  std::string_view id;
  // As in the log.
  std::string_view stored;
};

// An event without a place in the log.
struct RungEphemeral {
  std::string_view node_id;
  std::string_view json;
  std::string_view transformed_json;
};

enum class Ring : uint8_t {
  kAction,
  kEphemeral,
  // An epoch that no action is of yet: an action without a seq.
  kBegun,
  kNewer,    // Of a format that is not ours.
  kForeign,  // Not pathcast's.
};

// Sets the one that it says.
Ring DecodeRing(std::string_view payload, RungAction* action,
                RungEphemeral* event);
std::string EncodeRing(const RungEphemeral& event);

// A decimal number of what a script answers or a bell says; false: it is none,
// or beyond what JavaScript can count.
bool ReadNumber(std::string_view text, uint64_t* number);

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_STORED_H_
