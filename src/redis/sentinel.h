// Where the master is, as the sentinels say: asked one after the other, and
// heard when they name another one.
//
// Owned by whoever has the links; hub thread only; destroyed before its loop
// ends, and before or after the links that it finds for. May be destroyed
// inside its callbacks. A sentinel may be behind its time: the link asks who it
// has found for its role (Introduction::require_master), and asks again here.
#ifndef PATHCAST_REDIS_SENTINEL_H_
#define PATHCAST_REDIS_SENTINEL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "redis/link.h"
#include "redis/trouble.h"
#include "redis/url.h"

namespace pathcast::redis {

struct SentinelOptions {
  // Of the connections to sentinels: loop, clock, random and times; of its
  // introduction the credentials and the name; the rest is set here. The times
  // are each sentinel's, so short ones find the next one sooner.
  LinkOptions link;
  // Not empty.
  std::vector<Endpoint> sentinels;
  std::string master;
};

class Sentinel {
 public:
  // Their news: another master. What they name may have been so for a while.
  using OnSwitch = std::function<void(const Endpoint&)>;

  Sentinel(SentinelOptions options, OnSwitch on_switch);
  ~Sentinel();
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;

  // Listens to one sentinel for +switch-master, and to the next when that one
  // is lost. kIo: the loop refuses. REQUIRES: called once.
  Status Watch();

  // Asks the sentinels in turn, beginning with another one than the last time,
  // whose answer may not have helped; the first that knows the master decides.
  // kNoMaster names each that did not. Those who
  // ask meanwhile get the same answer. Never answered once this is destroyed.
  void FindMaster(OnFound on_found);
  // For LinkOptions::find; of no effect once this is destroyed.
  Find Finder();

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_SENTINEL_H_
