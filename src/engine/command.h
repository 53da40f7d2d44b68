// What the host (JavaScript) asks of the hub thread. Values; they own all they
// carry, so that one that is never carried out closes its descriptor.
#ifndef PATHCAST_ENGINE_COMMAND_H_
#define PATHCAST_ENGINE_COMMAND_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/filter.h"
#include "core/resume.h"
#include "core/wire.h"
#include "loop/descriptor.h"
#include "redis/reply.h"

namespace pathcast {

// Numbers of a pending answer; chosen by the host.
using Ticket = uint64_t;

struct PublishItem {
  std::string tenant;
  // The action's JSON with a 0 where the seq goes: head = [0, split), tail =
  // (split, end).
  std::string text;
  size_t split = 0;
  // Empty: a wrap around the plain JSON will do.
  std::string transformed_head;
  std::string transformed_tail;
  // What a broker's log gets in place of these: head, tail, transformed head,
  // transformed tail. Null: the same.
  std::shared_ptr<const std::array<std::string, 4>> stored = nullptr;
};

struct PublishCommand {
  Ticket ticket = 0;
  int64_t posted_us = 0;
  uint64_t bytes = 0;
  std::vector<PublishItem> items;
};

struct EphemeralCommand {
  std::string tenant;
  std::string json;
  std::string transformed_json;
  uint64_t Bytes() const { return json.size() + transformed_json.size(); }
};

// Above all that JavaScript counts.
inline constexpr uint64_t kNoGeneration = UINT64_MAX;

struct StreamRequest {
  // Of the connection, unique in the hub.
  uint64_t number = 0;
  std::string tenant;
  std::string user;
  // Empty: none.
  std::string instance;
  // Of the instance: a lower one than its living stream's is turned away.
  uint64_t generation = kNoGeneration;
  // An observer inside the app: takes no place of a client.
  bool uncounted = false;
  Dialect dialect;
  ResumePoint resume;
  std::optional<FilterSpec> filter;
  // 0: never.
  int64_t expires_at_ms = 0;
  // Disconnected before it was opened: it says hello, and ends.
  std::optional<CloseReason> ends_with;
  std::string trpc_path;
  std::string http_head;
  // Of the client, as the framework gives it.
  std::string address;
  // Of the server that it came through; 0: none to speak of.
  uint32_t origin = 0;
};

struct OpenSocketCommand {
  StreamRequest request;
  Descriptor socket;
};
struct OpenHostSinkCommand {
  StreamRequest request;
};
// The host has passed this many bytes of a sink on.
struct SinkTakenCommand {
  uint64_t number = 0;
  uint64_t bytes = 0;
};
// The host can take no more of a sink until it says SinkTaken.
struct SinkFullCommand {
  uint64_t number = 0;
};
struct SinkAbortCommand {
  uint64_t number = 0;
};
struct AcquireCommand {
  Ticket ticket = 0;
  std::string tenant;
  std::string user;
};
struct ReleaseCommand {
  Ticket ticket = 0;
  uint64_t lease = 0;
};
struct ReadLogCommand {
  Ticket ticket = 0;
  std::string tenant;
  std::optional<int64_t> since_ms = {};
  // What the host has of this log already, and is not sent again: the seqs from
  // one to the other of that epoch; "": nothing.
  std::string known_epoch = {};
  uint64_t known_first = 0;
  uint64_t known_last = 0;
};
struct DisconnectCommand {
  Ticket ticket = 0;
  std::optional<std::string> tenant;
  std::optional<std::string> user;
  std::optional<uint64_t> number;
  // 0: any.
  uint32_t origin = 0;
  CloseReason reason = CloseReason::kRevoked;
  // Hub thread only, of one that is carried out in parts: who was found, and
  // how many of the tenant's streams nobody has looked at yet.
  std::vector<uint64_t> found = {};
  std::optional<size_t> unseen = {};
  // Of all streams of a tenant, or of those of a user.
  bool OfATenant() const { return tenant && !number && origin == 0; }
};
// Answered when the connection of this number ends, or at once if it has.
struct WatchCommand {
  Ticket ticket = 0;
  uint64_t number = 0;
};
struct ConnectionsCommand {
  Ticket ticket = 0;
  std::optional<std::string> tenant;
  std::optional<std::string> user;
  // Numbers above it, the lowest first.
  uint64_t after = 0;
  size_t limit = 0;
  // 0: any.
  uint32_t origin = 0;
};
struct DrainCommand {
  Ticket ticket = 0;
  int64_t over_ms = 0;
};
// The query paths of a bound router.
struct ResyncPathsCommand {
  // Of a `resync`.
  std::string json;
  // The same, to be known before actions bring other names.
  std::vector<std::string> paths = {};
};
// Answered with the number of actions that still wait for the broker: when
// none does, or after so long.
struct FlushCommand {
  Ticket ticket = 0;
  int64_t within_ms = 0;
};
// Of the host, through the hub's connections to the broker.
struct BrokerCallCommand {
  Ticket ticket = 0;
  // A script's body; empty: `arguments` are a command of their own.
  std::string script = {};
  std::vector<std::string> keys = {};
  std::vector<std::string> arguments = {};
};
struct BrokerChannelCommand {
  std::string channel;
  bool listen = true;
};
struct ResubscribeCommand {};
// What was revoked up to the question of this number has been ended, by the
// commands before this one.
struct RevocationsReadCommand {
  uint64_t number = 0;
};
// What a client of the host's own told, or answered (broker::HostTransport).
struct HostBrokerCommand {
  enum class Kind : uint8_t { kState, kSubscribed, kMessage, kAnswered };
  Kind kind = Kind::kState;
  // A broker::LinkState, or the ticket of a question.
  uint64_t number = 0;
  // A channel, or the trouble of a state.
  std::string name = {};
  std::string payload = {};
  redis::Reply answer = {};
};

// What is remembered of a tenant goes, its log too, unless it has streams.
struct ForgetCommand {
  Ticket ticket = 0;
  std::string tenant;
};
// A heartbeat to the user's quietest streams: one whose client is gone shows.
struct PingCommand {
  std::string tenant;
  std::string user;
};

// Ends every stream and refuses what comes later; the thread itself goes on
// until Hub::Stop.
struct ShutdownCommand {
  Ticket ticket = 0;
};

struct Command {
  std::variant<PublishCommand, EphemeralCommand, OpenSocketCommand,
               OpenHostSinkCommand, SinkTakenCommand, SinkFullCommand,
               SinkAbortCommand, AcquireCommand, ReleaseCommand, ReadLogCommand,
               DisconnectCommand, WatchCommand, ConnectionsCommand,
               DrainCommand, ResyncPathsCommand, FlushCommand,
               BrokerCallCommand, BrokerChannelCommand, ResubscribeCommand,
               RevocationsReadCommand, HostBrokerCommand, ForgetCommand,
               PingCommand, ShutdownCommand>
      body;
  // Mailbox only.
  Command* next = nullptr;
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_COMMAND_H_
