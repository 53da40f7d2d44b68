// What the rooms of the log in a broker share. Owner: BrokerLog. Thread: hub
// thread.
#ifndef PATHCAST_BROKER_SHARED_H_
#define PATHCAST_BROKER_SHARED_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "broker/companies.h"
#include "broker/company.h"
#include "broker/gate.h"
#include "broker/log_options.h"
#include "broker/owner.h"
#include "broker/transport.h"
#include "core/action_log.h"
#include "core/context.h"
#include "json/action_reader.h"

namespace pathcast::broker {

struct Shared {
  Shared(Context* context, Owner* owner, LogOptions log_options,
         size_t max_companies)
      : context(context),
        owner(owner),
        options(std::move(log_options)),
        companies(options.prefix, max_companies),
        gate(options.asks_revocations) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  BrokerMetrics& metrics() const { return context->metrics->broker; }
  // Asked where time passes inside a turn.
  int64_t NowUs() const { return context->clock->NowUs(); }
  int64_t NowMs() const { return context->steady_ms; }

  // Once a kind and company, until `told` is cleared.
  void Warn(std::string_view kind, const std::string& company,
            std::string text) {
    constexpr size_t kMaxTold = 1'000;
    if (told.size() >= kMaxTold ||
        !told.insert(std::string(kind) + ' ' + company).second) {
      return;
    }
    owner->OnBrokerWarning({kind, std::move(text), company});
  }

  // A log began anew, or under a new name: counted, and where something was
  // lost people hear of it, once a minute.
  void Began(std::string_view why, const std::string& company);

  Context* const context;
  Owner* const owner;
  const LogOptions options;
  Companies companies;
  Gate gate;
  ActionReader reader;
  Transport* transport = nullptr;
  size_t publish_script = 0;
  size_t read_script = 0;
  std::unordered_set<std::string> told;
  int64_t loss_told_ms = INT64_MIN / 2;
};

// What the scripts answer before anything of their own.
struct Head {
  std::string epoch;
  uint64_t seq = 0;
  int64_t at_ms = 0;
  std::string why;
  // As of Learn.
  bool learned = true;
};

// "a.24 b.30", the newest first; what is none is left out.
std::vector<FormerEpoch> ReadFormer(std::string_view text);

// What a script has said of a log. An id that is empty: it was not told.
struct Said {
  std::string_view run;
  std::string_view epoch;
  uint64_t seq = 0;
  std::string_view id;
  // As of ReadFormer.
  std::string_view former;
  int64_t at_ms = 0;
};

// It becomes what is known. False: this node knows a place of a former epoch
// that the log does not have. That stays known, and the log is to be asked with
// it.
bool Learn(Known* known, const Said& said);

// Counts a new epoch, or a new name.

// What a refusal of Redis means for whoever asked.
enum class Refusal : uint8_t {
  // Like a Redis that is away: tried again.
  kAway,
  // Of this company's keys alone.
  kWrongType,
  // Neither: it would be refused again.
  kForGood,
};
Refusal RefusalOf(std::string_view error);

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_SHARED_H_
