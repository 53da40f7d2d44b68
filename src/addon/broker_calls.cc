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
  options.ring = text("ring");
  options.publish_wait_ms = static_cast<int64_t>(count("publishWaitMs"));
  options.outbox_bytes = count("outboxBytes");
  options.probe_ms = static_cast<int64_t>(count("probeMs"));
  options.open_wait_ms = static_cast<int64_t>(count("openWaitMs"));
  options.asks_revocations =
      args->Bool(args->Get(object, "asksRevocations"), "asksRevocations");
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

// revocationsRead(number)
Napi::Value HubWrap::RevocationsRead(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  const RevocationsReadCommand command{args.Count(info[0], "number")};
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {command});
}

namespace {

// A BrokerReply of lib/internal/broker.ts.
redis::Reply ReadReply(Arguments* args, Napi::Value value) {
  if (value.IsArray()) {
    redis::Reply reply = redis::Reply::Array();
    const auto array = value.As<Napi::Array>();
    const uint32_t length = array.Length();
    reply.elements().reserve(length);
    for (uint32_t i = 0; i < length; ++i) {
      const Napi::HandleScope scope(value.Env());
      reply.elements().push_back(ReadReply(args, array.Get(i)));
    }
    return reply;
  }
  if (value.IsNumber()) return redis::Reply::Integer(args->Int(value, "reply"));
  if (Arguments::Absent(value)) return {};
  return redis::Reply::Text(redis::Reply::Type::kString,
                            args->Bytes(value, "reply"));
}

}  // namespace

// brokerTold(kind, number, name, payload | undefined): a HostBrokerCommand.
Napi::Value HubWrap::BrokerTold(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  HostBrokerCommand command;
  const uint64_t kind = args.Count(info[0], "kind");
  command.kind = kind == 0   ? HostBrokerCommand::Kind::kState
                 : kind == 1 ? HostBrokerCommand::Kind::kSubscribed
                             : HostBrokerCommand::Kind::kMessage;
  command.number = args.Count(info[1], "number");
  command.name = args.String(info[2], "name");
  if (!info[3].IsUndefined()) command.payload = args.Bytes(info[3], "payload");
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

// brokerAnswered(ticket, failure, reply | text)
Napi::Value HubWrap::BrokerAnswered(const Napi::CallbackInfo& info) {
  if (!Ready(info)) return info.Env().Undefined();
  Arguments args(info.Env());
  HostBrokerCommand command;
  command.kind = HostBrokerCommand::Kind::kAnswered;
  command.number = args.Count(info[0], "ticket");
  const uint64_t failure = args.Count(info[1], "failure");
  if (failure == 0) {
    command.answer = ReadReply(&args, info[2]);
  } else {
    command.answer =
        redis::Reply::Text(failure == 1   ? redis::Reply::Type::kUnsent
                           : failure == 2 ? redis::Reply::Type::kLost
                                          : redis::Reply::Type::kError,
                           args.Bytes(info[2], "reply"));
  }
  if (!args.Done()) return info.Env().Undefined();
  return Post(info, {std::move(command)});
}

Napi::Value HubWrap::BrokerUrl(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), broker_url_);
}

}  // namespace pathcast
