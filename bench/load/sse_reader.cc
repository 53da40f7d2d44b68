#include "sse_reader.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

namespace bench {
namespace {

// A head longer than this is no answer of a subject.
constexpr size_t kMaxHead = 16 * 1024;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view FieldValue(std::string_view line, size_t name_length) {
  line.remove_prefix(name_length);
  if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  return line;
}

}  // namespace

bool SseReader::Feed(char* bytes, size_t size, Sink* sink) {
  std::string head;
  if (status_ == 0) {
    carry_.append(bytes, size);
    size_t body_at = 0;
    if (!TakeHead(&body_at)) return carry_.size() <= kMaxHead;
    if (status_ != 200) return false;
    head = std::move(carry_);
    carry_.clear();
    bytes = head.data() + body_at;
    size = head.size() - body_at;
  }
  if (chunk_ != Chunk::kNone) size = RemoveFraming(bytes, size);
  if (size == 0) return true;
  if (carry_.empty()) {
    const size_t used = ReadMessages({bytes, size}, sink);
    if (used < size) carry_.assign(bytes + used, size - used);
    return true;
  }
  carry_.append(bytes, size);
  const size_t used = ReadMessages(carry_, sink);
  carry_.erase(0, used);
  return true;
}

bool SseReader::TakeHead(size_t* body_at) {
  const size_t end = carry_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  *body_at = end + 4;
  status_ =
      carry_.starts_with("HTTP/1.1 ") ? std::atoi(carry_.c_str() + 9) : -1;
  std::string head = carry_.substr(0, end);
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (head.find("\r\ntransfer-encoding: chunked") != std::string::npos)
    chunk_ = Chunk::kSize;
  return true;
}

size_t SseReader::RemoveFraming(char* bytes, size_t size) {
  size_t out = 0;
  size_t at = 0;
  while (at < size) {
    switch (chunk_) {
      case Chunk::kSize: {
        const char c = bytes[at++];
        if (c == '\n') {
          chunk_ = chunk_left_ == 0 ? Chunk::kEnd : Chunk::kData;
        } else if (const int digit = HexDigit(c); digit >= 0) {
          chunk_left_ = chunk_left_ * 16 + static_cast<size_t>(digit);
        } else if (c != '\r') {
          chunk_ = Chunk::kExtension;
        }
        break;
      }
      case Chunk::kExtension:
        if (bytes[at++] == '\n')
          chunk_ = chunk_left_ == 0 ? Chunk::kEnd : Chunk::kData;
        break;
      case Chunk::kData: {
        const size_t take = std::min(chunk_left_, size - at);
        if (out != at) std::memmove(bytes + out, bytes + at, take);
        out += take;
        at += take;
        chunk_left_ -= take;
        if (chunk_left_ == 0) chunk_ = Chunk::kDataEnd;
        break;
      }
      case Chunk::kDataEnd:
        if (bytes[at++] == '\n') chunk_ = Chunk::kSize;
        break;
      case Chunk::kEnd:
      case Chunk::kNone:
        return out;
    }
  }
  return out;
}

size_t SseReader::ReadMessages(std::string_view text, Sink* sink) {
  size_t message_at = 0;
  size_t line_at = 0;
  SseMessage message;
  while (line_at < text.size()) {
    const void* found =
        std::memchr(text.data() + line_at, '\n', text.size() - line_at);
    if (!found) break;
    const size_t line_end =
        static_cast<size_t>(static_cast<const char*>(found) - text.data());
    const std::string_view line = text.substr(line_at, line_end - line_at);
    line_at = line_end + 1;
    if (!line.empty()) {
      if (line.starts_with("data:")) {
        if (!message.has_data) message.data = FieldValue(line, 5);
        message.has_data = true;
      } else if (line.starts_with("id:")) {
        message.id = FieldValue(line, 3);
      } else if (line.starts_with("event:")) {
        message.event = FieldValue(line, 6);
      }
      message.bytes += line.size() + 1;
      continue;
    }
    const size_t bytes = line_at - message_at;
    message_at = line_at;
    if (message.bytes == 0) {
      sink->OnFiller(bytes);
    } else {
      message.bytes = bytes;
      ++messages_;
      sink->OnMessage(message);
      message = SseMessage();
    }
  }
  return message_at;
}

}  // namespace bench
