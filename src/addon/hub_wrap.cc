#include "addon/hub_wrap.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/broker_calls.h"
#include "addon/replies.h"

namespace pathcast {

namespace {

// Replies handed to JavaScript in one call before the loop may do something
// else.
constexpr size_t kRepliesPerCall = 512;

constexpr napi_type_tag kTag = {0x70617468636173'74, 0x6875622d77726170};

HubOptions ReadOptions(Arguments* args, Napi::Object object) {
  auto count = [&](const char* name) {
    return args->Count(args->Get(object, name), name);
  };
  auto ms = [&](const char* name) { return static_cast<int64_t>(count(name)); };
  HubOptions options;
  options.hub_id = args->String(args->Get(object, "hubId"), "hubId");
  options.limits.max_per_user = static_cast<uint32_t>(count("maxPerUser"));
  options.limits.max_per_tenant = static_cast<uint32_t>(count("maxPerCompany"));
  options.limits.evict_oldest =
      args->Bool(args->Get(object, "evictOldest"), "evictOldest");
  options.core.log.max_actions = count("logActions");
  options.core.log.ttl_ms = ms("logTtlMs");
  options.core.log.max_bytes = count("logBytes");
  options.core.heartbeat_ms = ms("heartbeatMs");
  options.core.connection_cap_bytes = count("connectionCapBytes");
  options.core.max_invalidate_bytes = count("maxInvalidateBytes");
  options.core.compact_after = count("compactAfter");
  options.core.retry_ms = ms("retryMs");
  options.core.spread_free_streams = count("spreadFreeStreams");
  options.core.spread_per_stream_ms = count("spreadPerStreamMs");
  options.core.spread_max_ms = count("spreadMaxMs");
  options.slow_timeout_ms = ms("slowTimeoutMs");
  options.lifetime_ms = ms("lifetimeMs");
  options.max_tenants = count("maxCompanies");
  options.max_total_log_bytes = count("logTotalBytes");
  options.wrap.prefix =
      args->String(args->Get(object, "wrapPrefix"), "wrapPrefix");
  options.wrap.suffix =
      args->String(args->Get(object, "wrapSuffix"), "wrapSuffix");
  options.seed = Random::SystemSeed();
  if (const Napi::Value broker = args->Get(object, "broker");
      broker.IsObject()) {
    options.broker = ReadBrokerOptions(args, broker.As<Napi::Object>());
  }
  return options;
}

}  // namespace

Napi::Function HubWrap::Define(Napi::Env env) {
  return DefineClass(
      env, "Hub",
      {InstanceMethod<&HubWrap::Publish>("publish"),
       InstanceMethod<&HubWrap::Ephemeral>("ephemeral"),
       InstanceMethod<&HubWrap::OpenSocket>("openSocket"),
       InstanceMethod<&HubWrap::Wake>("wake"),
       InstanceMethod<&HubWrap::OpenSink>("openSink"),
       InstanceMethod<&HubWrap::SinkTaken>("sinkTaken"),
       InstanceMethod<&HubWrap::SinkFull>("sinkFull"),
       InstanceMethod<&HubWrap::SinkAbort>("sinkAbort"),
       InstanceMethod<&HubWrap::Acquire>("acquire"),
       InstanceMethod<&HubWrap::Release>("release"),
       InstanceMethod<&HubWrap::ReadLog>("readLog"),
       InstanceMethod<&HubWrap::Watch>("watch"),
       InstanceMethod<&HubWrap::Connections>("connections"),
       InstanceMethod<&HubWrap::Disconnect>("disconnect"),
       InstanceMethod<&HubWrap::Drain>("drain"),
       InstanceMethod<&HubWrap::SetResyncPaths>("setResyncPaths"),
       InstanceMethod<&HubWrap::Forget>("forget"),
       InstanceMethod<&HubWrap::Ping>("ping"),
       InstanceMethod<&HubWrap::Position>("position"),
       InstanceMethod<&HubWrap::Companies>("companies"),
       InstanceMethod<&HubWrap::Moment>("moment"),
       InstanceMethod<&HubWrap::SetNodes>("setNodes"),
       InstanceMethod<&HubWrap::Flush>("flush"),
       InstanceMethod<&HubWrap::BrokerCall>("brokerCall"),
       InstanceMethod<&HubWrap::BrokerListen>("brokerListen"),
       InstanceMethod<&HubWrap::BrokerResubscribe>("brokerResubscribe"),
       InstanceMethod<&HubWrap::RevocationsRead>("revocationsRead"),
       InstanceMethod<&HubWrap::BrokerTold>("brokerTold"),
       InstanceMethod<&HubWrap::BrokerAnswered>("brokerAnswered"),
       InstanceMethod<&HubWrap::BrokerUrl>("brokerUrl"),
       InstanceMethod<&HubWrap::Shutdown>("shutdown"),
       InstanceMethod<&HubWrap::Stop>("stop"),
       InstanceMethod<&HubWrap::ReadMetrics>("metrics"),
       InstanceMethod<&HubWrap::Ref>("ref"),
       InstanceMethod<&HubWrap::Unref>("unref")});
}

HubWrap::HubWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<HubWrap>(info), raw_env_(info.Env()) {
  const Napi::Env env = info.Env();
  if (napi_type_tag_object(env, info.This(), &kTag) != napi_ok) {
    Napi::Error::New(env, "native hub: cannot tag its object")
        .ThrowAsJavaScriptException();
    return;
  }
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "native hub: needs options and a function")
        .ThrowAsJavaScriptException();
    return;
  }
  Arguments args(env);
  HubOptions options = ReadOptions(&args, info[0].As<Napi::Object>());
  if (!args.Done()) return;
  if (options.broker) broker_url_ = ShownUrl(options.broker->url);
  bell_context_ = new BellContext{this};
  bell_ = Bell::New(
      env, info[1].As<Napi::Function>(), Napi::Object(), "pathcast", 0, 1,
      bell_context_,
      [](Napi::Env, void*, BellContext* context) { delete context; },
      static_cast<void*>(nullptr));
  if (env.IsExceptionPending()) {
    delete std::exchange(bell_context_, nullptr);
    return;
  }
  bell_.Unref(env);
  Result<std::unique_ptr<Hub>> hub = Hub::Create(std::move(options), this);
  if (!hub.ok()) {
    bell_context_->wrap = nullptr;
    bell_.Release();
    Napi::Error::New(env, "native hub: " + hub.status().ToString())
        .ThrowAsJavaScriptException();
    return;
  }
  hub_ = std::move(hub).value();
  // Runs before the bell's own hook, which was added earlier: the hub thread
  // must be gone by then.
  hooked_ = napi_add_env_cleanup_hook(env, &HubWrap::OnEnvironmentEnd, this) ==
            napi_ok;
}

