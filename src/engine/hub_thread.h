// The hub's own thread: takes commands and what the loop brings, and hands them
// to the rooms that do the work.
//
// Owner: Hub. Thread: hub thread (construction and Start: the creator's, before
// the thread runs). Split over three files by what happens: hub_thread.cc the
// turns of the loop and what is published, hub_streams.cc streams that come and
// go, hub_broker.cc a log that lives in a broker.
//
// Invariant: a connection is destroyed at the end of a turn or by a command,
// never inside a fan-out.
#ifndef PATHCAST_ENGINE_HUB_THREAD_H_
#define PATHCAST_ENGINE_HUB_THREAD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_log.h"
#include "core/channel.h"
#include "core/clock.h"
#include "core/context.h"
#include "core/limiter.h"
#include "engine/answers.h"
#include "engine/channels.h"
#include "engine/closings.h"
#include "engine/command.h"
#include "engine/command_queue.h"
#include "engine/connection.h"
#include "engine/deadlines.h"
#include "engine/drain.h"
#include "engine/heartbeats.h"
#include "engine/hub.h"
#include "engine/lingering.h"
#include "engine/notices.h"
#include "engine/registry.h"
#include "engine/reply.h"
#include "engine/scheduler.h"
#include "engine/stalls.h"
#include "engine/waiting_room.h"
#include "engine/watchers.h"
#include "json/action_reader.h"
#include "loop/timer.h"

