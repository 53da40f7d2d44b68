// Why a link is not ready, or what an error reply of Redis means.
//
// A value; any thread. Told apart by `kind`; `text` is for people and never
// holds a password.
#ifndef PATHCAST_REDIS_TROUBLE_H_
#define PATHCAST_REDIS_TROUBLE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace pathcast::redis {

enum class TroubleKind : uint8_t {
  kNone,
  // Of the connection.
  kNoSuchHost,
  kUnreachable,  // Refused, no route, no such socket.
  kTimeout,      // Connecting took too long.
  kSilent,       // Connected, and nothing comes.
  kEnded,        // The peer or the network ended it.
  kProtocol,     // What came is not RESP2, or was not asked for.
  kNoMaster,     // No sentinel named one.
  kNotMaster,    // It is a replica.
  kSwitched,     // The sentinels named another master.
  kClosed,       // By its owner.
  kFull,         // The output buffer is; of single commands only.
  // What Redis answered.
  kLoading,
  kMasterDown,
  kReadOnly,
  kNoAuth,
  kWrongPassword,
  kNoPermission,
  kNoSuchDb,
  kTooManyClients,
  kBusy,
  kOutOfMemory,
  kMisconfigured,  // It refuses writes since it cannot save.
  kClusterDown,
  kMoved,
  kNoScript,
  kWrongType,
  kOther,
};

struct Trouble {
  TroubleKind kind = TroubleKind::kNone;
  std::string text;
};

// kWrongPassword -> "wrong password", …
std::string_view ToString(TroubleKind kind);

// What an error reply means: by its first word. Never kNone.
TroubleKind KindOfError(std::string_view error);

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_TROUBLE_H_
