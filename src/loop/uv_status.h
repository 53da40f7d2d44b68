// The one place where a libuv error becomes a Status. For loop/ only.
#ifndef PATHCAST_LOOP_UV_STATUS_H_
#define PATHCAST_LOOP_UV_STATUS_H_

#include <uv.h>

#include <string>
#include <string_view>

#include "core/status.h"

namespace pathcast {

// REQUIRES: error < 0.
inline Status UvStatus(std::string_view what, int error) {
  std::string message(what);
  message.append(": ").append(uv_strerror(error));
  return Status(error == UV_ENOMEM ? Code::kNoMemory : Code::kIo,
                std::move(message));
}

}  // namespace pathcast

#endif  // PATHCAST_LOOP_UV_STATUS_H_
