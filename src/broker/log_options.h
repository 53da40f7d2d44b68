// How the log of a hub lives in a broker: BrokerLogOptions of
// lib/internal/broker.ts.
#ifndef PATHCAST_BROKER_LOG_OPTIONS_H_
#define PATHCAST_BROKER_LOG_OPTIONS_H_

#include <cstdint>
#include <string>

namespace pathcast::broker {

struct LogOptions {
  // Of names of keys and channels.
  std::string prefix = "pathcast";
  // This life of this node: no other one ever has it.
  std::string node_id;
  // Of a Redis; empty: the host has the connections, and doorbells ring with
  // `ring`.
  std::string url;
  std::string ring = "PUBLISH";
  int64_t publish_wait_ms = 250;
  uint64_t outbox_bytes = 64u << 20;
  int64_t probe_ms = 7'000;
  int64_t open_wait_ms = 5'000;
  // Before anything that was missed is delivered the host is asked for what was
  // revoked meanwhile.
  bool asks_revocations = false;
  std::string publish_script;
  std::string read_script;
};

}  // namespace pathcast::broker

#endif  // PATHCAST_BROKER_LOG_OPTIONS_H_
