// The addon's entry: what `require` returns.
#include <napi.h>

#include <climits>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "addon/arguments.h"
#include "addon/hub_wrap.h"
#include "addon/path_table_calls.h"
#include "addon/replies.h"
#include "engine/user_timeout.h"

namespace {

// Bytes that the process holds from malloc, for benchmarks: right below 4 GiB;
// 0 where the C library does not say. mallinfo2 would tell more, and no glibc
// before 2.33 could load the addon.
Napi::Value NativeHeapBytes(const Napi::CallbackInfo& info) {
  double bytes = 0;
#if defined(__GLIBC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo heap = mallinfo();
#pragma GCC diagnostic pop
  bytes = static_cast<double>(static_cast<unsigned>(heap.uordblks)) +
          static_cast<double>(static_cast<unsigned>(heap.hblkhd));
#endif
  return Napi::Number::New(info.Env(), bytes);
}

// (descriptor, ms) -> whether it is set. For sockets that stay with JavaScript.
Napi::Value SetUserTimeoutOf(const Napi::CallbackInfo& info) {
  pathcast::Arguments arguments(info.Env());
  const double fd = arguments.Number(info[0], "fd");
  const double ms = arguments.Number(info[1], "ms");
  if (!arguments.Done()) return info.Env().Undefined();
  const bool in_range = fd >= 0 && fd <= INT_MAX && ms >= 0 && ms <= INT_MAX;
  return Napi::Boolean::New(
      info.Env(), in_range && pathcast::SetUserTimeout(static_cast<int>(fd),
                                                       static_cast<int>(ms)));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Hub", pathcast::HubWrap::Define(env));
  exports.Set("createPathTable", Napi::Function::New<pathcast::CreatePathTable>(
                                     env, "createPathTable"));
  exports.Set("metricNames", pathcast::MetricNames(env));
  exports.Set("setUserTimeout",
              Napi::Function::New(env, SetUserTimeoutOf, "setUserTimeout"));
  exports.Set("nativeHeapBytes",
              Napi::Function::New(env, NativeHeapBytes, "nativeHeapBytes"));
  return exports;
}

}  // namespace

NODE_API_MODULE(pathcast, Init)
