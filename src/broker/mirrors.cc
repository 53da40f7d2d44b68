#include "broker/mirrors.h"

#include <algorithm>
#include <vector>

#include "broker/names.h"

namespace pathcast::broker {
namespace {

// Of one node, at a time: after an outage every company is read.
constexpr size_t kReadsAtOnce = 64;

// Of one read; a longer stretch takes several.
constexpr uint64_t kActionsARead = 1'000;

// Of one company, while it is read; beyond it they are dropped, and it is read
// once more.
constexpr size_t kMaxHeld = 1'000;
constexpr uint64_t kMaxHeldBytes = 4u << 20;

constexpr int64_t kUnvouchedRetryMs = 100;
constexpr int64_t kUnvouchedMs = 1'000;
// After a refusal that may pass.
constexpr int64_t kRefusedRetryMs = 500;
// Between two looks at the head that messages of somebody else ask for.
constexpr int64_t kOddEveryMs = 1'000;

constexpr size_t kEpochDigits = 12;
// In an answer of READ: before the actions, and of each of them.
constexpr size_t kHeadParts = 9;
constexpr size_t kActionParts = 4;

}  // namespace

bool Mirrors::Watch(const std::string& tenant) {
  const std::shared_ptr<Company>& company = shared_->companies.Use(tenant);
  company->idle_since_ms = 0;
  if (!company->watched) {
    company->watched = true;
    shared_->metrics().companies.Set(++watched_);
    shared_->transport->Subscribe(BellName(company->base));
    shared_->companies.Settle(company.get());
  }
  // What it may be told has to be read behind the gate.
  if (company->read && shared_->gate.shut()) {
    company->asked = true;
    WantRead(company.get());
    return false;
  }
  // Nobody can tell for now whether another log has taken its place.
  if (company->whole && !shared_->transport->commands_ready()) return true;
  return company->read;
}

uint64_t Mirrors::ReadAnew(const std::string& tenant) {
  Company* company = shared_->companies.Find(tenant);
  company->asked = true;
  WantRead(company);
  // One that is under way may have been carried out already. WantRead may have
  // sent one just now: that is in the count.
  return company->reading && !company->wants_read ? company->reads
                                                  : company->reads + 1;
}

// What is read while the doorbell does not stand is read again when it does.
bool Mirrors::MayRead(const Company& company) {
  return company.standing || company.asked;
}

std::string_view Mirrors::Refused(const std::string& tenant) const {
  const Company* company = shared_->companies.Find(tenant);
  return company == nullptr ? std::string_view() : company->refused;
}

void Mirrors::NoteStreams(const std::string& tenant, bool any) {
  Company* company = shared_->companies.Find(tenant);
  if (company == nullptr || !company->watched) return;
  if (any) {
    company->idle_since_ms = 0;
  } else if (company->idle_since_ms == 0) {
    company->idle_since_ms = std::max<int64_t>(1, shared_->NowMs());
    leaving_.emplace_back(company->idle_since_ms, tenant);
  }
}

void Mirrors::Forget(const std::string& tenant) {
  Company* company = shared_->companies.Find(tenant);
  if (company != nullptr && company->watched) Leave(company);
}

void Mirrors::Leave(Company* company) {
  shared_->transport->Unsubscribe(BellName(company->base));
  company->watched = company->standing = company->read = false;
  company->wants_read = company->gap = company->held_overflow = false;
  company->asked = company->whole = false;
  company->held.clear();
  company->held_bytes = 0;
  company->expected_seq = 0;
  company->read_again_ms = 0;
  shared_->metrics().companies.Set(--watched_);
  shared_->companies.Settle(company);
}

void Mirrors::OnConnected() { ReadSome(); }

void Mirrors::OnGateOpen() {
  // Of those whose doorbells have stood all the time only what rang waits.
  shared_->companies.ForEach([this](const std::shared_ptr<Company>& company) {
    if (company->watched && !company->held.empty()) WantRead(company.get());
  });
  ReadSome();
}

void Mirrors::OnSubscriptionsLost() {
  shared_->companies.ForEach([](const std::shared_ptr<Company>& company) {
    company->standing = false;
    // The read that follows the next subscription covers them.
    company->held.clear();
    company->held_bytes = 0;
  });
}

void Mirrors::OnSubscribed(Company* company) {
  if (!company->watched) return;
  company->standing = true;
  WantRead(company);
}

void Mirrors::WantRead(Company* company) {
  company->wants_read = true;
  if (company->reading || company->read_lined || !MayRead(*company)) return;
  company->read_lined = true;
  line_.push_back(shared_->companies.Hold(company));
  ReadSome();
}

void Mirrors::ReadSome() {
  if (!shared_->transport->commands_ready() || !shared_->gate.open()) return;
  while (!line_.empty() && reading_ < kReadsAtOnce) {
    const std::shared_ptr<Company> company = std::move(line_.front());
    line_.pop_front();
    company->read_lined = false;
    if (company->wants_read && MayRead(*company) && !company->reading) {
      Read(company);
    }
  }
}

void Mirrors::Read(const std::shared_ptr<Company>& company) {
  Channel* channel = shared_->owner->Mirror(company->tenant);
  company->wants_read = company->asked = false;
  if (channel == nullptr) return;
  company->reading = true;
  company->read_again_ms = 0;
  ++company->reads;
  ++reading_;
  shared_->metrics().reads.Add(1);
  const ActionLog& log = channel->log();
  const uint64_t from = log.unread() || company->whole ? 1 : log.head_seq() + 1;
  const Known& known = company->known;
  const LogNames names(company->base);
  const bool force =
      company->unvouched_since_ms != 0 &&
      shared_->NowMs() - company->unvouched_since_ms >= kUnvouchedMs;
  const std::string seq = std::to_string(known.seq);
  const std::string fresh = shared_->context->random.HexId(kEpochDigits);
  const std::string first = std::to_string(from);
  const std::string count = std::to_string(kActionsARead);
  const std::string bell = BellName(company->base);
  const std::string placed = std::to_string(known.at_ms);
  const std::string_view keys[] = {names.head, names.log, names.ids};
  const std::string_view arguments[] = {shared_->transport->run_id(),
                                        known.run,
                                        known.epoch,
                                        seq,
                                        known.id,
                                        force ? "1" : "",
                                        fresh,
                                        first,
                                        count,
                                        bell,
                                        shared_->transport->ring(),
                                        placed};
  shared_->transport->Eval(shared_->read_script, keys, arguments,
                           [this, company, from](redis::Reply reply) {
                             OnRead(company, from, std::move(reply));
                           });
}

void Mirrors::OnRead(const std::shared_ptr<Company>& company, uint64_t from,
                     redis::Reply reply) {
  shared_->owner->BeginBrokerTurn();
  company->reading = false;
  --reading_;
  const auto& parts = reply.elements();
  const std::string_view word =
      parts.empty() ? std::string_view() : parts[0].text();
  if (!company->watched) {
    // Nobody wants it any more.
  } else if (!reply.answered() || !shared_->gate.open()) {
    // Again once there is a connection, or the gate is open.
    company->wants_read = company->asked = true;
  } else if (reply.error() && RefusalOf(reply.text()) == Refusal::kAway) {
    Retry(company.get(), kRefusedRetryMs);
  } else if (word == "OK" && parts.size() >= kHeadParts) {
    Apply(company.get(), from, reply);
  } else if (word == "UNVOUCHED") {
    if (company->unvouched_since_ms == 0)
      company->unvouched_since_ms = shared_->NowMs();
    Retry(company.get(), kUnvouchedRetryMs);
  } else if (word == "FORMAT" && parts.size() > 1) {
    Refuse(company.get(), "format",
           "its log is of the newer format " + parts[1].text());
  } else {
    Refuse(company.get(), "refused",
           reply.error() ? reply.text() : "an answer that is not the script's");
  }
  if (company->wants_read) WantRead(company.get());
  shared_->companies.Settle(company.get());
  ReadSome();
}

void Mirrors::Refuse(Company* company, std::string_view kind, std::string why) {
  if (company->refused.empty()) shared_->metrics().foreign.Add(1);
  shared_->Warn(kind, company->tenant, "the company is left alone: " + why);
  company->LeaveAlone(std::move(why), shared_->NowMs());
  // What the mirror has may be any age by then.
  company->read = false;
  Retry(company, kLeftAloneMs);
  if (Channel* channel = shared_->owner->Mirror(company->tenant)) {
    shared_->owner->OnMirrorRefused(channel);
  }
}

void Mirrors::Apply(Company* company, uint64_t from, redis::Reply& reply) {
  auto& parts = reply.elements();
  Channel* channel = shared_->owner->Mirror(company->tenant);
  uint64_t newest = 0, at = 0, born = 0, lost = 0, first = 0;
  const size_t count = (parts.size() - kHeadParts) / kActionParts;
  if (channel == nullptr) return;
  if (!ReadNumber(parts[2].text(), &newest) ||
      !ReadNumber(parts[3].text(), &at) ||
      !ReadNumber(parts[5].text(), &born) ||
      !ReadNumber(parts[6].text(), &lost) ||
      (count > 0 && !ReadNumber(parts[kHeadParts].text(), &first))) {
    return Refuse(company, "refused", "an answer that is not the script's");
  }
  company->unvouched_since_ms = 0;
  company->refused.clear();
  shared_->metrics().read_actions.Add(count);
  shared_->Began(parts[4].text(), company->tenant);
  const std::string& epoch = parts[1].text();
  std::vector<FormerEpoch> former = ReadFormer(parts[7].text());

  uint64_t last = 0;
  const size_t end = kHeadParts + count * kActionParts;
  if (count > 0) (void)ReadNumber(parts[end - kActionParts].text(), &last);
  Said said{parts[8].text(),         epoch, newest, {}, parts[7].text(),
            static_cast<int64_t>(at)};
  if (last == newest && count > 0) said.id = parts[end - 2].text();
  shared_->transport->NoteRun(said.run);
  // The rest of it is still to be read: which action is at its head is not
  // told.
  const bool whole = count == 0 || last == newest;
  if (whole && !Learn(&company->known, said)) company->wants_read = true;

  const ActionLog& log = channel->log();
  LogLife life{epoch,     former, static_cast<int64_t>(born),
               INT64_MIN, newest, static_cast<int64_t>(at)};
  if (lost > 0) life.lost_through_ms = static_cast<int64_t>(lost);
  if (count > 0) life.head_seq = first - 1;
  bool renews = false;
  Reason why = Reason::kTrimmed;
  if (log.unread()) {
    why = Reason::kBrokerLost;
    renews = true;
  } else if (log.epoch() == epoch) {
    renews = newest < log.head_seq();
  } else {
    const auto name = std::find_if(
        former.begin(), former.end(),
        [&](const FormerEpoch& each) { return each.epoch == log.epoch(); });
    renews = name == former.end() || name->last_seq < log.head_seq();
    if (!renews) channel->Rename(*shared_->context, epoch, std::move(former));
  }
  // All of another log is wanted. Its streams stay at their places until it is
  // here: it may be a Redis that has had its day, and theirs is the log again.
  if (renews && from != 1) return WantWhole(company);
  if (renews) {
    if (!log.unread()) why = Reason::kEpochChanged;
    channel->Restart(*shared_->context, std::move(life));
  }
  company->whole = false;
  if (!renews && newest > log.head_seq() &&
      (count == 0 || first > log.head_seq() + 1)) {
    // What comes next is not kept any more.
    channel->Restart(*shared_->context, std::move(life));
    renews = true;
  }
  channel->log().NoteClock(static_cast<int64_t>(at));
  if (!Append(channel, reply, renews)) {
    // Something else than an action stands in the log: it is passed over, and
    // what it may have been is lost.
    shared_->metrics().foreign.Add(1);
    renews = true;
    why = Reason::kTrimmed;
  }
  if (renews) channel->Renew(*shared_->context, why);
  shared_->owner->OnMirrorGrew(channel);
  if (last != 0 && last < newest) {
    // The rest of it.
    company->wants_read = true;
    return;
  }
  Ready(company, channel);
}

bool Mirrors::Append(Channel* channel, redis::Reply& reply, bool loads) {
  auto& parts = reply.elements();
  const uint64_t call = next_call_++;
  const int64_t now_us = shared_->NowUs();
  bool whole = true;
  for (size_t i = kHeadParts; i + kActionParts <= parts.size();
       i += kActionParts) {
    Placed placed;
    uint64_t at = 0;
    const ActionLog& log = channel->log();
    if (!ReadNumber(parts[i].text(), &placed.seq) ||
        !ReadNumber(parts[i + 1].text(), &at) || placed.seq <= log.head_seq()) {
      continue;
    }
    placed.arrived_ms = static_cast<int64_t>(at);
    placed.id = parts[i + 2].text();
    placed.stored = parts[i + 3].text();
    placed.published_us = now_us;
    EntryRef entry;
    if (placed.seq == log.head_seq() + 1) {
      entry = MakePlaced(*shared_->context, &shared_->reader, channel, placed);
    }
    if (!entry) {
      LogLife life{
          log.epoch(),   log.former(),
          log.born_ms(), std::max(log.lost_through_ms(), placed.arrived_ms),
          placed.seq,    placed.arrived_ms};
      channel->Restart(*shared_->context, std::move(life));
      whole = false;
      continue;
    }
    if (loads || !whole) {
      channel->Load(*shared_->context, std::move(entry));
    } else {
      channel->Publish(*shared_->context, std::move(entry), call);
    }
  }
  return whole;
}

void Mirrors::WantWhole(Company* company) {
  company->whole = company->wants_read = true;
  company->read = false;
}

void Mirrors::Ready(Company* company, Channel* channel) {
  if (std::exchange(company->gap, false)) {
    shared_->metrics().gaps_healed.Add(1);
  }
  company->read = true;
  if (company->expected_seq != 0 &&
      company->expected_seq <= channel->log().head_seq()) {
    company->expected_seq = 0;
  }
  ReleaseHeld(company);
  if (std::exchange(company->held_overflow, false)) company->wants_read = true;
  shared_->owner->OnMirrorGrew(channel);
  // Else what rang meanwhile shows that it is still behind.
  if (company->read && !company->gap)
    shared_->owner->OnMirrorRead(channel, company->reads);
}

void Mirrors::ReleaseHeld(Company* company) {
  Channel* channel = shared_->owner->Mirror(company->tenant);
  std::deque<HeldRing> held;
  held.swap(company->held);
  company->held_bytes = 0;
  for (HeldRing& ring : held) {
    RungAction action;
    RungEphemeral event;
    (void)DecodeRing(ring.payload, &action, &event);
    if (company->wants_read) {
      Hold(company, std::move(ring.payload));
    } else if (!TakeRung(company, channel, action)) {
      if (ring.reads < company->reads) {
        // A read that began after it had rung does not know of it; or its
        // epoch has passed.
        if (action.epoch == channel->log().epoch())
          shared_->metrics().foreign.Add(1);
        continue;
      }
      Gap(company);
      Hold(company, std::move(ring.payload));
    }
  }
}

void Mirrors::Hold(Company* company, std::string payload) {
  if (company->held.size() >= kMaxHeld ||
      company->held_bytes + payload.size() > kMaxHeldBytes) {
    company->held_overflow = true;
    return;
  }
  company->held_bytes += payload.size();
  // A read that is under way may have been answered before it rang.
  company->held.push_back({std::move(payload), company->reads});
}

void Mirrors::OnRing(Company* company, std::string payload) {
  RungAction action;
  RungEphemeral event;
  const Ring ring = DecodeRing(payload, &action, &event);
  Channel* channel = shared_->owner->Mirror(company->tenant);
  if (!company->watched || channel == nullptr) return;
  if (ring == Ring::kAction || ring == Ring::kBegun) {
    if (ring == Ring::kAction) {
      shared_->metrics().doorbells.Add(1);
      shared_->metrics().doorbell_lag.Record(
          (shared_->context->wall_ms - action.arrived_ms) * 1'000);
    }
    if (!company->read || company->reading || company->wants_read ||
        shared_->gate.shut()) {
      return Hold(company, std::move(payload));
    }
    if (TakeRung(company, channel, action)) return;
    Gap(company);
    Hold(company, std::move(payload));
    return WantRead(company);
  }
  if (ring == Ring::kEphemeral) {
    if (event.node_id == shared_->options.node_id) return;
    if (shared_->gate.shut()) {
      return shared_->context->metrics->ephemerals_dropped.Add(1);
    }
    const EntryText text{event.json, {}, event.transformed_json, {}};
    EntryRef entry = EntryBuilder::Ephemeral(channel->log().epoch(),
                                             channel->log().head_seq(), text);
    entry->arrived_ms = channel->log().SafeNowMs(shared_->context->now_ms);
    channel->PublishEphemeral(*shared_->context, std::move(entry));
    return shared_->owner->OnMirrorGrew(channel);
  }
  if (ring == Ring::kNewer) {
    shared_->Warn("newer", company->tenant,
                  "messages of a newer version are passed over");
    // It may keep the log by now.
    return LookSoon(company);
  }
  shared_->metrics().foreign.Add(1);
  shared_->Warn("foreign", company->tenant,
                "somebody else publishes to its channel");
  // Or what was to be read has come to harm on its way.
  LookSoon(company);
}

// However much of it comes.
void Mirrors::LookSoon(Company* company) {
  const int64_t since_ms = shared_->NowMs() - company->odd_ms;
  if (company->odd_ms != 0 && since_ms < kOddEveryMs) {
    if (company->read_again_ms == 0) Retry(company, kOddEveryMs - since_ms);
    return;
  }
  company->odd_ms = shared_->NowMs();
  WantRead(company);
}

bool Mirrors::TakeRung(Company* company, Channel* channel,
                       const RungAction& action) {
  // Known by its answer, most often.
  if (action.epoch == channel->log().epoch() &&
      action.seq <= channel->log().head_seq()) {
    return true;
  }
  // An own one may ring before its answer comes.
  for (size_t i = 0; i < company->sent; ++i) {
    const Order& order = company->orders[i];
    if (order.id != action.id) continue;
    if (!Take(company, channel, action, order.posted_us, order.call_number)) {
      return false;
    }
    if (!order.held) shared_->owner->OnMirrorGrew(channel);
    return true;
  }
  if (!Take(company, channel, action, shared_->NowUs(), next_call_++)) {
    return false;
  }
  shared_->owner->OnMirrorGrew(channel);
  return true;
}

bool Mirrors::Take(Company* company, Channel* channel, const RungAction& action,
                   int64_t published_us, uint64_t call) {
  const ActionLog& log = channel->log();
  if (action.epoch != log.epoch()) return false;
  if (action.seq <= log.head_seq()) return true;
  if (action.seq != log.head_seq() + 1) return false;
  EntryRef entry = MakePlaced(
      *shared_->context, &shared_->reader, channel,
      {action.seq, action.arrived_ms, action.id, action.stored, published_us});
  // What the log itself has there, the read shows.
  if (!entry) return false;
  entry->arrived_ms = std::max(
      entry->arrived_ms,
      log.size() == 0 ? INT64_MIN : log.At(log.head_seq())->arrived_ms);
  channel->log().NoteClock(entry->arrived_ms);
  channel->Publish(*shared_->context, std::move(entry), call);
  Known& known = company->known;
  if (known.epoch == action.epoch && known.seq < action.seq) {
    known.seq = action.seq;
    known.id = action.id;
    known.at_ms = action.arrived_ms;
  }
  if (company->expected_seq != 0 && company->expected_seq <= action.seq) {
    company->expected_seq = 0;
  }
  return true;
}

void Mirrors::Gap(Company* company) {
  if (!company->gap) shared_->metrics().gaps_found.Add(1);
  company->gap = true;
  company->wants_read = true;
}

void Mirrors::OnOther(Company* company) {
  if (company->watched) WantRead(company);
}

void Mirrors::OnRefused(Company* company) {
  if (company->watched) LookSoon(company);
}

void Mirrors::OnPlaced(Company* company, const Head& head, const Order& order) {
  if (!company->watched || !company->read) return;
  Channel* channel = shared_->owner->Mirror(company->tenant);
  if (channel == nullptr) return;
  if (head.epoch != channel->log().epoch() || shared_->gate.shut()) {
    return WantRead(company);
  }
  const uint64_t next = channel->log().head_seq() + 1;
  if (head.seq < next) return;
  // Behind others' that are still on the other connection. The next one is the
  // next one whatever is read: the log may not keep it until the answer.
  if (head.seq > next) return Expect(company, head.seq);
  const int64_t posted_us =
      order.posted_us != 0 ? order.posted_us : shared_->NowUs();
  RungAction action{head.epoch, head.seq, head.at_ms, order.id, order.Whole()};
  if (!Take(company, channel, action, posted_us, order.call_number)) {
    Expect(company, head.seq);
  }
}

}  // namespace pathcast::broker
