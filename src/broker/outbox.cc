#include "broker/outbox.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "broker/conflate.h"
#include "broker/mirror_entry.h"
#include "broker/names.h"
#include "broker/stored.h"

namespace pathcast::broker {
namespace {

// On their way to Redis at a time, of all companies: what a lost connection
// leaves to be sent again.
constexpr size_t kWindowCommands = 1'024;
constexpr uint64_t kWindowBytes = 4u << 20;
// Of one company: this part of what its log keeps.
constexpr uint64_t kLogShare = 2;

// Where nobody can vouch for the head: how often it is tried, and when it is
// given up.
constexpr int64_t kUnvouchedRetryMs = 100;
constexpr int64_t kUnvouchedMs = 1'000;

// The head of a log outlives what it holds by 30 days.
constexpr int64_t kHeadOutlivesMs = int64_t{30} * 24 * 60 * 60 * 1'000;

constexpr size_t kEpochDigits = 12;

// Companies whose actions are left, and that are named.
constexpr size_t kMaxNamed = 100;

std::string Number(int64_t value) { return std::to_string(value); }

}  // namespace

void Outbox::Add(const std::string& tenant, PublishOrder order,
                 const std::shared_ptr<PublishCall>& call, size_t index) {
  const std::shared_ptr<Company> company = shared_->companies.Use(tenant);
  Order made;
  made.number = next_number_++;
  made.id = std::move(order.id);
  made.stamp_ms = std::max<int64_t>(0, order.stamp_ms);
  made.stored = std::move(order.stored);
  made.rung = std::move(order.rung);
  made.posted_us = call->posted_us;
  made.call_number = call->number;
  made.held = call->outcomes.size() > shared_->context->options.compact_after;
  made.call = call;
  made.index = index;
  if (!company->refused.empty() &&
      shared_->NowMs() - company->refused_ms < kLeftAloneMs) {
    Resolve(&made, {OutcomeCode::kRefused, 0, company->refused});
    return shared_->companies.Settle(company.get());
  }
  // This one asks again whether it is to be left alone.
  company->refused_ms = shared_->NowMs();
  if (!MakeRoom(made.Bytes())) {
    shared_->metrics().outbox_full.Add(1);
    Resolve(&made, {OutcomeCode::kOutboxFull, 0, {}});
    return shared_->companies.Settle(company.get());
  }
  bytes_ += made.Bytes();
  ++actions_;
  const uint64_t number = made.number;
  company->orders.push_back(std::move(made));
  shared_->companies.Settle(company.get());
  // One that connects for the first time may be there in a moment.
  if (shared_->transport->commands_ready() ||
      shared_->transport->state() == LinkState::kConnecting) {
    deadlines_.push_back(
        {shared_->NowMs() + shared_->options.publish_wait_ms, company, number});
  } else {
    Queued(company.get(), &company->orders.back());
  }
  Line(company);
  NoteGauges();
}

void Outbox::EndCall(const std::string& tenant, uint64_t call_number) {
  Company* company = shared_->companies.Find(tenant);
  if (company != nullptr && !company->orders.empty() &&
      company->orders.back().call_number == call_number) {
    company->orders.back().held = false;
  } else {
    Offer(tenant);
  }
}

void Outbox::Offer(const std::string& tenant) {
  if (Channel* channel = shared_->owner->Mirror(tenant))
    shared_->owner->OnMirrorGrew(channel);
}

void Outbox::Line(const std::shared_ptr<Company>& company) {
  if (company->lined || company->holding ||
      company->sent == company->orders.size()) {
    return;
  }
  company->lined = true;
  line_.push_back(company);
}

void Outbox::Send() {
  if (!shared_->transport->commands_ready()) return;
  if (shared_->NowMs() < paused_until_ms_) return;
  while (!line_.empty() && in_flight_ < kWindowCommands &&
         in_flight_bytes_ < kWindowBytes) {
    const std::shared_ptr<Company> company = std::move(line_.front());
    line_.pop_front();
    company->lined = false;
    if (company->holding || company->sent == company->orders.size()) continue;
    if (company->rests_until_ms > shared_->NowMs()) {
      resting_.push_back(company);
      continue;
    }
    // Until Redis has agreed to what this node knows, an answer may change
    // what the next one has to say.
    if (company->confirmed != shared_->transport->connection() &&
        company->open > 0) {
      continue;
    }
    if (IsFull(*company)) continue;
    SendNext(company);
    Line(company);
  }
}

// What is sent again after a lost connection is known by the log that it stands
// in: what is on its way must not push out its own first ones.
bool Outbox::IsFull(const Company& company) const {
  const LogLimits& log = shared_->context->options.log;
  return company.open > 0 &&
         (company.open >= log.max_actions / kLogShare ||
          company.open_bytes >=
              static_cast<uint64_t>(log.max_bytes) / kLogShare);
}

void Outbox::SendNext(const std::shared_ptr<Company>& company) {
  // The one before it may be refused, and this one must not pass it.
  const std::string_view after =
      company->sent > 0
          ? std::string_view(company->orders[company->sent - 1].id)
          : std::string_view();
  Order& order = company->orders[company->sent++];
  ++company->open;
  ++order.sends;
  ++in_flight_;
  in_flight_bytes_ += order.Bytes();
  company->open_bytes += order.Bytes();
  order.sent_us = shared_->NowUs();

  const Context& context = *shared_->context;
  const LogLimits& log = context.options.log;
  const Known& known = company->known;
  const LogNames names(company->base);
  const std::string bell = BellName(company->base);
  const std::string seq = Number(static_cast<int64_t>(known.seq));
  const bool force =
      company->unvouched_since_ms != 0 &&
      shared_->NowMs() - company->unvouched_since_ms >= kUnvouchedMs;
  const std::string fresh = shared_->context->random.HexId(kEpochDigits);
  const std::string actions = Number(static_cast<int64_t>(log.max_actions));
  const std::string ttl = Number(log.ttl_ms);
  const std::string bytes = Number(static_cast<int64_t>(log.max_bytes));
  const std::string outlives = Number(kHeadOutlivesMs);
  const std::string stamp = Number(order.stamp_ms);
  const std::string placed = Number(known.at_ms);
  // Of what had to wait: its company may have been erased meanwhile.
  const std::string age =
      order.sends > 1 || order.says_age || order.call == nullptr
          ? Number(order.sent_us - order.posted_us)
          : "";
  const std::string_view keys[] = {names.head, names.log, names.ids};
  const std::string_view arguments[] = {bell,
                                        shared_->transport->ring(),
                                        shared_->transport->run_id(),
                                        known.run,
                                        known.epoch,
                                        seq,
                                        known.id,
                                        force ? "1" : "",
                                        fresh,
                                        actions,
                                        ttl,
                                        bytes,
                                        outlives,
                                        order.id,
                                        stamp,
                                        order.stored,
                                        order.rung,
                                        after,
                                        placed,
                                        age};
  shared_->transport->Eval(
      shared_->publish_script, keys, arguments,
      [this, company, number = order.number](redis::Reply reply) {
        OnAnswer(company, number, std::move(reply));
      });
}

void Outbox::OnAnswer(const std::shared_ptr<Company>& company, uint64_t number,
                      redis::Reply reply) {
  shared_->owner->BeginBrokerTurn();
  const bool answered = reply.answered();
  const auto place =
      std::lower_bound(company->orders.begin(), company->orders.end(), number,
                       [](const Order& order, uint64_t wanted) {
                         return order.number < wanted;
                       });
  --company->open;
  --in_flight_;
  if (place == company->orders.end() || place->number != number) {
    // Its company was given up meanwhile.
  } else {
    in_flight_bytes_ -= place->Bytes();
    company->open_bytes -= place->Bytes();
    shared_->metrics().script.Record(shared_->NowUs() - place->sent_us);
    if (Settle(company.get(), &*place, reply)) {
      // Whatever came of it, those before it wait for nothing more.
      if (!place->held) Offer(company->tenant);
      Erase(company.get(),
            std::lower_bound(company->orders.begin(), company->orders.end(),
                             number, [](const Order& order, uint64_t wanted) {
                               return order.number < wanted;
                             }));
    } else {
      company->holding = true;
    }
  }
  if (company->holding && company->open == 0) {
    company->holding = false;
    company->sent = 0;
  }
  Line(company);
  shared_->companies.Settle(company.get());
  // Else the connection is going, and everything waits for the next one.
  if (answered) Send();
  NoteGauges();
}

bool Outbox::Settle(Company* company, Order* order, redis::Reply& reply) {
  if (!reply.answered()) {
    if (reply.type() == redis::Reply::Type::kUnsent) {
      shared_->metrics().unsent.Add(1);
      --order->sends;
    } else {
      shared_->metrics().lost.Add(1);
    }
    return false;
  }
  if (reply.error()) {
    switch (RefusalOf(reply.text())) {
      case Refusal::kAway:
        // A master that was made a replica may be one again.
        shared_->transport->NoteRun({});
        if (shared_->NowMs() >= paused_until_ms_) {
          paused_until_ms_ =
              shared_->NowMs() + backoff_.NextMs(&shared_->context->random);
        }
        shared_->Warn(
            "server", {},
            "Redis refuses to write, what is published waits: " + reply.text());
        return false;
      case Refusal::kWrongType:
      case Refusal::kForGood:
        shared_->metrics().foreign.Add(1);
        shared_->Warn("refused", company->tenant,
                      "Redis refuses its log: " + reply.text());
        Resolve(order, {OutcomeCode::kRefused, 0, reply.text()});
        on_refused_(company);
        return true;
    }
  }
  const auto& parts = reply.elements();
  const std::string_view word =
      parts.empty() ? std::string_view() : parts[0].text();
  if (word == "OK" || word == "DUPLICATE") {
    Placed(company, order, reply);
    return true;
  }
  if (word == "FORGOTTEN" && parts.size() > 1) {
    // Nothing was done: what it finds of itself later is another one's.
    --order->sends;
    order->says_age = true;
    return false;
  }
  if (word == "EARLY") {
    // Nor here: it is sent again behind the one before it.
    --order->sends;
    return false;
  }
  if (word == "UNVOUCHED") {
    --order->sends;
    if (company->unvouched_since_ms == 0)
      company->unvouched_since_ms = shared_->NowMs();
    Rest(company, kUnvouchedRetryMs);
    return false;
  }
  if (word == "FORGOTTEN") {
    const char* why = "hub.forget erased the company after this was published";
    shared_->Warn("refused", company->tenant, why);
    Resolve(order, {OutcomeCode::kRefused, 0, why});
    return true;
  }
  const std::string why =
      word == "FORMAT" && parts.size() > 1
          ? "its log is of the newer format " + parts[1].text()
          : "Redis answered something that is not the script's";
  shared_->Warn(word == "FORMAT" ? "format" : "refused", company->tenant,
                "the company is left alone: " + why);
  if (word == "FORMAT") company->LeaveAlone(why, shared_->NowMs());
  Resolve(order, {OutcomeCode::kRefused, 0, why});
  on_refused_(company);
  return true;
}

void Outbox::Placed(Company* company, Order* order, redis::Reply& reply) {
  const auto& parts = reply.elements();
  Head head;
  uint64_t at = 0;
  if (parts.size() < 7 || !ReadNumber(parts[2].text(), &head.seq) ||
      !ReadNumber(parts[3].text(), &at)) {
    Resolve(order, {OutcomeCode::kRefused, 0, "an answer that is none"});
    return;
  }
  const bool duplicate = parts[0].text() == "DUPLICATE";
  head.epoch = parts[1].text();
  head.at_ms = static_cast<int64_t>(at);
  head.why = parts[4].text();
  shared_->Began(head.why, company->tenant);
  backoff_.Reset();
  company->unvouched_since_ms = 0;
  company->refused.clear();
  company->confirmed = shared_->transport->connection();
  shared_->transport->NoteRun(parts[6].text());
  head.learned =
      Learn(&company->known, {parts[6].text(), head.epoch, head.seq, order->id,
                              parts[5].text(), head.at_ms});
  // One that went out twice finds itself.
  const bool own = duplicate && order->sends > 1;
  if (duplicate && !own) {
    shared_->context->metrics->duplicates.Add(1);
  } else {
    shared_->context->metrics->publishes.Add(1);
  }
  Resolve(order,
          {duplicate && !own ? OutcomeCode::kDuplicate : OutcomeCode::kOk,
           head.seq, head.epoch});
  if (!duplicate) return on_placed_(company, head, *order);
  // What stands at its place may say something else under the same id: the
  // doorbell or a read brings that.
  Order bare;
  bare.id = order->id;
  on_placed_(company, head, bare);
}

void Outbox::Rest(Company* company, int64_t ms) {
  company->rests_until_ms = shared_->NowMs() + ms;
}

void Outbox::Erase(Company* company, std::deque<Order>::iterator place) {
  const auto index =
      static_cast<size_t>(std::distance(company->orders.begin(), place));
  if (index < company->sent) --company->sent;
  bytes_ -= place->Bytes();
  --actions_;
  company->orders.erase(place);
}

void Outbox::Resolve(Order* order, Outcome outcome) {
  const std::shared_ptr<PublishCall> call = std::move(order->call);
  order->call.reset();
  if (call == nullptr) return;
  call->outcomes[order->index] = std::move(outcome);
  if (--call->open == 0) shared_->owner->OnPublished(call.get());
}

void Outbox::Queued(Company* company, Order* order) {
  shared_->metrics().queued.Add(1);
  if (Channel* channel = shared_->owner->Mirror(company->tenant);
      channel != nullptr && channel->size() > 0) {
    EntryRef told =
        MakeTold(*shared_->context, &shared_->reader, channel, order->Whole());
    if (told) {
      channel->PublishEphemeral(*shared_->context, std::move(told));
      shared_->owner->OnMirrorGrew(channel);
    }
  }
  Resolve(order, {OutcomeCode::kQueued, 0, {}});
}

void Outbox::OnConnected() {
  paused_until_ms_ = 0;
  for (const auto& company : resting_) Line(company);
  resting_.clear();
  Send();
}

void Outbox::OnTick() {
  const int64_t now = shared_->NowMs();
  while (!deadlines_.empty()) {
    const Deadline& next = deadlines_.front();
    auto& orders = next.company->orders;
    const auto place =
        std::lower_bound(orders.begin(), orders.end(), next.number,
                         [](const Order& order, uint64_t number) {
                           return order.number < number;
                         });
    const bool waits = place != orders.end() && place->number == next.number &&
                       place->call != nullptr;
    if (waits && next.due_ms > now) break;
    if (waits) Queued(next.company.get(), &*place);
    deadlines_.pop_front();
  }
  std::vector<std::shared_ptr<Company>> resting;
  resting.swap(resting_);
  for (const auto& company : resting) Line(company);
  Send();
  NoteGauges();
}

void Outbox::Refuse(Company* company, std::string why) {
  company->LeaveAlone(why, shared_->NowMs());
  for (Order& order : company->orders) {
    Resolve(&order, {OutcomeCode::kRefused, 0, why});
    bytes_ -= order.Bytes();
    --actions_;
  }
  // What is on its way is answered to nobody.
  for (size_t i = 0; i < company->sent; ++i) {
    in_flight_bytes_ -= std::min(in_flight_bytes_, company->orders[i].Bytes());
  }
  company->orders.clear();
  company->sent = 0;
  company->open_bytes = 0;
  company->holding = false;
  NoteGauges();
}

void Outbox::NameLeft() {
  size_t named = 0;
  shared_->companies.ForEach([&](const std::shared_ptr<Company>& company) {
    if (company->orders.empty() || ++named > kMaxNamed) return;
    shared_->Warn("left", company->tenant,
                  "this company's actions that Redis has not got when the hub "
                  "closes: " +
                      std::to_string(company->orders.size()));
  });
}

bool Outbox::MakeRoom(uint64_t bytes) {
  while (bytes_ + bytes > shared_->options.outbox_bytes) {
    if (!ConflateOne()) return false;
  }
  return true;
}

// Of the company that holds the most of what was never sent.
bool Outbox::ConflateOne() {
  Company* biggest = nullptr;
  uint64_t most = 0;
  size_t from = 0;
  shared_->companies.ForEach([&](const std::shared_ptr<Company>& company) {
    size_t first = company->sent;
    const auto& orders = company->orders;
    while (first < orders.size() && orders[first].sends > 0) ++first;
    if (orders.size() < first + 2) return;
    uint64_t sum = 0;
    for (size_t i = first; i < orders.size(); ++i) sum += orders[i].Bytes();
    if (sum > most) {
      biggest = company.get();
      most = sum;
      from = first;
    }
  });
  if (biggest == nullptr) return false;
  Order made;
  if (!Conflate(&shared_->reader, biggest->orders, from, biggest->tenant,
                shared_->context->random.HexId(32), shared_->context->now_ms,
                &made) ||
      made.Bytes() >= most) {
    return false;
  }
  std::deque<Order>& orders = biggest->orders;
  made.number = orders.back().number;
  made.posted_us = orders.back().posted_us;
  for (size_t i = from; i < orders.size(); ++i) {
    if (orders[i].call != nullptr) Queued(biggest, &orders[i]);
    bytes_ -= orders[i].Bytes();
    --actions_;
  }
  shared_->metrics().conflated.Add(orders.size() - from);
  orders.erase(orders.begin() + static_cast<std::ptrdiff_t>(from),
               orders.end());
  bytes_ += made.Bytes();
  ++actions_;
  orders.push_back(std::move(made));
  return true;
}

void Outbox::NoteGauges() {
  shared_->metrics().outbox_actions.Set(actions_);
  shared_->metrics().outbox_bytes.Set(bytes_);
}

}  // namespace pathcast::broker
