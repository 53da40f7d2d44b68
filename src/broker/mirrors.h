// The tails of companies' logs that a node keeps for its streams: subscribed
// to, read, and kept whole. A place that is missing is read before anything
// newer is delivered.
//
// Owner: BrokerLog. Thread: hub thread.
//
//   idle → subscribing → reading → live;  live ⇄ reading (a gap)
//
// Invariants:
//  1. A mirror is read only while its doorbell stands, and what rings meanwhile
//     waits for the read.
//  2. Each action is appended once, in the order of its seqs. What the mirror
//     has missed for good is told by a `resync`.
#ifndef PATHCAST_BROKER_MIRRORS_H_
#define PATHCAST_BROKER_MIRRORS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/company.h"
#include "broker/mirror_entry.h"
#include "broker/shared.h"
#include "broker/stored.h"

namespace pathcast::broker {

class Mirrors {
 public:
  explicit Mirrors(Shared* shared) : shared_(shared) {}
  Mirrors(const Mirrors&) = delete;
  Mirrors& operator=(const Mirrors&) = delete;

  // Somebody wants the company's log. True: its mirror can be used at once,
  // though the broker may be away. REQUIRES: Owner::Mirror() has a channel.
  bool Watch(const std::string& tenant);
  // Asks Redis again, whatever the mirror knows; the number of the read that
  // will have been asked for after this call. REQUIRES: watched.
  uint64_t ReadAnew(const std::string& tenant);
  // Not empty: the company is left alone, and why.
  std::string_view Refused(const std::string& tenant) const;
  // Its channel has no streams any more, or has some again.
  void NoteStreams(const std::string& tenant, bool any);
  // Its channel is about to be destroyed.
  void Forget(const std::string& tenant);

  void OnConnected();
  // What was revoked has been carried out.
  void OnGateOpen();
  void OnSubscriptionsLost();
  void OnSubscribed(Company* company);
  void OnRing(Company* company, std::string payload);
  // Its log is not what this node knew.
  void OnOther(Company* company);
  // An action of this node has its place.
  void OnPlaced(Company* company, const Head& head, const Order& order);
  // Redis took nothing of this node's for it.
  void OnRefused(Company* company);
  void OnTick();
  uint64_t watched() const { return watched_; }
  // When OnTick is wanted next (steady ms); INT64_MAX: what happens will tell.
  int64_t NextDueMs() const;

 private:
  void WantRead(Company* company);
  static bool MayRead(const Company& company);
  void ReadSome();
  void Read(const std::shared_ptr<Company>& company);
  void OnRead(const std::shared_ptr<Company>& company, uint64_t from,
              redis::Reply reply);
  void Refuse(Company* company, std::string_view kind, std::string why);
  void Apply(Company* company, uint64_t from, redis::Reply& reply);
  // The actions of a reply into the log; false: one was none.
  bool Append(Channel* channel, redis::Reply& reply, bool loads);
  // The next read is of another log, from its first action on.
  void WantWhole(Company* company);
  void Ready(Company* company, Channel* channel);
  void ReleaseHeld(Company* company);
  void Hold(Company* company, std::string payload);
  // False: it is a place that is missing, or another epoch's.
  bool Take(Company* company, Channel* channel, const RungAction& action,
            int64_t published_us, uint64_t call);
  // The same of what has rung, which may be this node's own. It is offered to
  // the streams, unless it is of a long call, whose last answer does that.
  bool TakeRung(Company* company, Channel* channel, const RungAction& action);
  void Gap(Company* company);
  void Expect(Company* company, uint64_t seq);
  // Something came that is not to be read: the log may tell what it was.
  void LookSoon(Company* company);
  void Retry(Company* company, int64_t ms);
  void Wait(Company* company);
  void Leave(Company* company);

  Shared* const shared_;
  size_t reading_ = 0;
  // To be read, in turns.
  std::deque<std::shared_ptr<Company>> line_;
  // Companies that wait for a time: a retry, or a place that was given; some
  // that do so no more.
  std::vector<std::shared_ptr<Company>> waits_;
  // Without streams, and since when; the longest first.
  std::deque<std::pair<int64_t, std::string>> leaving_;
  uint64_t watched_ = 0;
  // Tells reads apart (Channel::Publish), above the numbers of publish calls.
  uint64_t next_call_ = uint64_t{1} << 62;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_MIRRORS_H_
