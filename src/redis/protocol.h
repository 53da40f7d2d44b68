// RESP2 both ways: commands to bytes, bytes to replies.
//
// One reader per connection; one thread. The reading is hiredis' reader, which
// builds our replies itself; a command is written straight into the output,
// where hiredis' formatter would need a block of its own for each.
#ifndef PATHCAST_REDIS_PROTOCOL_H_
#define PATHCAST_REDIS_PROTOCOL_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"
#include "redis/reply.h"

struct redisReader;

namespace pathcast::redis {

// A command and its arguments; any bytes. REQUIRES: not empty.
using Arguments = std::span<const std::string_view>;

void AppendCommand(Arguments arguments, std::string* output);
// An upper bound of what AppendCommand() adds.
size_t CommandBytes(Arguments arguments);

// Whether a subscribing connection got this unasked for, or for a SUBSCRIBE: an
// array that begins with a word of pub/sub, or an error.
bool IsPush(const Reply& reply);

class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // kNoMemory, or kInvalid after an error of Next().
  Status Feed(std::string_view bytes);
  // The next whole reply; nothing as long as bytes of it are missing.
  // kInvalid: the bytes are no RESP2, and nothing after them can be read.
  Result<std::optional<Reply>> Next();
  // After a Next() that gave nothing: a part of a reply is here.
  bool midway() const;

 private:
  redisReader* const reader_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_PROTOCOL_H_
