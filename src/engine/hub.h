// A hub: the handle that the host holds. Everything else happens on the hub's
// own thread.
//
// Owner: the host (one per createHub). Life: Create → Post… → Stop → destroyed.
// Thread: as marked.
#ifndef PATHCAST_ENGINE_HUB_H_
#define PATHCAST_ENGINE_HUB_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/metrics.h"
#include "core/status.h"
#include "engine/command.h"
#include "engine/hub_options.h"
#include "engine/mailbox.h"
#include "engine/reply.h"
#include "loop/event_loop.h"

namespace pathcast {

class HubThread;

class Hub {
 public:
  // `host` outlives the hub; it is rung on the hub thread.
  static Result<std::unique_ptr<Hub>> Create(HubOptions options, Host* host);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // [any thread] Hands a command over; false, and the command is dropped, when
  // too much is waiting or the hub was stopped. No other thread may be in here
  // while Stop runs.
  bool Post(Command command);
  // [any thread] For a command that can wait for the next Post, or for a call
  // of Wake, which must follow: who hands over many in a row wakes the hub
  // thread once.
  void PostLater(Command command);
  void Wake();

  // [host thread] Replies, in order; see ReplyBox::Take.
  std::vector<Reply> Take(size_t max, bool* more) {
    return replies_.Take(max, more);
  }

  // [any thread]
  const Metrics& metrics() const { return metrics_; }
  const std::string& id() const { return id_; }

  // [any thread] The clock of PublishCommand::posted_us.
  int64_t NowUs() const;

  // [any thread] Context::nodes.
  void SetNodes(uint64_t count);

  // [any thread] See Channels::Position.
  std::string Position(const std::string& tenant,
                       uint64_t moment = UINT64_MAX) const;
  // [any thread] See Channels::Tenants.
  std::vector<std::string> Tenants() const;
  // [any thread] Context::moment.
  uint64_t Moment() const;

  // [host thread] Ends the thread. Idempotent. Afterwards no descriptor, timer
  // or thread is left.
  Status Stop();

 private:
  friend class HubThread;
  Hub(HubOptions options, Host* host);

  const std::string id_;
  // Posted and not carried out yet.
  std::atomic<uint64_t> waiting_bytes_{0};
  std::atomic<bool> stopped_{false};
  // Something was posted that nobody was woken for.
  std::atomic<bool> owes_wake_{false};
  Metrics metrics_;
  ReplyBox replies_;
  Mailbox<Command> mailbox_;
  EventLoop loop_;
  // Destroyed first: it uses all of the above.
  std::unique_ptr<HubThread> thread_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_HUB_H_
