// What one action costs before it is shared by all its streams: read once,
// framed once per dialect, filtered once per stream.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/filter.h"
#include "core/wire.h"
#include "json/action_reader.h"

namespace pathcast {
namespace {

// `data` brings the action to about `bytes`.
std::string Action(int64_t bytes) {
  std::string json =
      R"({"id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","type":"update",)"
      R"("module":"guests","entityId":"guest-42","companyId":"acme",)"
      R"("clientId":"c1","userId":"u1","timestamp":1700000000000,)"
      R"("queryPaths":["guests.getAll","guests.getStats"],"data":")";
  const auto size = static_cast<int64_t>(json.size());
  if (bytes > size) json.append(static_cast<size_t>(bytes - size), 'x');
  return json + "\",\"seq\":41}";
}

void BM_ReadAction(benchmark::State& state) {
  std::string json = Action(state.range(0));
  ActionReader reader;
  ActionFields fields;
  for (auto _ : state) {
    if (!reader.Read(&json, &fields).ok()) state.SkipWithError("not read");
    benchmark::DoNotOptimize(fields.id);
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(json.size()));
}
BENCHMARK(BM_ReadAction)->Arg(350)->Arg(65536);

void BM_Frame(benchmark::State& state) {
  const std::string json = Action(state.range(0));
  const Dialect dialect{.trpc = true, .ids = true, .transformed = true};
  const Wrap wrap{.prefix = "{\"json\":", .suffix = "}"};
  std::string frame;
  for (auto _ : state) {
    frame.clear();
    AppendMessage(&frame, dialect, wrap, "9f3ab2c4d5e6.41", json);
    benchmark::DoNotOptimize(frame.data());
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(json.size()));
}
BENCHMARK(BM_Frame)->Arg(350)->Arg(65536);

void BM_Filter(benchmark::State& state) {
  std::vector<std::string> entities;
  for (int64_t i = 0; i < state.range(0); ++i) {
    entities.push_back("guest-" + std::to_string(i));
  }
  const Filter filter(state.range(0) == 0 ? FilterSpec{}
                                          : FilterSpec{.entities = entities});
  const ActionView action{.module = "guests",
                          .entity_id = "guest-42",
                          .client_id = "c1",
                          .user_id = "u1",
                          .source_id = {}};
  for (auto _ : state) benchmark::DoNotOptimize(filter.Passes(action));
}
BENCHMARK(BM_Filter)->Arg(0)->Arg(5)->Arg(256);

}  // namespace
}  // namespace pathcast
