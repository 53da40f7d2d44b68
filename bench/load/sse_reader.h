// From the bytes of one HTTP/1.1 response to its server-sent events: head,
// chunked framing where there is any, lines, messages. One per connection;
// keeps only what is incomplete, so that an idle connection costs next to
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Valid only during the callback.
struct SseMessage {
  std::string_view id;
  std::string_view event;
  // The first `data:` line; every subject writes its JSON on one line.
  std::string_view data;
  bool has_data = false;
  // From its first byte to its blank line, chunk framing not counted.
  size_t bytes = 0;
};

class SseReader {
 public:
  class Sink {
   public:
    // Each block that ends with a blank line and has a field, `retry:` alone
    // included.
    virtual void OnMessage(const SseMessage& message) = 0;
    // Blank lines without a field before them.
    virtual void OnFiller(size_t bytes) = 0;

   protected:
    ~Sink() = default;
  };

  // Takes what a `recv` brought; `bytes` is scratch: chunk framing is removed
  // in place. False: not HTTP, or the status is not 200; then the connection is
  // of no more use.
  bool Feed(char* bytes, size_t size, Sink* sink);

  // 0 until the head is there.
  int status() const { return status_; }
  // Whole messages so far, fillers not counted.
  uint64_t messages() const { return messages_; }
  // The response said that it is over.
  bool ended() const { return chunk_ == Chunk::kEnd; }

  void Reset() { *this = SseReader(); }

 private:
  enum class Chunk : uint8_t {
    kNone,
    kSize,
    kExtension,
    kData,
    kDataEnd,
    kEnd
  };

  bool TakeHead(size_t* body_at);
  size_t RemoveFraming(char* bytes, size_t size);
  // Returns how many bytes made whole messages.
  size_t ReadMessages(std::string_view text, Sink* sink);

  std::string carry_;
  size_t chunk_left_ = 0;
  uint64_t messages_ = 0;
  int status_ = 0;
  Chunk chunk_ = Chunk::kNone;
};

}  // namespace bench
