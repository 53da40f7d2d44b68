#include "broker/conflate.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "broker/stored.h"
#include "core/json_text.h"

namespace pathcast::broker {
namespace {

// Paths of one action; beyond it: everything.
constexpr size_t kMaxPaths = 512;

// What they agree in; `otherwise` from the second one on that differs.
void Agree(std::optional<std::string>* all, std::string_view one,
           std::string_view otherwise) {
  if (!*all) {
    all->emplace(one);
  } else if (**all != one) {
    all->emplace(otherwise);
  }
}

void AppendField(std::string* json, std::string_view name,
                 std::string_view value) {
  json->append(",\"").append(name).append("\":");
  AppendJsonString(json, value);
}

}  // namespace

bool Conflate(ActionReader* reader, const std::deque<Order>& orders,
              size_t from, const std::string& tenant, std::string id,
              int64_t now_ms, Order* made) {
  std::optional<std::string> module, entity, client;
  std::vector<std::string> paths;
  std::unordered_set<std::string> known;
  int64_t stamp_ms = 0;
  for (size_t i = from; i < orders.size(); ++i) {
    StoredAction action;
    if (!DecodeStored(orders[i].Whole(), &action)) return false;
    std::string text(action.head);
    text.append("0").append(action.tail);
    ActionFields fields;
    if (!reader->Read(&text, &fields).ok()) return false;
    Agree(&module, fields.module, "*");
    Agree(&entity, fields.entity_id, "*");
    // One without a client reaches every client.
    Agree(&client, fields.client_id, "");
    for (const std::string_view path : fields.query_paths) {
      if (known.emplace(path).second) paths.emplace_back(path);
    }
    stamp_ms = std::max(stamp_ms, orders[i].stamp_ms);
  }
  if (paths.size() > kMaxPaths) paths = {"*"};
  if (stamp_ms == 0) stamp_ms = now_ms;

  std::string head = "{\"id\":";
  AppendJsonString(&head, id);
  head.append(",\"type\":\"update\"");
  AppendField(&head, "module", module.value_or("*"));
  AppendField(&head, "entityId", entity.value_or("*"));
  AppendField(&head, "companyId", tenant);
  if (client && !client->empty()) AppendField(&head, "clientId", *client);
  // Of nobody: no filter that leaves a user or a tab out may drop it.
  AppendField(&head, "userId", "");
  head.append(",\"timestamp\":");
  AppendInt(&head, stamp_ms);
  head.append(",\"queryPaths\":[");
  for (size_t i = 0; i < paths.size(); ++i) {
    if (i > 0) head.push_back(',');
    AppendJsonString(&head, paths[i]);
  }
  head.append("],\"seq\":");
  made->id = std::move(id);
  made->stamp_ms = stamp_ms;
  made->stored = EncodeStored({head, "}", {}, {}});
  made->conflated = true;
  return true;
}

}  // namespace pathcast::broker
