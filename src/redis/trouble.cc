#include "redis/trouble.h"

#include <utility>

namespace pathcast::redis {

std::string_view ToString(TroubleKind kind) {
  switch (kind) {
    case TroubleKind::kNone:
      return "none";
    case TroubleKind::kNoSuchHost:
      return "no such host";
    case TroubleKind::kUnreachable:
      return "unreachable";
    case TroubleKind::kTimeout:
      return "connecting took too long";
    case TroubleKind::kSilent:
      return "silent";
    case TroubleKind::kEnded:
      return "connection ended";
    case TroubleKind::kProtocol:
      return "not Redis's protocol";
    case TroubleKind::kNoMaster:
      return "no master known";
    case TroubleKind::kNotMaster:
      return "not a master";
    case TroubleKind::kSwitched:
      return "another master";
    case TroubleKind::kClosed:
      return "closed";
    case TroubleKind::kFull:
      return "output full";
    case TroubleKind::kLoading:
      return "loading";
    case TroubleKind::kMasterDown:
      return "master down";
    case TroubleKind::kReadOnly:
      return "read only";
    case TroubleKind::kNoAuth:
      return "password needed";
    case TroubleKind::kWrongPassword:
      return "wrong password";
    case TroubleKind::kNoPermission:
      return "no permission";
    case TroubleKind::kNoSuchDb:
      return "no such database";
    case TroubleKind::kTooManyClients:
      return "too many clients";
    case TroubleKind::kBusy:
      return "busy";
    case TroubleKind::kOutOfMemory:
      return "out of memory";
    case TroubleKind::kMisconfigured:
      return "cannot save";
    case TroubleKind::kClusterDown:
      return "cluster down";
    case TroubleKind::kMoved:
      return "moved";
    case TroubleKind::kNoScript:
      return "no such script";
    case TroubleKind::kWrongType:
      return "wrong type";
    case TroubleKind::kOther:
      return "error";
  }
  return "unknown";
}

TroubleKind KindOfError(std::string_view error) {
  static constexpr std::pair<std::string_view, TroubleKind> kWords[] = {
      {"LOADING", TroubleKind::kLoading},
      {"MASTERDOWN", TroubleKind::kMasterDown},
      {"READONLY", TroubleKind::kReadOnly},
      {"NOAUTH", TroubleKind::kNoAuth},
      {"WRONGPASS", TroubleKind::kWrongPassword},
      {"NOPERM", TroubleKind::kNoPermission},
      {"DENIED", TroubleKind::kNoPermission},
      {"BUSY", TroubleKind::kBusy},
      {"OOM", TroubleKind::kOutOfMemory},
      {"MISCONF", TroubleKind::kMisconfigured},
      {"CLUSTERDOWN", TroubleKind::kClusterDown},
      {"MOVED", TroubleKind::kMoved},
      {"NOSCRIPT", TroubleKind::kNoScript},
      {"WRONGTYPE", TroubleKind::kWrongType},
  };
  const std::string_view word = error.substr(0, error.find(' '));
  for (const auto& [known, kind] : kWords) {
    if (word == known) return kind;
  }
  // These came before the words did.
  if (error.starts_with("ERR max number of clients")) {
    return TroubleKind::kTooManyClients;
  }
  return TroubleKind::kOther;
}

}  // namespace pathcast::redis
