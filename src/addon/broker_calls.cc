// What the host asks of the broker, through the hub's own connections.
#include "addon/broker_calls.h"

#include <utility>

#include "addon/hub_wrap.h"
#include "redis/url.h"

namespace pathcast {

broker::LogOptions ReadBrokerOptions(Arguments* args, Napi::Object object) {
  const auto text = [&](const char* name) {
    return args->String(args->Get(object, name), name);
  };
  const auto count = [&](const char* name) {
    return args->Count(args->Get(object, name), name);
  };
  broker::LogOptions options;
  options.prefix = text("prefix");
  options.node_id = text("nodeId");
  options.url = text("url");
  options.publish_wait_ms = static_cast<int64_t>(count("publishWaitMs"));
  options.outbox_bytes = count("outboxBytes");
  options.probe_ms = static_cast<int64_t>(count("probeMs"));
  options.open_wait_ms = static_cast<int64_t>(count("openWaitMs"));
  options.publish_script = text("publishScript");
  options.read_script = text("readScript");
  return options;
}

std::string ShownUrl(const std::string& url) {
  const Result<redis::Url> parsed = redis::ParseUrl(url);
  return parsed.ok() ? parsed->ToString() : std::string();
}

// flush(ticket, withinMs)
Napi::Value HubWrap::Flush(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const FlushCommand command{args.Count(info[0], "ticket"),
                             args.Int(info[1], "withinMs")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

// brokerCall(ticket, script | undefined, keys, arguments)
Napi::Value HubWrap::BrokerCall(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  BrokerCallCommand command;
  command.ticket = args.Count(info[0], "ticket");
  command.script = args.OptionalString(info[1], "script").value_or("");
  command.keys = args.BytesList(info[2], "keys");
  command.arguments = args.BytesList(info[3], "arguments");
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// brokerListen(channel, listen)
Napi::Value HubWrap::BrokerListen(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  BrokerChannelCommand command{args.String(info[0], "channel"),
                               args.Bool(info[1], "listen")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

Napi::Value HubWrap::BrokerResubscribe(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  return Post(info, {ResubscribeCommand{}});
}

Napi::Value HubWrap::BrokerUrl(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), broker_url_);
}

}  // namespace pathcast
