#include "broker/shared.h"

#include "broker/stored.h"

namespace pathcast::broker {

std::vector<FormerEpoch> ReadFormer(std::string_view text) {
  std::vector<FormerEpoch> former;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t dot = word.find('.');
    uint64_t last = 0;
    if (dot != std::string_view::npos && dot > 0 &&
        ReadNumber(word.substr(dot + 1), &last)) {
      former.push_back({std::string(word.substr(0, dot)), last});
    }
  }
  return former;
}

bool Learn(Known* known, const Said& said) {
  // Answers and doorbells come on two connections, so in any order.
  if (known->epoch == said.epoch && known->seq > said.seq) {
    known->run = said.run;
    return true;
  }
  bool same = known->epoch == said.epoch;
  if (!same && !known->epoch.empty()) {
    for (const FormerEpoch& each : ReadFormer(said.former)) {
      if (each.epoch != known->epoch) continue;
      if (each.last_seq < known->seq) return false;
      same = true;
    }
  }
  if (!said.id.empty() || !same || known->seq != said.seq) known->id = said.id;
  known->run = said.run;
  known->epoch = said.epoch;
  known->seq = said.seq;
  return true;
}

void CountEpoch(BrokerMetrics* metrics, std::string_view why) {
  constexpr std::string_view kCauses[kEpochCauseCount] = {
      "new", "lost", "rewound", "unvouched", "vouched"};
  for (size_t i = 0; i < kEpochCauseCount; ++i) {
    if (why == kCauses[i]) metrics->epochs[i].Add(1);
  }
}

Refusal RefusalOf(std::string_view error) {
  // A script's own commands are refused inside of a longer text before 7.0.
  if (error.find("WRONGTYPE") != std::string_view::npos) {
    return Refusal::kWrongType;
  }
  switch (redis::KindOfError(error)) {
    case redis::TroubleKind::kLoading:
    case redis::TroubleKind::kMasterDown:
    case redis::TroubleKind::kReadOnly:
    case redis::TroubleKind::kNoAuth:
    case redis::TroubleKind::kWrongPassword:
    case redis::TroubleKind::kNoPermission:
    case redis::TroubleKind::kBusy:
    case redis::TroubleKind::kOutOfMemory:
    case redis::TroubleKind::kMisconfigured:
    case redis::TroubleKind::kClusterDown:
    case redis::TroubleKind::kMoved:
      return Refusal::kAway;
    default:
      break;
  }
  for (const std::string_view word :
       {"OOM", "READONLY", "MISCONF", "NOREPLICAS", "TRYAGAIN", "UNKILLABLE",
        "NOPERM", "MASTERDOWN", "CLUSTERDOWN"}) {
    if (error.find(word) != std::string_view::npos) return Refusal::kAway;
  }
  return Refusal::kForGood;
}

}  // namespace pathcast::broker
