// The tenants of a hub. One that has streams stays; of those without, the
// longest idle is forgotten when there are more than the hub remembers.
//
// Owner: HubThread. Thread: hub thread.
//
// Invariant: a channel without subscriptions is in idle_, and no other is.
#ifndef PATHCAST_ENGINE_CHANNELS_H_
#define PATHCAST_ENGINE_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/context.h"
#include "engine/scheduler.h"

namespace pathcast {

class Channels {
 public:
  // `context` is in its first turn.
  Channels(Context* context, Scheduler* scheduler, uint64_t max_tenants,
           uint64_t max_total_log_bytes, bool mirrors = false)
      : context_(context),
        scheduler_(scheduler),
        max_tenants_(max_tenants),
        max_total_log_bytes_(max_total_log_bytes),
        mirrors_(mirrors),
        history_begins_ms_(context->now_ms) {}
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;

  // Null where nothing is remembered of the tenant.
  Channel* Get(const std::string& tenant) const;
  // [any thread] The cursor of the newest action of its log; empty where no
  // log of it is known here. As it was at that moment (Channel::SeqAsOf), or a
  // little older.
  std::string Position(const std::string& tenant,
                       uint64_t moment = UINT64_MAX) const;
  // [any thread] All that are remembered, in no order.
  std::vector<std::string> Tenants() const;
  // Made if need be. It stays until the next call of Use at least.
  Channel* Use(const std::string& tenant);
  // It was just used, or has won or lost a subscription.
  void Touch(Channel* channel);
  // All logs together are held to their bound after each action: `newest`,
  // which has just got one, and some others lose the oldest of what is more
  // than their share of it.
  void Relieve(Channel* newest);
  // REQUIRES: it has no subscriptions. Destroys it.
  void Forget(Channel* channel);
  // Told of each that is about to be destroyed.
  void OnForget(std::function<void(const Channel&)> on_forget) {
    on_forget_ = std::move(on_forget);
  }
  // Lets some of the logs drop what is too old; to be called again and again.
  void TrimSome();

 private:
  void ForgetSurplus();
  // Down to its share, or to what is needed.
  void Shrink(Channel* channel);
  void JoinRing(Channel* channel);
  void LeaveRing(Channel* channel);

  Context* const context_;
  Scheduler* const scheduler_;
  const uint64_t max_tenants_;
  const uint64_t max_total_log_bytes_;
  // Logs are mirrors of those that a broker keeps: a new one is still to be
  // read.
  const bool mirrors_;
  std::function<void(const Channel&)> on_forget_;

  // Changed under Context::positions_mu.
  std::unordered_map<std::string, std::unique_ptr<Channel>> by_tenant_;
  // Without subscriptions, the longest idle first.
  std::list<Channel*> idle_;
  // Before it some channel's history may have been forgotten. Ahead of the
  // clock where an action of it was stamped so.
  int64_t history_begins_ms_;
  // The ring of all channels: the next one whose log is looked at; null: there
  // is none. Who comes joins behind it, who goes takes nothing but itself out.
  Channel* hand_ = nullptr;
  // The same for Relieve, so that neither runs ahead of the other.
  Channel* relief_ = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_CHANNELS_H_
