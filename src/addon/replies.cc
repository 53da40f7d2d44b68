#include "addon/replies.h"

#include <string>
#include <utility>

#include "core/wire.h"

namespace pathcast {

namespace {

// The kinds of lib/native/binding.ts, in its order.
enum class ReplyKind : uint8_t {
  kPublished,
  kLease,
  kDone,
  kLog,
  kSinkData,
  kSinkEnd,
  kNotice,
  kConnections,
  kBrokerAnswer,
  kBrokerEvent,
  kHostQuestion
};

class FlatArray {
 public:
  FlatArray(Napi::Env env, ReplyKind kind)
      : env_(env), array_(Napi::Array::New(env)) {
    Add(static_cast<double>(kind));
  }
  FlatArray& Add(double number) {
    return AddValue(Napi::Number::New(env_, number));
  }
  FlatArray& Add(const std::string& text) {
    return AddValue(Napi::String::New(env_, text));
  }
  FlatArray& AddValue(Napi::Value value) {
    array_.Set(next_++, value);
    return *this;
  }
  Napi::Array Done() const { return array_; }

 private:
  Napi::Env env_;
  Napi::Array array_;
  uint32_t next_ = 0;
};

struct ToJs {
  Napi::Env env;

  Napi::Array operator()(PublishedReply& reply) const {
    FlatArray out(env, ReplyKind::kPublished);
    out.Add(static_cast<double>(reply.ticket));
    for (const PublishOutcome& outcome : reply.outcomes) {
      out.Add(static_cast<double>(outcome.code))
          .Add(static_cast<double>(outcome.seq))
          .Add(outcome.epoch);
    }
    return out.Done();
  }
  Napi::Array operator()(LeaseReply& reply) const {
    return FlatArray(env, ReplyKind::kLease)
        .Add(static_cast<double>(reply.ticket))
        .Add(static_cast<double>(reply.code))
        .Add(std::to_string(reply.lease))  // 64 bits: more than a number holds
        .Add(reply.limit)
        .Add(reply.current)
        .Done();
  }
  Napi::Array operator()(DoneReply& reply) const {
    return FlatArray(env, ReplyKind::kDone)
        .Add(static_cast<double>(reply.ticket))
        .Add(static_cast<double>(reply.value))
        .Done();
  }
  Napi::Array operator()(LogReply& reply) const {
    FlatArray out(env, ReplyKind::kLog);
    out.Add(static_cast<double>(reply.ticket))
        .Add(reply.epoch)
        .Add(static_cast<double>(reply.head_seq))
        .Add(static_cast<double>(reply.first_seq))
        .Add(reply.around_known ? static_cast<double>(reply.before_known)
                                : -1.0);
    for (const std::string& action : reply.actions) out.Add(action);
    return out.Done();
  }
  Napi::Array operator()(SinkDataReply& reply) const {
    return FlatArray(env, ReplyKind::kSinkData)
        .Add(static_cast<double>(reply.number))
        .AddValue(Napi::Buffer<char>::Copy(env, reply.bytes.data(),
                                           reply.bytes.size()))
        .Done();
  }
  Napi::Array operator()(SinkEndReply& reply) const {
    return FlatArray(env, ReplyKind::kSinkEnd)
        .Add(static_cast<double>(reply.number))
        .Done();
  }
  Napi::Value Strings(
      const std::optional<std::vector<std::string>>& list) const {
    if (!list) return env.Undefined();
    Napi::Array out = Napi::Array::New(env, list->size());
    for (uint32_t i = 0; i < list->size(); ++i) {
      out.Set(i, Napi::String::New(env, (*list)[i]));
    }
    return out;
  }
  Napi::Value Text(const std::optional<std::string>& text) const {
    return text ? Napi::String::New(env, *text) : env.Undefined();
  }
  // FilterArgument of lib/native/binding.ts.
  Napi::Value Parts(const std::optional<FilterSpec>& filter) const {
    if (!filter) return env.Undefined();
    Napi::Array out = Napi::Array::New(env, 6);
    out.Set(0u, Strings(filter->client_ids));
    out.Set(1u, Strings(filter->modules));
    out.Set(2u, Strings(filter->entities));
    out.Set(3u, Strings(filter->query_paths));
    out.Set(4u, Text(filter->exclude_source_id));
    out.Set(5u, Text(filter->exclude_user_id));
    return out;
  }
  Napi::Array operator()(ConnectionsReply& reply) const {
    FlatArray out(env, ReplyKind::kConnections);
    out.Add(static_cast<double>(reply.ticket));
    for (const ConnectionInfo& info : reply.connections) {
      const Napi::HandleScope scope(env);
      out.Add(static_cast<double>(info.number))
          .Add(info.tenant)
          .Add(info.user)
          .Add(static_cast<double>(info.since_ms))
          .Add(static_cast<double>(info.backlog_bytes))
          .Add(info.position)
          .Add(info.address)
          .AddValue(Parts(info.filter));
    }
    return out.Done();
  }
  Napi::Value Bytes(const std::string& bytes) const {
    return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
  }
  // BrokerReply of lib/internal/broker.ts.
  Napi::Value Answer(const redis::Reply& answer) const {
    switch (answer.type()) {
      case redis::Reply::Type::kNil:
        return env.Null();
      case redis::Reply::Type::kInteger:
        return Napi::Number::New(env, static_cast<double>(answer.integer()));
      case redis::Reply::Type::kArray: {
        const auto& elements = answer.elements();
        Napi::Array out = Napi::Array::New(env, elements.size());
        for (uint32_t i = 0; i < elements.size(); ++i) {
          const Napi::HandleScope scope(env);
          out.Set(i, Answer(elements[i]));
        }
        return out;
      }
      default:
        return Bytes(answer.text());
    }
  }
  Napi::Array operator()(BrokerAnswerReply& reply) const {
    const redis::Reply& answer = reply.answer;
    FlatArray out(env, ReplyKind::kBrokerAnswer);
    out.Add(static_cast<double>(reply.ticket));
    if (answer.ok()) {
      out.Add(0.0).AddValue(Answer(answer));
    } else {
      // BrokerFailure: unsent, lost, refused.
      const redis::Reply::Type type = answer.type();
      out.Add(type == redis::Reply::Type::kUnsent ? 1.0
              : type == redis::Reply::Type::kLost ? 2.0
                                                  : 3.0)
          .Add(answer.text());
    }
    return out.Done();
  }
  Napi::Array operator()(BrokerEventReply& reply) const {
    FlatArray out(env, ReplyKind::kBrokerEvent);
    out.Add(static_cast<double>(reply.kind)).Add(reply.number).Add(reply.name);
    if (reply.kind == BrokerEventKind::kMessage) {
      out.AddValue(Bytes(reply.text));
    } else {
      out.Add(reply.text);
    }
    return out.Done();
  }
  Napi::Array operator()(HostQuestionReply& reply) const {
    const broker::HostQuestion& question = reply.question;
    Napi::Array keys = Napi::Array::New(env, question.keys.size());
    for (uint32_t i = 0; i < question.keys.size(); ++i)
      keys.Set(i, Napi::String::New(env, question.keys[i]));
    Napi::Array arguments = Napi::Array::New(env, question.arguments.size());
    for (uint32_t i = 0; i < question.arguments.size(); ++i) {
      const Napi::HandleScope scope(env);
      const std::string& bytes = question.arguments[i];
      // An empty one says that there is none.
      arguments.Set(
          i, bytes.empty() ? Napi::String::New(env, bytes) : Bytes(bytes));
    }
    return FlatArray(env, ReplyKind::kHostQuestion)
        .Add(static_cast<double>(question.kind))
        .Add(static_cast<double>(question.ticket))
        .Add(question.name)
        .AddValue(keys)
        .AddValue(arguments)
        .Done();
  }
  Napi::Array operator()(NoticeReply& reply) const {
    return FlatArray(env, ReplyKind::kNotice)
        .Add(static_cast<double>(reply.kind))
        .Add(reply.code)
        .Add(static_cast<double>(reply.number))
        .Add(static_cast<double>(reply.value))
        .Add(reply.tenant)
        .Add(reply.user)
        .Done();
  }
};

// `<name>:<bound in µs>` (`inf`: the open bucket), and `<name>:sum`.
template <class Visit>
void VisitHistogram(const std::string& name, const Histogram& histogram,
                    Visit& visit) {
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    const std::string bound = i < Histogram::kBoundsUs.size()
                                  ? std::to_string(Histogram::kBoundsUs[i])
                                  : "inf";
    visit(name + ":" + bound, histogram.count(i));
  }
  visit(name + ":sum", histogram.sum_us());
}

// Calls `visit(name, value)` for each metric, always in the same order.
template <class Visit>
void ForEachMetric(const Metrics& m, Visit&& visit) {
  visit("connections", m.connections.Get());
  visit("sinkConnections", m.sink_connections.Get());
  visit("leases", m.leases.Get());
  visit("companies", m.tenants.Get());
  visit("logActions", m.log_actions.Get());
  visit("logBytes", m.log_bytes.Get());
  visit("slowSinks", m.slow_sinks.Get());
  visit("backlogBytes", m.backlog_bytes.Get());
  visit("opened", m.opened.Get());
  visit("publishes", m.publishes.Get());
  visit("duplicates", m.duplicates.Get());
  visit("ephemerals", m.ephemerals.Get());
  visit("ephemeralsDropped", m.ephemerals_dropped.Get());
  visit("deliveries", m.deliveries.Get());
  visit("bytes", m.bytes.Get());
  visit("writes", m.writes.Get());
  visit("heartbeats", m.heartbeats.Get());
  visit("heartbeatsSkipped", m.heartbeats_skipped.Get());
  visit("conflations", m.conflations.Get());
  visit("compactions", m.compactions.Get());
  visit("evictions", m.evictions.Get());
  visit("replacements", m.replacements.Get());
  for (size_t i = 0; i < m.resyncs.size(); ++i) {
    visit("resyncs." + std::string(ToString(static_cast<Reason>(i))),
          m.resyncs[i].Get());
  }
  for (size_t i = 0; i < m.closes.size(); ++i) {
    const std::string end =
        i == kEndGone ? "gone"
        : i == kEndHubClosed
            ? "hub_closed"
            : std::string(ToString(static_cast<CloseReason>(i)));
    visit("closes." + end, m.closes[i].Get());
  }
  constexpr const char* kRefusals[kRefusalCount] = {
      "USER_LIMIT", "COMPANY_LIMIT", "DRAINING"};
  for (size_t i = 0; i < kRefusalCount; ++i) {
    visit(std::string("refusals.") + kRefusals[i], m.refusals[i].Get());
  }
  VisitHistogram("publishToWritten", m.publish_to_written, visit);
  const BrokerMetrics& b = m.broker;
  visit("broker.link", b.link.Get());
  visit("broker.subscriptions", b.subscriptions.Get());
  visit("broker.companies", b.companies.Get());
  visit("broker.reads", b.reads.Get());
  visit("broker.readActions", b.read_actions.Get());
  visit("broker.gapsFound", b.gaps_found.Get());
  visit("broker.gapsHealed", b.gaps_healed.Get());
  visit("broker.doorbells", b.doorbells.Get());
  visit("broker.foreign", b.foreign.Get());
  visit("broker.outboxActions", b.outbox_actions.Get());
  visit("broker.outboxBytes", b.outbox_bytes.Get());
  visit("broker.queued", b.queued.Get());
  visit("broker.conflated", b.conflated.Get());
  visit("broker.outboxFull", b.outbox_full.Get());
  visit("broker.told", b.told.Get());
  visit("broker.probes", b.probes.Get());
  visit("broker.probesLost", b.probes_lost.Get());
  visit("broker.resubscribes", b.resubscribes.Get());
  visit("broker.reconnects", b.reconnects.Get());
  visit("broker.unsent", b.unsent.Get());
  visit("broker.lost", b.lost.Get());
  constexpr const char* kCauses[kEpochCauseCount] = {"new", "lost", "rewound",
                                                     "unvouched", "vouched"};
  for (size_t i = 0; i < kEpochCauseCount; ++i) {
    visit(std::string("epochs.") + kCauses[i], b.epochs[i].Get());
  }
  VisitHistogram("doorbellLagUs", b.doorbell_lag, visit);
  VisitHistogram("scriptUs", b.script, visit);
}

}  // namespace

Napi::Value RepliesToJs(Napi::Env env, std::vector<Reply>* replies) {
  Napi::Array out = Napi::Array::New(env, replies->size());
  for (uint32_t i = 0; i < replies->size(); ++i) {
    out.Set(i, std::visit(ToJs{env}, (*replies)[i]));
  }
  return out;
}

Napi::Value MetricsToJs(Napi::Env env, const Metrics& metrics) {
  uint32_t count = 0;
  ForEachMetric(metrics, [&](const auto&, uint64_t) { ++count; });
  Napi::Float64Array out = Napi::Float64Array::New(env, count);
  uint32_t i = 0;
  ForEachMetric(metrics, [&](const auto&, uint64_t value) {
    out[i++] = static_cast<double>(value);
  });
  return out;
}

Napi::Value MetricNames(Napi::Env env) {
  Napi::Array out = Napi::Array::New(env);
  uint32_t i = 0;
  ForEachMetric(Metrics{}, [&](const std::string& name, uint64_t) {
    out.Set(i++, Napi::String::New(env, name));
  });
  return out;
}

}  // namespace pathcast
