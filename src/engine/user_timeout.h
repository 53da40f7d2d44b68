// How long a peer may leave bytes unacknowledged before its connection ends.
//
// Heartbeats fit into a send buffer for hours, so a phone that went out of
// range shows neither as an error nor as a backlog: only the kernel knows that
// nothing is acknowledged. Serves the hub's own sockets and, by descriptor,
// those that stay with JavaScript.
#ifndef PATHCAST_ENGINE_USER_TIMEOUT_H_
#define PATHCAST_ENGINE_USER_TIMEOUT_H_

#include <cstdint>

namespace pathcast {

// [any thread] Sets TCP_USER_TIMEOUT. False where the platform has none or
// `fd` is no TCP socket; then the kernel's own limit holds (tcp_retries2 on
// Linux, some 15 minutes).
bool SetUserTimeout(int fd, int64_t ms);

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_USER_TIMEOUT_H_