namespace pathcast {

class HubThread final : public SubscriptionObserver,
                        public SocketEvents,
                        public broker::Owner {
 public:
  HubThread(Hub* hub, HubOptions options, Host* host);
  ~HubThread() override = default;

  // Opens timers and hints on the hub's loop. Before the thread runs.
  Status Start();

  // [any thread]
  int64_t NowUs() const { return clock_->NowUs(); }
  void SetNodes(uint64_t count) {
    context_.nodes.store(count, std::memory_order_relaxed);
  }
  std::string Position(const std::string& tenant, uint64_t moment) const {
    return channels_.Position(tenant, moment);
  }
  // [any thread] See Channels::Tenants.
  std::vector<std::string> Tenants() const { return channels_.Tenants(); }
  uint64_t Moment() const { return context_.moment.load(); }

  // Loop callbacks.
  void OnWake();
  void OnStop();

  // SubscriptionObserver
  void OnGone(Subscription* subscription) override;
  void OnBlocked(Subscription* subscription) override;
  void OnNotice(Subscription* subscription, SubscriptionNotice notice,
                uint64_t value) override;

  // broker::Owner, in hub_broker.cc
  void BeginBrokerTurn() override;
  Channel* Mirror(const std::string& tenant) override;
  void OnMirrorGrew(Channel* channel) override;
  void OnMirrorRead(Channel* channel, uint64_t read) override;
  void OnMirrorRefused(Channel* channel) override;
  void OnMirrorIdle(Channel* channel) override;
  void OnPublished(broker::PublishCall* call) override;
  void OnBrokerWarning(broker::Warning warning) override;

  // SocketEvents
  void OnSocketWritable(Connection* connection) override;
  void OnSocketGone(Connection* connection) override;

 private:
  // hub_thread.cc
  // For the rooms, which are made with it.
  Context* PrepareContext();
  void BeginTurn();
  void EndTurn();
  void CloseDoomed();
  // A turn: some commands, some fan-out, some closings.
  void Work();
  // Carries commands out until its budget is spent. True when some are left.
  bool RunCommands();
  // False when it has to go on in the next turn.
  bool RunCurrent(int64_t until_us);
  bool RunPublish(PublishCommand& command, int64_t until_us);
  void OnTick();
  PublishOutcome PublishOne(PublishItem* item, int64_t posted_us,
                            Channel** channel);

  void Run(EphemeralCommand& command);
  void Run(ReadLogCommand& command);
  void AnswerLog(const ReadLogCommand& command);
  void Run(ResyncPathsCommand& command);
  void Run(ForgetCommand& command);
  void Run(DrainCommand& command);
  void Run(ShutdownCommand& command);

  // hub_broker.cc
  Status StartBroker();
  void StopBroker();
  bool RunPublishToBroker(PublishCommand& command, int64_t until_us);
  void Run(FlushCommand& command);
  void Run(BrokerCallCommand& command);
  void Run(BrokerChannelCommand& command);
  void Run(ResubscribeCommand& command);
  void Run(RevocationsReadCommand& command);
  void Run(HostBrokerCommand& command);
  Result<std::unique_ptr<broker::Transport>> MakeTransport();
  // Its log is there, or the stream waits for it.
  bool AwaitLog(Connection* connection, StreamRequest* request);
  void AwaitLog(ReadLogCommand command);
  // Streams and questions whose log was read, or that waited long enough. True
  // when some are left.
  bool OpenSome();

  // hub_streams.cc
  void Run(OpenSocketCommand& command);
  void Run(OpenHostSinkCommand& command);
  void Run(SinkTakenCommand& command);
  void Run(SinkFullCommand& command);
  void Run(SinkAbortCommand& command);
  void Run(AcquireCommand& command);
  void Run(ReleaseCommand& command);
  // False when it has to go on in the next turn.
  bool RunDisconnect(DisconnectCommand& command, int64_t until_us);
  // Who waits for a seat and is meant by it too.
  void TurnWaitersAway(const DisconnectCommand& command);
  void Run(WatchCommand& command);
  void Run(ConnectionsCommand& command);
  void Run(PingCommand& command);
  AdmissionResult Admit(const StreamRequest& request);
  void Open(StreamRequest& request, ConnectionSink sink);
  // It has its seat; 0: it takes none.
  void Begin(StreamRequest& request, ConnectionSink sink, uint64_t lease);
  // Its log is known, as far as can be.
  void StartOrEnd(Connection* connection, StreamRequest& request);
  // Writes its opening. `hello_only`: it ends at once. A time from which a
  // resume loses nothing of it.
  int64_t StartStream(Connection* connection, StreamRequest& request,
                      bool hello_only);
  // A user at its limit: its streams whose client may be gone are written to.
  void WriteToQuietest(const std::string& tenant, const std::string& user);
  // The stream of a newcomer, or of one that waited and whose seat is free.
  // A younger life of its browser instance has a stream.
  bool IsOutdated(const StreamRequest& request) const;
  // One whose right is over ends as soon as it has begun.
  void NoteExpiry(StreamRequest* request) const;
  void Seat(StreamRequest& request, ConnectionSink sink);
  // Who waits for a seat that was given back is let in. Nobody else is before:
  // a newcomer could take the seat, of the user or of the company.
  void SeatFreed();
  // Those that wait: SeatFreed, and who waited long enough is refused.
  void SeatWaiting();
  // `moves`: it is to come back, to this hub's successor or to another server
  // of it, whatever the limits say.
  void TurnWaiterAway(Waiter waiter, bool moves);
  void MoveWaitingOn();
  void Refuse(const StreamRequest& request, ConnectionSink sink,
              Refusal refusal, const AdmissionResult& result);
  // `number` of the connection; 0: a lease was asked for.
  void NoteRefusal(const std::string& tenant, const std::string& user,
                   uint64_t number, Refusal refusal);
  void CloseByLease(uint64_t lease, CloseReason reason);
  // The one way out for a stream. `end`: a CloseReason, kEndGone or
  // kEndHubClosed. Destroys the connection.
  // `hello_only_safe_ms`: it expired before it began and got no catch-up; a
  // time from which a resume loses nothing of it.
  void Close(Connection* connection, size_t end,
             std::optional<int64_t> hello_only_safe_ms = std::nullopt);
  void Close(Connection* connection, CloseReason reason) {
    Close(connection, static_cast<size_t>(reason));
  }
  void CloseAll(size_t end);
  // Those whose time has come, a drain's, those that were asked to end; as many
  // as one turn can take. True when some are left.
  bool CloseSome();
  // The same of answers that take long.
  bool AnswerSome();

  // Set at construction.
  Hub* const hub_;
  Host* const host_;
  const HubOptions options_;
  MachineClock machine_clock_;
  // That one, or a test's.
  Clock* const clock_;

  // What the rooms share.
  Context context_;
  // Replies of this turn.
  std::vector<Reply> outgoing_;

  // The rooms.
  Limiter limiter_;
  ActionReader reader_;
  Scheduler scheduler_;
  Channels channels_;
  Registry registry_;
  Deadlines deadlines_;
  Heartbeats heartbeats_;
  Stalls stalls_;
  Notices notices_;
  Watchers watchers_;
  Drain drain_;
  Closings closings_;
  Answers answers_;
  WaitingRoom waiting_room_;
  Lingering lingering_;

  // Their sinks have failed; closed at the end of the turn.
  std::vector<Connection*> doomed_;
  // Taken out of the mailbox and not carried out yet; the current one may be
  // half done.
  std::unique_ptr<Command> current_;
  CommandQueue waiting_;
  // Of the publish command that is half done: the reply so far, one outcome an
  // item.
  PublishedReply published_;
  // Counts publish commands.
  uint64_t publish_call_ = 0;
  // Of the one that is half handed over to the broker.
  std::shared_ptr<broker::PublishCall> handing_over_;
  size_t next_item_ = 0;
  bool closed_ = false;

  // Null: the log is memory. The rest is empty then.
  std::unique_ptr<broker::BrokerLog> broker_;
  // Its transport, where that is the host's.
  broker::HostTransport* host_transport_ = nullptr;
  struct Flush {
    Ticket ticket;
    int64_t due_ms;
  };
  struct LogQuestion {
    ReadLogCommand command;
    int64_t due_ms;
  };
  std::vector<Flush> flushes_;
  // Streams that wait for their log, by when they were opened and when they
  // have waited long enough; and those whose log is there.
  std::deque<std::pair<int64_t, uint64_t>> await_log_;
  std::deque<uint64_t> log_is_read_;
  std::vector<LogQuestion> log_questions_;

  // Closed in OnStop, on the loop's thread, as those of the rooms are.
  Timer tick_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HUB_THREAD_H_
