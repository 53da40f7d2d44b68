// What came of a command: Redis's answer (RESP2), or that there is none.
//
// A value that owns its bytes; moving one costs nothing, whatever it holds.
// Any thread.
#ifndef PATHCAST_REDIS_REPLY_H_
#define PATHCAST_REDIS_REPLY_H_

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pathcast::redis {

class Reply {
 public:
  enum class Type : uint8_t {
    kNil,
    kInteger,
    kString,
    kStatus,  // "+OK"
    kArray,
    kError,   // Redis refused; text() is its own.
    kUnsent,  // Not handed to the kernel whole: Redis did not carry it out.
    kLost,    // Handed over and not answered: Redis may have carried it out.
  };

  Reply() = default;
  static Reply Integer(int64_t value) {
    Reply reply(Type::kInteger);
    reply.integer_ = value;
    return reply;
  }
  // REQUIRES: a type with text: kString, kStatus and those from kError on.
  static Reply Text(Type type, std::string text) {
    Reply reply(type);
    reply.text_ = std::move(text);
    return reply;
  }
  static Reply Array() { return Reply(Type::kArray); }

  Type type() const { return type_; }
  bool nil() const { return type_ == Type::kNil; }
  bool error() const { return type_ == Type::kError; }
  // Redis itself said so, an error perhaps.
  bool answered() const {
    return type_ != Type::kUnsent && type_ != Type::kLost;
  }
  // Answered, and no error.
  bool ok() const { return answered() && !error(); }
  bool is_text() const {
    return type_ == Type::kString || type_ == Type::kStatus;
  }

  // REQUIRES: kInteger.
  int64_t integer() const {
    assert(type_ == Type::kInteger);
    return integer_;
  }
  // Of a string, status or error; why there is no answer; else empty.
  const std::string& text() const { return text_; }
  std::string TakeText() { return std::move(text_); }
  // Of an array; else empty.
  std::vector<Reply>& elements() { return elements_; }
  const std::vector<Reply>& elements() const { return elements_; }

 private:
  explicit Reply(Type type) : type_(type) {}

  Type type_ = Type::kNil;
  int64_t integer_ = 0;
  std::string text_;
  std::vector<Reply> elements_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_REDIS_REPLY_H_
