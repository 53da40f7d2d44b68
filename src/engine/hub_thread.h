// The hub's own thread: carries commands out, fans out, keeps time.
//
// Owner: Hub. Thread: hub thread (construction and Start: the creator's, before
// the thread runs). Split over three files by what happens: hub_thread.cc the
// turns of the loop and what is published, hub_streams.cc streams that come and
// go, hub_upkeep.cc what time brings.
//
// Invariants:
//   1. connections_ owns every connection; by_lease_, deadlines_, the heartbeat
//   rings and slow_ name
//      only connections in it.
//   2. A connection is destroyed at the end of a turn or by a command, never
//   inside a fan-out.
//   3. A channel without subscriptions is in idle_, and no other is.
#ifndef PATHCAST_ENGINE_HUB_THREAD_H_
#define PATHCAST_ENGINE_HUB_THREAD_H_

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/limiter.h"
#include "engine/command.h"
#include "engine/connection.h"
#include "engine/hub.h"
#include "engine/lingering.h"
#include "engine/reply.h"
#include "json/action_reader.h"
#include "loop/busy_hint.h"
#include "loop/timer.h"

namespace pathcast {

class HubThread final : public SubscriptionObserver, public SocketEvents {
 public:
  HubThread(Hub* hub, HubOptions options, Host* host);
  ~HubThread() override;

  // Opens timers and hints on the hub's loop. Before the thread runs.
  Status Start();

  // Loop callbacks.
  void OnWake();
  void OnStop();

  // SubscriptionObserver
  void OnGone(Subscription* subscription) override;
  void OnBlocked(Subscription* subscription) override;
  void OnNotice(Subscription* subscription, SubscriptionNotice notice,
                uint64_t value) override;

  // SocketEvents
  void OnSocketWritable(Connection* connection) override;
  void OnSocketGone(Connection* connection) override;

 private:
  // hub_thread.cc
  void BeginTurn();
  void EndTurn();
  void DrainMailbox();
  void FanOut();
  void Enqueue(Channel* channel);
  Channel* ChannelOf(const std::string& company);
  void ForgetIdleChannels();
  void MarkIdle(Channel* channel, bool idle);
  void Notify(NoticeReply notice);
  PublishOutcome PublishOne(PublishItem* item, int64_t posted_us,
                            Channel** channel);

  void Run(PublishCommand& command);
  void Run(EphemeralCommand& command);
  void Run(ReadLogCommand& command);
  void Run(ResyncPathsCommand& command);

  // hub_streams.cc
  void Run(OpenSocketCommand& command);
  void Run(OpenHostSinkCommand& command);
  void Run(SinkTakenCommand& command);
  void Run(SinkFullCommand& command);
  void Run(SinkAbortCommand& command);
  void Run(AcquireCommand& command);
  void Run(ReleaseCommand& command);
  void Run(DisconnectCommand& command);
  void Run(ShutdownCommand& command);
  AdmissionResult Admit(const StreamRequest& request);
  void Open(StreamRequest& request, ConnectionSink sink);
  std::string RefusalText(const StreamRequest& request, Refusal refusal,
                          uint32_t current, uint32_t limit);
  void Refuse(const StreamRequest& request, ConnectionSink sink,
              Refusal refusal, const AdmissionResult* result);
  // `number` of the connection; 0: a lease was asked for.
  void NoteRefusal(const std::string& company, const std::string& user,
                   uint64_t number, Refusal refusal);
  void FreshenLeases(const StreamRequest& request);
  void CloseByLease(uint64_t lease, CloseReason reason);
  // `end`: a CloseReason, kEndGone or kEndHubClosed. Destroys the connection.
  void Close(Connection* connection, size_t end);
  void CloseAll(size_t end);
  Connection* Find(uint64_t number) const;
  uint64_t RetryFor(CloseReason reason);

  // hub_upkeep.cc
  void Run(DrainCommand& command);
  void OnTick();
  void Heartbeat(size_t bucket);
  void CloseExpired();
  void CloseStalled();
  void TrimSome();
  void DrainStep();
  void SetDeadline(Connection* connection, int64_t expires_at_ms);
  void JoinHeartbeat(Connection* connection);

  Hub* const hub_;
  Host* const host_;
  const HubOptions options_;

  MonotoneClock machine_clock_;
  Clock* const clock_;  // that one, or a test's
  Context context_;
  Limiter limiter_;
  ActionReader reader_;
  std::vector<Reply> outgoing_;  // of this turn
  uint32_t notices_ = 0;  // in outgoing_; bounded, the rest is only counted
  uint64_t publish_call_ = 0;  // counts publish commands
  bool closed_ = false;

  std::unordered_map<std::string, std::unique_ptr<Channel>> channels_;
  std::list<Channel*> idle_;  // without subscriptions, the longest idle first
  std::deque<Channel*> fan_out_;
  int64_t history_begins_ms_ =
      0;  // before it some channel's history may have been forgotten
  std::vector<Channel*> trim_round_;
  size_t trim_next_ = 0;

  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<uint64_t, Connection*> by_lease_;
  std::set<std::pair<int64_t, Connection*>> deadlines_;
  std::vector<Connection*> slow_;
  std::vector<Connection*> doomed_;
  Lingering lingering_;

  // Heartbeats: one ring a bucket, one bucket a tick.
  int64_t tick_ms_ = 0;
  std::vector<Connection::Ring> buckets_;
  size_t next_bucket_ = 0;
  size_t join_bucket_ = 0;
  int64_t next_tick_ms_ = 0;

  // Draining: connections are closed in this order, evenly over drain_over_ms_.
  bool draining_ = false;
  std::vector<Ticket> drain_tickets_;
  std::vector<uint64_t> drain_order_;
  size_t drain_next_ = 0;
  int64_t drain_began_ms_ = 0;
  int64_t drain_over_ms_ = 0;

  // Closed in OnStop, on the loop's thread.
  Timer tick_;
  Timer drain_timer_;
  BusyHint busy_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HUB_THREAD_H_
