// Status and Result<T>: how every layer says that something did not work.
//
// Values; any thread; no exceptions. A caller tells errors apart by `code()`,
// never by the text: the text is for people.
#ifndef PATHCAST_CORE_STATUS_H_
#define PATHCAST_CORE_STATUS_H_

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pathcast {

enum class Code : uint8_t {
  kOk,
  kInvalid,  // What the caller gave is wrong.
  kIo,       // The operating system refused.
  kNoMemory,
};

// "kOk" -> "ok", "kInvalid" -> "invalid", …
std::string_view ToString(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  // REQUIRES: code != Code::kOk.
  Status(Code code, std::string message)
      : code_(code), message_(std::move(message)) {
    assert(code != Code::kOk);
  }

  static Status Ok() { return Status(); }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // "invalid: timestamp is not a number"; "ok".
  std::string ToString() const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// Either a T or the status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose
  // REQUIRES: !status.ok().
  Result(Status status) : status_(std::move(status)) {  // NOLINT: same
    assert(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // REQUIRES: ok(), for all below.
  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_STATUS_H_
