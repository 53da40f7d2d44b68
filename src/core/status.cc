#include "core/status.h"

namespace pathcast {

std::string_view ToString(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalid:
      return "invalid";
    case Code::kIo:
      return "i/o";
    case Code::kNoMemory:
      return "no memory";
  }
  return "unknown";
}

std::string Status::ToString() const {
  std::string text(pathcast::ToString(code_));
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

}  // namespace pathcast
