#include "commands.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace bench {
namespace {

// Milliseconds a waiting command waits unless it says otherwise; then it
// answers `"timedOut":true`.
constexpr double kDefaultTimeoutMs = 30'000;

double CpuUs() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

void AddPercentiles(JsonWriter* out, const std::string& name,
                    const Histogram& histogram) {
  out->Add(name + "Count", histogram.total());
  out->Add(name + "P50Us", histogram.Percentile(0.5));
  out->Add(name + "P99Us", histogram.Percentile(0.99));
  out->Add(name + "MaxUs", histogram.max());
}

}  // namespace

void Commands::Run(std::string_view text) {
  const auto parsed = JsonLine::Parse(text);
  if (!parsed)
    return Write(JsonWriter()
                     .Add("id", -1)
                     .Add("error", "not one flat JSON object")
                     .Line());
  const JsonLine& command = *parsed;
  const std::string name = command.Text("cmd");
  if (name == "open") {
    OpenOptions options;
    options.count = static_cast<uint32_t>(command.Number("count"));
    options.port = static_cast<uint16_t>(command.Number("port"));
    options.path = command.Text("path", "/");
    options.headers = command.Text("headers");
    options.companies = static_cast<uint32_t>(command.Number("companies", 1));
    options.concurrency = static_cast<uint32_t>(
        command.Number("concurrency", options.concurrency));
    options.cursors = command.Flag("cursors");
    client_->Open(options);
    return WaitFor(
        command,
        [this] {
          return client_->streaming() == client_->connections().size();
        },
        [this](JsonWriter* out) { AddFigures(out); });
  }
  if (name == "expect") {
    const auto events = static_cast<uint64_t>(command.Number("events"));
    return WaitFor(
        command,
        [this, events] { return client_->tally().counts().events >= events; },
        [this](JsonWriter* out) { AddFigures(out); });
  }
  if (name == "reconnect") {
    client_->ReconnectAll(static_cast<uint32_t>(command.Number("events")));
    return WaitFor(
        command,
        [this] { return client_->resumed() == client_->connections().size(); },
        [this](JsonWriter* out) {
          AddFigures(out);
          out->Add("resumed", client_->resumed());
          AddPercentiles(out, "resume", client_->resume_time());
        });
  }
  if (name == "converge") {
    const auto seq = static_cast<uint64_t>(command.Number("seq"));
    return WaitFor(
        command,
        [this, seq] {
          return std::ranges::all_of(
              client_->connections(),
              [seq](const Connection& c) { return c.position >= seq; });
        },
        [this, seq](JsonWriter* out) {
          AddFigures(out);
          AddConvergence(out, seq);
        });
  }
  if (name == "stall") {
    client_->Stall(static_cast<uint32_t>(command.Number("count")));
  } else if (name == "unstall") {
    client_->Unstall();
  } else if (name == "cut") {
    client_->CutAll();
  } else if (name == "reset") {
    client_->ResetCounts();
  } else if (name == "quit") {
    std::exit(0);
  } else if (name != "stats") {
    return Write(JsonWriter()
                     .Add("id", command.Number("id"))
                     .Add("error", "no such command: " + name)
                     .Line());
  }
  JsonWriter out;
  out.Add("id", command.Number("id"));
  AddFigures(&out);
  Write(out.Line());
}

void Commands::WaitFor(const JsonLine& command, std::function<bool()> done,
                       std::function<void(JsonWriter*)> answer) {
  const uint64_t now = NowNs();
  const auto timeout_ns = static_cast<uint64_t>(
      command.Number("timeoutMs", kDefaultTimeoutMs) * 1e6);
  waits_.push_back({command.Number("id"), now, now + timeout_ns,
                    std::move(done), std::move(answer)});
  Settle();
}

void Commands::Settle() {
  if (waits_.empty()) return;
  const uint64_t now = NowNs();
  std::erase_if(waits_, [now](const Wait& wait) {
    const bool done = wait.done();
    if (!done && now < wait.deadline_ns) return false;
    JsonWriter out;
    out.Add("id", wait.id)
        .Add("timedOut", !done)
        .Add("ms", static_cast<double>(now - wait.started_ns) / 1e6);
    wait.answer(&out);
    Write(out.Line());
    return true;
  });
}

void Commands::AddFigures(JsonWriter* out) const {
  const Counts& counts = client_->tally().counts();
  const auto& connections = client_->connections();
  uint32_t fewest = connections.empty() ? 0 : UINT32_MAX;
  uint32_t most = 0;
  for (const Connection& connection : connections) {
    fewest = std::min(fewest, connection.events);
    most = std::max(most, connection.events);
  }
  out->Add("cpuUs", CpuUs()).Add("wallUs", static_cast<double>(NowNs()) / 1e3);
  out->Add("clients", connections.size())
      .Add("streaming", client_->streaming());
  out->Add("lost", client_->lost())
      .Add("failedConnects", client_->failed_connects());
  out->Add("events", counts.events).Add("eventBytes", counts.event_bytes);
  out->Add("fewestEvents", fewest).Add("mostEvents", most);
  out->Add("payloads", counts.payloads)
      .Add("payloadBytes", counts.payload_bytes);
  out->Add("largestPayload", counts.largest_payload);
  out->Add("hellos", counts.hellos).Add("recovered", counts.recovered);
  out->Add("invalidates", counts.invalidates).Add("resyncs", counts.resyncs);
  out->Add("pings", counts.pings).Add("serverCloses", counts.server_closes);
  out->Add("gaps", counts.gaps).Add("repeats", counts.repeats);
  AddPercentiles(out, "latency", client_->tally().steady_latency());
  AddPercentiles(out, "stalledLatency", client_->tally().stalled_latency());
}

void Commands::AddConvergence(JsonWriter* out, uint64_t seq) const {
  uint32_t group = 0, converged = 0, by_invalidate = 0, by_resync = 0,
           by_actions = 0, others_behind = 0;
  for (const Connection& connection : client_->connections()) {
    const bool there = connection.position >= seq;
    if (!connection.in_stall_group) {
      others_behind += !there;
      continue;
    }
    ++group;
    converged += there;
    if (connection.saw_resync) {
      ++by_resync;
    } else if (connection.saw_invalidate) {
      ++by_invalidate;
    } else if (there) {
      ++by_actions;
    }
  }
  out->Add("stallGroup", group)
      .Add("converged", converged)
      .Add("othersBehind", others_behind);
  out->Add("byInvalidate", by_invalidate)
      .Add("byResync", by_resync)
      .Add("byActions", by_actions);
}

void Commands::Write(const std::string& line) {
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote =
        write(STDOUT_FILENO, line.data() + done, line.size() - done);
    if (wrote <= 0) std::exit(1);  // the harness is gone
    done += static_cast<size_t>(wrote);
  }
}

}  // namespace bench
