#include "broker/shared.h"

#include "broker/stored.h"

namespace pathcast::broker {

namespace {

constexpr int64_t kLossEveryMs = 60'000;

constexpr std::string_view kCauses[kEpochCauseCount] = {
    "new", "lost", "rewound", "unvouched", "vouched"};

// In the order of kCauses; empty: nothing was lost.
constexpr std::string_view kLosses[kEpochCauseCount] = {
    "",
    "Redis no longer has this company's log (FLUSHALL, DEL, an eviction, a "
    "restart without its data)",
    "Redis went back in time (a replica that was promoted too early, an old "
    "dump, the last second of its file): this company's log has lost actions",
    "Redis was restarted, and no node came that had followed this company's "
    "log: nobody can say whether it is whole",
    ""};

}  // namespace

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
  known->at_ms = said.at_ms;
  return true;
}

void Shared::Began(std::string_view why, const std::string& company) {
  for (size_t i = 0; i < kEpochCauseCount; ++i) {
    if (why != kCauses[i]) continue;
    metrics().epochs[i].Add(1);
    if (kLosses[i].empty() || NowMs() - loss_told_ms < kLossEveryMs) return;
    loss_told_ms = NowMs();
    owner->OnBrokerWarning(
        {"log-" + std::string(why),
         std::string(kLosses[i]) +
             "; a new one begins, and its streams are told to read everything "
             "again (metric `epochs`; of further losses nothing is said for a "
             "minute)",
         company});
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