HubWrap::~HubWrap() { Teardown(); }

void HubWrap::OnEnvironmentEnd(void* self) {
  auto* wrap = static_cast<HubWrap*>(self);
  wrap->hooked_ = false;
  wrap->Teardown();
}

void HubWrap::Teardown() {
  if (hooked_)
    (void)napi_remove_env_cleanup_hook(raw_env_, &HubWrap::OnEnvironmentEnd,
                                       this);
  hooked_ = false;
  if (hub_ == nullptr) return;
  hub_.reset();  // joins the hub thread
  bell_context_->wrap = nullptr;
  bell_.Release();
}

void HubWrap::OnReplies() {
  // Closing: nobody is left to be told.
  (void)bell_.NonBlockingCall();
}

void HubWrap::Dispatch(Napi::Env env, Napi::Function callback,
                       BellContext* context, void*) {
  // Node calls for what is still queued at its end, without an environment and
  // after the bell's finalizer: the context is gone by then.
  if (napi_env(env) == nullptr) return;
  HubWrap* self = context->wrap;
  if (self == nullptr || self->hub_ == nullptr) return;
  bool more = false;
  std::vector<Reply> replies = self->hub_->Take(kRepliesPerCall, &more);
  if (more) (void)self->bell_.NonBlockingCall();
  if (!replies.empty()) callback.Call({RepliesToJs(env, &replies)});
}

bool HubWrap::Ready(const Napi::CallbackInfo& info) {
  bool ours = false;
  if (napi_check_object_type_tag(info.Env(), info.This(), &kTag, &ours) ==
          napi_ok &&
      ours && hub_ != nullptr) {
    return true;
  }
  Napi::TypeError::New(info.Env(), "native hub: stopped, or not a hub")
      .ThrowAsJavaScriptException();
  return false;
}

