// At the limit of a user a newcomer waits for up to a second before it is
// refused (SPEC §4). A page that was reloaded behind a proxy leaves streams
// whose client is gone, which only a write shows: the hub writes to that user's
// quietest streams meanwhile, and a seat that gets free goes to who waits
// longest.
//
// Owner: HubThread. Thread: hub thread. A waiting socket is owned, not watched:
// that its client has left shows when it is let in.
#ifndef PATHCAST_ENGINE_WAITING_ROOM_H_
#define PATHCAST_ENGINE_WAITING_ROOM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/command.h"
#include "engine/connection.h"

namespace pathcast {

struct Waiter {
  StreamRequest request;
  ConnectionSink sink;
  int64_t since_ms = 0;
  // How often its user's streams were written to on its behalf.
  int64_t pings = 0;
};

class WaitingRoom {
 public:
  static constexpr int64_t kWaitMs = 1'000;
  static constexpr int64_t kPingMs = 250;
  // Newcomers of one user; one more is refused at once.
  static constexpr size_t kMaxPerUser = 8;

  WaitingRoom() = default;
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  bool HasRoomFor(const StreamRequest& request) const;
  void Enter(StreamRequest request, ConnectionSink sink, int64_t steady_ms);

  // A seat of the user was given back; TakeNext will look at its line.
  void SeatFreed(const std::string& tenant, const std::string& user);
  // The same of who cannot be told.
  void AnySeatFreed();
  // The first of a line whose user has got a seat back, if `has_seat` says that
  // it is still free.
  std::optional<Waiter> TakeNext(
      const std::function<bool(const StreamRequest&)>& has_seat);
  // One that has waited long enough.
  std::optional<Waiter> TakeOverdue(int64_t steady_ms);
  // One that `match` takes.
  std::optional<Waiter> TakeAny(
      const std::function<bool(const StreamRequest&)>& match);

  // Those whose user's streams are to be written to now.
  std::vector<const StreamRequest*> DuePings(int64_t steady_ms);

  // `number` of a connection.
  bool Has(uint64_t number) const;
  bool empty() const { return waiters_.empty(); }

 private:
  using Waiters = std::list<Waiter>;
  using Line = std::pair<std::string, std::string>;
  Waiter Take(Waiters::iterator place);

  // In order of arrival. Few: who is at a limit waits for a second.
  Waiters waiters_;
  // How many wait of each (tenant, user).
  std::map<Line, size_t> lines_;
  std::vector<Line> freed_;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_WAITING_ROOM_H_
