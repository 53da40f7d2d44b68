// The addon's entry: what `require` returns.
#include <napi.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "addon/hub_wrap.h"
#include "addon/path_table_calls.h"
#include "addon/replies.h"

namespace {

// Bytes that the process holds from malloc, for benchmarks; 0 where the C
// library does not say.
Napi::Value NativeHeapBytes(const Napi::CallbackInfo& info) {
  double bytes = 0;
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 heap = mallinfo2();
  bytes = static_cast<double>(heap.uordblks + heap.hblkhd);
#endif
  return Napi::Number::New(info.Env(), bytes);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Hub", pathcast::HubWrap::Define(env));
  exports.Set("createPathTable", Napi::Function::New<pathcast::CreatePathTable>(
                                     env, "createPathTable"));
  exports.Set("metricNames", pathcast::MetricNames(env));
  exports.Set("nativeHeapBytes",
              Napi::Function::New(env, NativeHeapBytes, "nativeHeapBytes"));
  return exports;
}

}  // namespace

NODE_API_MODULE(pathcast, Init)
