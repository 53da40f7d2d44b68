#include "redis/handshake.h"

#include <cassert>
#include <utility>

namespace pathcast::redis {

Handshake::Handshake(const Introduction& introduction) {
  const Credentials& credentials = introduction.credentials;
  if (!credentials.password.empty()) {
    // A Redis before 6 knows no users.
    if (credentials.user.empty()) {
      Add(Step::kAuth, {"AUTH", credentials.password});
    } else {
      Add(Step::kAuth, {"AUTH", credentials.user, credentials.password});
    }
  }
  if (introduction.db != 0) {
    Add(Step::kSelect, {"SELECT", std::to_string(introduction.db)});
  }
  if (!introduction.client_name.empty()) {
    Add(Step::kName, {"CLIENT", "SETNAME", introduction.client_name});
  }
  if (introduction.require_master) Add(Step::kRole, {"ROLE"});
  Add(Step::kPing, {"PING"});
}

void Handshake::Add(Step step, std::vector<std::string> command) {
  steps_.push_back(step);
  commands_.push_back(std::move(command));
}

Trouble Handshake::Take(const Reply& reply) {
  assert(!done());
  const Step step = steps_[taken_++];
  if (!reply.error()) {
    if (step != Step::kRole) return Trouble();
    const auto& elements = reply.elements();
    if (!elements.empty() && elements[0].text() == "master") return Trouble();
    return {TroubleKind::kNotMaster,
            "it is a " + (elements.empty() ? std::string("Redis without a role")
                                           : elements[0].text())};
  }
  TroubleKind kind = KindOfError(reply.text());
  // Theirs have no word of their own in every version.
  if (kind == TroubleKind::kOther && step == Step::kAuth) {
    // Where AUTH is no command, Redis repeats what it was given.
    return {TroubleKind::kWrongPassword, "AUTH was refused"};
  }
  if (kind == TroubleKind::kOther && step == Step::kSelect) {
    kind = TroubleKind::kNoSuchDb;
  }
  if (step == Step::kName &&
      (kind == TroubleKind::kOther || kind == TroubleKind::kNoPermission)) {
    return Trouble();
  }
  return {kind, reply.text()};
}

}  // namespace pathcast::redis