Napi::Value HubWrap::Post(const Napi::CallbackInfo& info, Command command) {
  return Napi::Boolean::New(info.Env(), hub_->Post(std::move(command)));
}

// publish(ticket, [tenant, head, tail, transformedHead?, transformedTail?, …],
// whole): where not `whole`, each is followed by what the broker's log gets in
// place of it: head, tail, transformedHead?, transformedTail?; no head: the
// same.
Napi::Value HubWrap::Publish(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  PublishCommand command;
  command.posted_us = hub_->NowUs();
  command.ticket = args.Count(info[0], "ticket");
  if (!info[1].IsArray()) {
    Napi::TypeError::New(info.Env(), "native call: bad items")
        .ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const auto flat = info[1].As<Napi::Array>();
  const uint32_t length = flat.Length();
  const bool whole = args.Bool(info[2], "whole");
  const uint32_t stride = whole ? 5 : 9;
  command.items.reserve(length / stride);
  for (uint32_t i = 0; i + stride <= length; i += stride) {
    const Napi::HandleScope scope(info.Env());
    PublishItem& item = command.items.emplace_back();
    item.tenant = args.String(flat.Get(i), "company");
    args.AppendString(&item.text, flat.Get(i + 1), "head", kJsonSlack);
    item.split = item.text.size();
    item.text += '0';
    args.AppendString(&item.text, flat.Get(i + 2), "tail", kJsonSlack);
    const Napi::Value transformed = flat.Get(i + 3);
    if (!Arguments::Absent(transformed)) {
      item.transformed_head = args.String(transformed, "transformed head");
      item.transformed_tail = args.String(flat.Get(i + 4), "transformed tail");
    }
    if (stride > 5 && !Arguments::Absent(flat.Get(i + 5))) {
      const auto part = [&](uint32_t at) {
        return args.OptionalString(flat.Get(i + at), "stored").value_or("");
      };
      item.stored = std::make_shared<const std::array<std::string, 4>>(
          std::array<std::string, 4>{part(5), part(6), part(7), part(8)});
    }
    command.bytes += item.text.size() + item.transformed_head.size();
  }
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

Napi::Value HubWrap::Ephemeral(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  EphemeralCommand command;
  command.tenant = args.String(info[0], "company");
  command.json = args.String(info[1], "json");
  command.transformed_json =
      args.OptionalString(info[2], "transformed json").value_or("");
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// The arguments of a stream from `first` on, in the order of StreamArguments of
// lib/native/binding.ts. Arguments, not properties: reading one by its name
// costs more than the rest.
StreamRequest HubWrap::ReadStream(Arguments* args,
                                  const Napi::CallbackInfo& info,
                                  size_t first) {
  auto text = [&](size_t i, const char* what) {
    const Napi::Value value = info[first + i];
    return value.IsUndefined() ? std::string() : args->String(value, what);
  };
  StreamRequest request;
  request.number = args->Count(info[first++], "number");
  const uint64_t flags = args->Count(info[first], "flags");
  request.dialect.trpc = (flags & 1) != 0;
  request.dialect.ids = (flags & 2) != 0;
  request.dialect.transformed = (flags & 4) != 0;
  request.uncounted = (flags & 8) != 0;
  const uint64_t framing = flags >> 4 & 3;
  request.dialect.framing =
      framing < kFramingCount ? static_cast<Framing>(framing) : Framing::kRaw;
  if (const uint64_t end = flags >> 6; end > 0 && end <= kCloseReasonCount) {
    request.ends_with = static_cast<CloseReason>(end - 1);
  }
  request.tenant = args->String(info[first + 1], "companyId");
  request.user = args->String(info[first + 2], "userId");
  if (const Napi::Value head = info[first + 3]; !head.IsUndefined()) {
    request.http_head = args->Latin1(head, "httpHead");
  }
  request.resume.last_event_id = text(4, "lastEventId");
  if (const Napi::Value since = info[first + 5]; !since.IsUndefined()) {
    request.resume.has_since = true;
    request.resume.since_ms = args->Int(since, "lastSyncTimestamp");
  }
  request.instance = text(6, "instanceId");
  if (const Napi::Value expires = info[first + 7]; !expires.IsUndefined()) {
    // 0 would mean never.
    const int64_t at = args->Int(expires, "expiresAt");
    request.expires_at_ms = at == 0 ? 1 : at;
  }
  request.trpc_path = text(8, "trpcPath");
  request.address = text(9, "address");
  request.origin =
      static_cast<uint32_t>(args->Count(info[first + 10], "origin"));
  if (const Napi::Value value = info[first + 11]; value.IsArray()) {
    const auto parts = value.As<Napi::Array>();
    FilterSpec filter;
    filter.client_ids = args->OptionalStrings(parts.Get(0u), "clientIds");
    filter.modules = args->OptionalStrings(parts.Get(1u), "modules");
    filter.entities = args->OptionalStrings(parts.Get(2u), "entities");
    filter.query_paths = args->OptionalStrings(parts.Get(3u), "queryPaths");
    filter.exclude_source_id =
        args->OptionalString(parts.Get(4u), "excludeSourceId");
    filter.exclude_user_id =
        args->OptionalString(parts.Get(5u), "excludeUserId");
    request.filter = std::move(filter);
  }
  if (const Napi::Value value = info[first + 12]; !value.IsUndefined()) {
    request.generation = args->Count(value, "generation");
  }
  return request;
}

// openSocket(fd, …stream): takes a copy of the descriptor. The hub thread need
// not see it before wake().
Napi::Value HubWrap::OpenSocket(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  OpenSocketCommand command;
  const auto fd = static_cast<int>(args.Count(info[0], "fd"));
  command.request = ReadStream(&args, info, 1);
  if (!args.Done()) return info.Env().Undefined();
  command.socket = Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!command.socket.valid()) {
    const int error = errno;
    Napi::Error thrown =
        Napi::Error::New(info.Env(), std::string("cannot take the socket: ") +
                                         std::strerror(error));
    thrown.Set("errno", Napi::Number::New(info.Env(), error));
    thrown.ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  hub_->PostLater({std::move(command)});
  return info.Env().Undefined();
}

Napi::Value HubWrap::Wake(const Napi::CallbackInfo& info) {
  if (Ready(info)) hub_->Wake();
  return info.Env().Undefined();
}

// openSink(…stream)
Napi::Value HubWrap::OpenSink(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  OpenHostSinkCommand command;
  command.request = ReadStream(&args, info, 0);
  if (!args.Done()) return info.Env().Undefined();
  (void)hub_->Post({std::move(command)});
  return info.Env().Undefined();
}

Napi::Value HubWrap::SinkTaken(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const SinkTakenCommand command{args.Count(info[0], "number"),
                                 args.Count(info[1], "bytes")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

Napi::Value HubWrap::SinkFull(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const SinkFullCommand command{args.Count(info[0], "number")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

Napi::Value HubWrap::SinkAbort(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const SinkAbortCommand command{args.Count(info[0], "number")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

Napi::Value HubWrap::Acquire(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  AcquireCommand command;
  command.ticket = args.Count(info[0], "ticket");
  command.tenant = args.String(info[1], "company");
  command.user = args.String(info[2], "user");
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// release(ticket, lease): the lease as the decimal text that acquire gave.
Napi::Value HubWrap::Release(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  ReleaseCommand command;
  command.ticket = args.Count(info[0], "ticket");
  const std::string lease = args.String(info[1], "lease");
  if (!args.Done()) return info.Env().Undefined();
  for (char digit : lease) {
    if (digit < '0' || digit > '9') break;
    command.lease = command.lease * 10 + static_cast<uint64_t>(digit - '0');
  }
  return Post(info, {command});
}

Napi::Value HubWrap::ReadLog(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  ReadLogCommand command;
  command.ticket = args.Count(info[0], "ticket");
  command.tenant = args.String(info[1], "company");
  if (!Arguments::Absent(info[2]))
    command.since_ms = args.Int(info[2], "since");
  command.known_epoch = args.String(info[3], "known epoch");
  command.known_first = args.Count(info[4], "known first");
  command.known_last = args.Count(info[5], "known last");
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// watch(ticket, number)
Napi::Value HubWrap::Watch(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const WatchCommand command{args.Count(info[0], "ticket"),
                             args.Count(info[1], "number")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

// connections(ticket, limit, after, tenant?, user?, origin?)
Napi::Value HubWrap::Connections(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  ConnectionsCommand command;
  command.ticket = args.Count(info[0], "ticket");
  command.limit = args.Count(info[1], "limit");
  command.after = args.Count(info[2], "after");
  command.tenant = args.OptionalString(info[3], "company");
  command.user = args.OptionalString(info[4], "user");
  if (!Arguments::Absent(info[5])) {
    command.origin = static_cast<uint32_t>(args.Count(info[5], "origin"));
  }
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// disconnect(ticket, reason, tenant?, user?, number?, origin?)
Napi::Value HubWrap::Disconnect(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  DisconnectCommand command;
  command.ticket = args.Count(info[0], "ticket");
  const std::string reason = args.String(info[1], "reason");
  command.tenant = args.OptionalString(info[2], "company");
  command.user = args.OptionalString(info[3], "user");
  if (!Arguments::Absent(info[4]))
    command.number = args.Count(info[4], "number");
  if (!Arguments::Absent(info[5])) {
    command.origin = static_cast<uint32_t>(args.Count(info[5], "origin"));
  }
  if (!args.Done()) return info.Env().Undefined();
  if (!ParseCloseReason(reason, &command.reason)) {
    Napi::TypeError::New(info.Env(), "native call: bad reason")
        .ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Post(info, {std::move(command)});
}

Napi::Value HubWrap::Drain(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const DrainCommand command{args.Count(info[0], "ticket"),
                             args.Int(info[1], "overMs")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

Napi::Value HubWrap::SetResyncPaths(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  ResyncPathsCommand command;
  command.json = args.String(info[0], "json");
  command.paths = args.OptionalStrings(info[1], "paths")
                      .value_or(std::vector<std::string>());
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// forget(ticket, tenant)
Napi::Value HubWrap::Forget(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  ForgetCommand command{args.Count(info[0], "ticket"),
                        args.String(info[1], "company")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// ping(tenant, user)
Napi::Value HubWrap::Ping(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  PingCommand command{args.String(info[0], "company"),
                      args.String(info[1], "user")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// setNodes(count)
Napi::Value HubWrap::SetNodes(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const uint64_t count = args.Count(info[0], "count");
  if (args.Done()) hub_->SetNodes(count);
  return info.Env().Undefined();
}

// position(tenant, moment?): '' where none is known
Napi::Value HubWrap::Position(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const std::string tenant = args.String(info[0], "company");
  const uint64_t moment =
      info[1].IsUndefined() ? UINT64_MAX : args.Count(info[1], "moment");
  if (!args.Done()) return info.Env().Undefined();
  return Napi::String::New(info.Env(), hub_->Position(tenant, moment));
}

// companies()
Napi::Value HubWrap::Companies(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  const std::vector<std::string> names = hub_->Tenants();
  Napi::Array array = Napi::Array::New(info.Env(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    array.Set(static_cast<uint32_t>(i),
              Napi::String::New(info.Env(), names[i]));
  }
  return array;
}

// moment()
Napi::Value HubWrap::Moment(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(hub_->Moment()));
}

Napi::Value HubWrap::Shutdown(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const ShutdownCommand command{args.Count(info[0], "ticket")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

Napi::Value HubWrap::Stop(const Napi::CallbackInfo& info) {
  bool ours = false;
  if (napi_check_object_type_tag(info.Env(), info.This(), &kTag, &ours) ==
          napi_ok &&
      ours) {
    Teardown();
  }
  return info.Env().Undefined();
}

Napi::Value HubWrap::ReadMetrics(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  return MetricsToJs(info.Env(), hub_->metrics());
}

Napi::Value HubWrap::Ref(const Napi::CallbackInfo& info) {
  if (Ready(info)) bell_.Ref(info.Env());
  return info.Env().Undefined();
}

Napi::Value HubWrap::Unref(const Napi::CallbackInfo& info) {
  if (Ready(info)) bell_.Unref(info.Env());
  return info.Env().Undefined();
}

}  // namespace pathcast
