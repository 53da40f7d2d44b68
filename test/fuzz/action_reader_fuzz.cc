// Whatever bytes arrive as an action: a verdict, and nothing read outside them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "json/action_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static pathcast::ActionReader reader;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::string json = text;
  json.shrink_to_fit();
  pathcast::ActionFields fields;
  const pathcast::Status status = reader.Read(&json, &fields);
  if (json != text) std::abort();
  if (!status.ok()) {
    if (status.message().empty()) std::abort();
    return 0;
  }
  // Touches every byte that the views show, for the sanitizer to judge.
  size_t sum = 0;
  const auto touch = [&](std::string_view view) {
    for (const char c : view) sum += static_cast<unsigned char>(c);
  };
  for (const auto view : {fields.id, fields.module, fields.entity_id,
                          fields.client_id, fields.user_id, fields.source_id}) {
    touch(view);
  }
  for (const auto path : fields.query_paths) touch(path);
  for (const auto& term : fields.where) {
    touch(term.path);
    touch(term.key.key);
    for (const auto& value : term.key.values) touch(value);
  }
  if (fields.where.size() > pathcast::kWherePaths * pathcast::kWhereKeys) {
    std::abort();
  }
  volatile size_t sink = sum;
  (void)sink;
  return 0;
}
