// The JavaScript class around one engine hub.
//
// Owner: its JavaScript object, which lib/native keeps until close(). Thread:
// JavaScript thread, except OnReplies. Destruction order (close, finalizer or
// the environment's end, whichever is first): the hub thread is joined, then
// the thread-safe function that it rings is released.
#ifndef PATHCAST_ADDON_HUB_WRAP_H_
#define PATHCAST_ADDON_HUB_WRAP_H_

#include <napi.h>

#include <memory>
#include <string>

#include "engine/hub.h"

namespace pathcast {

class HubWrap final : public Napi::ObjectWrap<HubWrap>, public Host {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit HubWrap(const Napi::CallbackInfo& info);
  ~HubWrap() override;

  // [hub thread]
  void OnReplies() override;

 private:
  // What the bell knows of its hub. The bell's finalizer frees it: a call may
  // still be queued when the hub goes.
  struct BellContext {
    HubWrap* wrap;
  };
  static void Dispatch(Napi::Env env, Napi::Function callback,
                       BellContext* context, void* data);
  using Bell =
      Napi::TypedThreadSafeFunction<BellContext, void, &HubWrap::Dispatch>;

  // False, with a TypeError pending, when `this` is not one of ours or already
  // stopped.
  bool Ready(const Napi::CallbackInfo& info);
  Napi::Value Post(const Napi::CallbackInfo& info, Command command);
  StreamRequest ReadStream(class Arguments* args,
                           const Napi::CallbackInfo& info, size_t first);
  void Teardown();
  static void OnEnvironmentEnd(void* self);

  Napi::Value Publish(const Napi::CallbackInfo& info);
  Napi::Value Ephemeral(const Napi::CallbackInfo& info);
  Napi::Value OpenSocket(const Napi::CallbackInfo& info);
  Napi::Value Wake(const Napi::CallbackInfo& info);
  Napi::Value OpenSink(const Napi::CallbackInfo& info);
  Napi::Value SinkTaken(const Napi::CallbackInfo& info);
  Napi::Value SinkFull(const Napi::CallbackInfo& info);
  Napi::Value SinkAbort(const Napi::CallbackInfo& info);
  Napi::Value Acquire(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  Napi::Value ReadLog(const Napi::CallbackInfo& info);
  Napi::Value Watch(const Napi::CallbackInfo& info);
  Napi::Value Connections(const Napi::CallbackInfo& info);
  Napi::Value Disconnect(const Napi::CallbackInfo& info);
  Napi::Value Drain(const Napi::CallbackInfo& info);
  Napi::Value SetResyncPaths(const Napi::CallbackInfo& info);
  Napi::Value Forget(const Napi::CallbackInfo& info);
  Napi::Value Ping(const Napi::CallbackInfo& info);
  Napi::Value SetNodes(const Napi::CallbackInfo& info);
  Napi::Value Position(const Napi::CallbackInfo& info);
  Napi::Value Companies(const Napi::CallbackInfo& info);
  Napi::Value Moment(const Napi::CallbackInfo& info);
  // broker_calls.cc
  Napi::Value Flush(const Napi::CallbackInfo& info);
  Napi::Value BrokerCall(const Napi::CallbackInfo& info);
  Napi::Value BrokerListen(const Napi::CallbackInfo& info);
  Napi::Value BrokerResubscribe(const Napi::CallbackInfo& info);
  Napi::Value RevocationsRead(const Napi::CallbackInfo& info);
  Napi::Value BrokerTold(const Napi::CallbackInfo& info);
  Napi::Value BrokerAnswered(const Napi::CallbackInfo& info);
  Napi::Value BrokerUrl(const Napi::CallbackInfo& info);
  Napi::Value Shutdown(const Napi::CallbackInfo& info);
  Napi::Value Stop(const Napi::CallbackInfo& info);
  Napi::Value ReadMetrics(const Napi::CallbackInfo& info);
  Napi::Value Ref(const Napi::CallbackInfo& info);
  Napi::Value Unref(const Napi::CallbackInfo& info);

  napi_env raw_env_;
  BellContext* bell_context_ = nullptr;  // freed by the bell's finalizer
  Bell bell_;
  // For people; empty: the log is memory.
  std::string broker_url_;
  bool hooked_ = false;  // the environment's end will call OnEnvironmentEnd
  std::unique_ptr<Hub> hub_;
};

}  // namespace pathcast

#endif  // PATHCAST_ADDON_HUB_WRAP_H_
