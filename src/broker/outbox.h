// Actions on their way into the log of a broker: in each company one after the
// other, many companies at once, held back while the broker is away.
//
// Owner: BrokerLog. Thread: hub thread.
//
// Invariants:
//  1. An order leaves its company's queue only on Redis's answer, or because
//     the company is left alone, or conflated with its neighbours before it was
//     ever sent.
//  2. What was sent and not answered is sent again before anything newer of
//     its company.
//  3. All that waits is at most LogOptions::outbox_bytes.
#ifndef PATHCAST_BROKER_OUTBOX_H_
#define PATHCAST_BROKER_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/company.h"
#include "broker/shared.h"
#include "redis/backoff.h"

namespace pathcast::broker {

struct PublishOrder {
  std::string id;
  int64_t stamp_ms = 0;
  std::string stored;
  std::string rung = {};
};

class Outbox {
 public:
  // An action of this node has its place.
  using OnPlaced = std::function<void(Company*, const Head&, const Order&)>;

  // Redis takes nothing for the company: its log may not be what this node
  // takes it for.
  using OnRefused = std::function<void(Company*)>;

  Outbox(Shared* shared, OnPlaced on_placed, OnRefused on_refused)
      : shared_(shared),
        on_placed_(std::move(on_placed)),
        on_refused_(std::move(on_refused)) {}
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // The outcome of `call`'s item `index` follows, perhaps inside.
  void Add(const std::string& tenant, PublishOrder order,
           const std::shared_ptr<PublishCall>& call, size_t index);
  // All of the call's have been added: the last one of this company brings
  // those that are held.
  void EndCall(const std::string& tenant, uint64_t call_number);
  // As many as the window takes.
  void Send();
  // The broker is there again: what it refused before is tried at once.
  void OnConnected();
  // Outcomes and retries that are due.
  void OnTick();
  // Nothing is left to be looked at by OnTick.
  bool idle() const { return actions_ == 0; }
  // Its orders fail, and those that come.
  void Refuse(Company* company, std::string why);

  // A warning for each company that has some, up to a bound.
  void NameLeft();

  size_t actions() const { return actions_; }

 private:
  struct Deadline {
    int64_t due_ms;
    std::shared_ptr<Company> company;
    uint64_t number;
  };

  void Line(const std::shared_ptr<Company>& company);
  bool IsFull(const Company& company) const;
  void SendNext(const std::shared_ptr<Company>& company);
  void OnAnswer(const std::shared_ptr<Company>& company, uint64_t number,
                redis::Reply reply);
  // False: the order stays, and is sent again.
  bool Settle(Company* company, Order* order, redis::Reply& reply);
  void Placed(Company* company, Order* order, redis::Reply& reply);
  void Rest(Company* company, int64_t ms);
  void Erase(Company* company, std::deque<Order>::iterator place);
  void Resolve(Order* order, Outcome outcome);
  void Queued(Company* company, Order* order);
  void Offer(const std::string& tenant);
  // Room for `bytes` more; false: there is none to be had.
  bool MakeRoom(uint64_t bytes);
  bool ConflateOne();
  void NoteGauges();

  Shared* const shared_;
  const OnPlaced on_placed_;
  const OnRefused on_refused_;
  uint64_t next_number_ = 1;
  size_t actions_ = 0;
  uint64_t bytes_ = 0;
  // On their way to Redis.
  size_t in_flight_ = 0;
  uint64_t in_flight_bytes_ = 0;
  // Those with something to send, in turns; and those that wait a while first.
  std::deque<std::shared_ptr<Company>> line_;
  std::vector<std::shared_ptr<Company>> resting_;
  // In order: each waits as long.
  std::deque<Deadline> deadlines_;
  // Redis refuses everybody for now.
  int64_t paused_until_ms_ = 0;
  redis::Backoff backoff_{50, 1'000};
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_OUTBOX_H_
