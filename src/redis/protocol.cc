#include "redis/protocol.h"

#include <hiredis/read.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace pathcast::redis {
namespace {

// "$" or "*", digits, "\r\n".
constexpr size_t kHeadBytes = 24;
// An array's length is a claim until its elements are there.
constexpr size_t kReservedElements = 1024;

// Nothing is allocated below.
constexpr uintptr_t kLowestObject = 4096;

void AppendHead(char kind, size_t number, std::string* output) {
  char digits[kHeadBytes];
  digits[0] = kind;
  char* end = std::to_chars(digits + 1, digits + sizeof(digits), number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  output->append(digits, static_cast<size_t>(end - digits));
}

// Where the reader puts a reply: behind its elder siblings, or as a root. An
// array takes no further element before the one that is being read is whole, so
// what is returned stays where it is as long as the reader needs it.
void* Place(const redisReadTask* task, Reply reply) {
  if (task->parent == nullptr) return new Reply(std::move(reply));
  auto& siblings = static_cast<Reply*>(task->parent->obj)->elements();
  siblings.push_back(std::move(reply));
  return &siblings.back();
}

void* CreateString(const redisReadTask* task, char* bytes, size_t size) {
  const Reply::Type type = task->type == REDIS_REPLY_ERROR ? Reply::Type::kError
                           : task->type == REDIS_REPLY_STATUS
                               ? Reply::Type::kStatus
                               : Reply::Type::kString;
  return Place(task, Reply::Text(type, std::string(bytes, size)));
}

// The count is an int before 1.0, a size_t from then on.
template <class Count>
void* CreateArray(const redisReadTask* task, Count count) {
  Reply array = Reply::Array();
  if (count > 0) {
    array.elements().reserve(
        std::min(static_cast<size_t>(count), kReservedElements));
  }
  return Place(task, std::move(array));
}

void* CreateInteger(const redisReadTask* task, long long value) {
  return Place(task, Reply::Integer(value));
}

void* CreateNil(const redisReadTask* task) { return Place(task, Reply()); }

// Roots only: what is in one goes with it.
void FreeObject(void* object) { delete static_cast<Reply*>(object); }

redisReplyObjectFunctions* Functions() {
  // 1.x has more of them, for RESP3, which is never asked for.
  static redisReplyObjectFunctions functions = [] {
    redisReplyObjectFunctions made{};
    made.createString = &CreateString;
    made.createArray = &CreateArray;
    made.createInteger = &CreateInteger;
    made.createNil = &CreateNil;
    made.freeObject = &FreeObject;
    return made;
  }();
  return &functions;
}

}  // namespace

void AppendCommand(Arguments arguments, std::string* output) {
  assert(!arguments.empty());
  AppendHead('*', arguments.size(), output);
  for (const std::string_view argument : arguments) {
    AppendHead('$', argument.size(), output);
    output->append(argument).append("\r\n");
  }
}

size_t CommandBytes(Arguments arguments) {
  size_t bytes = kHeadBytes;
  for (const std::string_view argument : arguments) {
    bytes += argument.size() + kHeadBytes + 2;
  }
  return bytes;
}

bool IsPush(const Reply& reply) {
  if (reply.error()) return true;
  if (reply.elements().empty()) return false;
  const std::string& word = reply.elements()[0].text();
  return word == "message" || word == "subscribe" || word == "unsubscribe";
}

ReplyReader::ReplyReader()
    : reader_(redisReaderCreateWithFunctions(Functions())) {
  // As `new` without exceptions does.
  if (reader_ == nullptr) std::abort();
}

ReplyReader::~ReplyReader() { redisReaderFree(reader_); }

Status ReplyReader::Feed(std::string_view bytes) {
  if (redisReaderFeed(reader_, bytes.data(), bytes.size()) == REDIS_OK) {
    return Status::Ok();
  }
  return Status(
      reader_->err == REDIS_ERR_OOM ? Code::kNoMemory : Code::kInvalid,
      reader_->errstr);
}

// The place in its stack of what is being read.
bool ReplyReader::midway() const { return reader_->ridx >= 0; }

Result<std::optional<Reply>> ReplyReader::Next() {
  void* root = nullptr;
  if (redisReaderGetReply(reader_, &root) != REDIS_OK) {
    return Status(Code::kInvalid, reader_->errstr);
  }
  if (root == nullptr) return std::optional<Reply>();
  // Of a type of RESP3 for which we have no function, 1.x returns its number.
  if (reinterpret_cast<uintptr_t>(root) < kLowestObject) {
    return Status(Code::kInvalid, "a reply is of a type that RESP2 has not");
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(root));
  return std::optional<Reply>(std::move(*reply));
}

}  // namespace pathcast::redis
