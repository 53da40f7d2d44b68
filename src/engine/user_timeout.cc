#include "engine/user_timeout.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace pathcast {

bool SetUserTimeout(int fd, int64_t ms) {
#ifdef TCP_USER_TIMEOUT
  const int value = static_cast<int>(std::clamp<int64_t>(ms, 0, INT32_MAX));
  return ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value,
                      sizeof(value)) == 0;
#else
  (void)fd;
  (void)ms;
  return false;
#endif
}

}  // namespace pathcast
