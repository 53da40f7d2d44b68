// Reads what the TypeScript side hands over. It has validated everything; here
// only types are checked again, so that a mistake there is a TypeError and
// never a crash.
#ifndef PATHCAST_ADDON_ARGUMENTS_H_
#define PATHCAST_ADDON_ARGUMENTS_H_

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pathcast {

// Extra capacity that simdjson may read past the end of a document.
inline constexpr size_t kJsonSlack = 64;

class Arguments {
 public:
  explicit Arguments(Napi::Env env) : env_(env) {}

  bool failed() const { return failed_; }
  // True if everything read so far had its type; else a TypeError is pending.
  bool Done() {
    if (failed_ && !env_.IsExceptionPending()) {
      Napi::TypeError::New(env_, std::string("native call: bad ") + what_)
          .ThrowAsJavaScriptException();
    }
    return !failed_;
  }

  std::string String(Napi::Value value, const char* what) {
    // Most are short: one call in place of two, which ask and read.
    char buffer[128];
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, buffer, sizeof(buffer),
                                   &length) != napi_ok) {
      Fail(what);
      return {};
    }
    // Nothing more than a code point of at most four bytes was cut off.
    if (length + 4 < sizeof(buffer)) return {buffer, length};
    std::string text;
    AppendString(&text, value, what);
    return text;
  }

  // Appends without a copy in between.
  void AppendString(std::string* out, Napi::Value value, const char* what,
                    size_t slack = 0) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, nullptr, 0, &length) !=
        napi_ok) {
      return Fail(what);
    }
    const size_t before = out->size();
    out->reserve(before + length + 1 + slack);
    out->resize(before + length + 1);  // N-API writes a NUL
    if (napi_get_value_string_utf8(env_, value, out->data() + before,
                                   length + 1, &length) != napi_ok) {
      Fail(what);
    }
    out->resize(before + length);
  }

  // Each character one byte, as Node writes a response head.
  std::string Latin1(Napi::Value value, const char* what) {
    std::string text;
    size_t length = 0;
    if (napi_get_value_string_latin1(env_, value, nullptr, 0, &length) !=
        napi_ok) {
      return Fail(what), text;
    }
    text.resize(length + 1);  // N-API writes a NUL
    if (napi_get_value_string_latin1(env_, value, text.data(), length + 1,
                                     &length) != napi_ok) {
      Fail(what);
    }
    text.resize(length);
    return text;
  }

  double Number(Napi::Value value, const char* what) {
    double number = 0;
    if (napi_get_value_double(env_, value, &number) != napi_ok) Fail(what);
    return number;
  }
  int64_t Int(Napi::Value value, const char* what) {
    const double number = Number(value, what);
    // Out of range (NaN, infinities) would be undefined.
    if (!(number >= -9.2e18 && number <= 9.2e18)) return Fail(what), 0;
    return static_cast<int64_t>(number);
  }
  uint64_t Count(Napi::Value value, const char* what) {
    const int64_t number = Int(value, what);
    if (number < 0) return Fail(what), 0;
    return static_cast<uint64_t>(number);
  }
  bool Bool(Napi::Value value, const char* what) {
    bool flag = false;
    if (napi_get_value_bool(env_, value, &flag) != napi_ok) Fail(what);
    return flag;
  }

  Napi::Value Get(Napi::Object object, const char* name) {
    napi_value value = nullptr;
    if (napi_get_named_property(env_, object, name, &value) != napi_ok) {
      Fail(name);
      return env_.Undefined();
    }
    return Napi::Value(env_, value);
  }
  static bool Absent(const Napi::Value& value) {
    return value.IsUndefined() || value.IsNull();
  }

  // A text, the digits of a number, or the bytes of a Buffer.
  std::string Bytes(Napi::Value value, const char* what) {
    if (value.IsBuffer()) {
      const auto buffer = value.As<Napi::Buffer<char>>();
      return {buffer.Data(), buffer.Length()};
    }
    return String(value.IsNumber() ? value.ToString() : value, what);
  }
  std::vector<std::string> BytesList(Napi::Value value, const char* what) {
    std::vector<std::string> list;
    if (!value.IsArray()) return Fail(what), list;
    const auto array = value.As<Napi::Array>();
    const uint32_t length = array.Length();
    list.reserve(length);
    for (uint32_t i = 0; i < length; ++i) {
      const Napi::HandleScope scope(env_);
      list.push_back(Bytes(array.Get(i), what));
    }
    return list;
  }

  std::optional<std::string> OptionalString(Napi::Value value,
                                            const char* what) {
    if (Absent(value)) return std::nullopt;
    return String(value, what);
  }
  std::optional<std::vector<std::string>> OptionalStrings(Napi::Value value,
                                                          const char* what) {
    if (Absent(value)) return std::nullopt;
    std::vector<std::string> list;
    if (!value.IsArray()) {
      Fail(what);
      return list;
    }
    const auto array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i)
      list.push_back(String(array.Get(i), what));
    return list;
  }

 private:
  void Fail(const char* what) {
    if (!failed_) what_ = what;
    failed_ = true;
  }

  Napi::Env env_;
  bool failed_ = false;
  const char* what_ = "";
};

}  // namespace pathcast

#endif  // PATHCAST_ADDON_ARGUMENTS_H_
