#include "broker/mirror_entry.h"

#include <algorithm>

#include "broker/stored.h"
#include "core/json_text.h"

namespace pathcast::broker {
namespace {

// The JSON with a place for the seq; views of `fields` are into it.
bool ReadFields(ActionReader* reader, const StoredAction& action,
                std::string* text, ActionFields* fields) {
  // What the parser may read past the end.
  constexpr size_t kSlack = 64;
  text->reserve(action.head.size() + 1 + action.tail.size() + kSlack);
  text->append(action.head).append("0").append(action.tail);
  return reader->Read(text, fields).ok();
}

ActionView ViewOf(const ActionFields& fields) {
  return {fields.module, fields.entity_id, fields.client_id, fields.user_id,
          fields.source_id};
}

void SetNames(const Context& context, Channel* channel,
              const ActionFields& fields, Entry* entry) {
  entry->module = channel->ModuleId(fields.module);
  entry->paths.reserve(fields.query_paths.size());
  for (const std::string_view path : fields.query_paths) {
    entry->paths.push_back(channel->PathId(context, path));
  }
  entry->where = MakeWhere(fields, entry->paths);
}

std::string ToldJson(const ActionFields& fields, int64_t timestamp_ms,
                     uint64_t spread_ms) {
  std::string json = "{\"type\":\"invalidate\",\"timestamp\":";
  AppendInt(&json, timestamp_ms);
  json.append(",\"queryPaths\":[");
  bool first = true;
  for (const std::string_view path : fields.query_paths) {
    if (!first) json.push_back(',');
    first = false;
    AppendJsonString(&json, path);
  }
  json.append("],\"modules\":[");
  AppendJsonString(&json, fields.module);
  json.push_back(']');
  AppendSpread(&json, spread_ms);
  json.push_back('}');
  return json;
}

}  // namespace

EntryRef MakePlaced(const Context& context, ActionReader* reader,
                    Channel* channel, const Placed& placed) {
  StoredAction action;
  std::string text;
  ActionFields fields;
  if (!DecodeStored(placed.stored, &action) ||
      !ReadFields(reader, action, &text, &fields) || fields.id != placed.id ||
      fields.company_id != channel->tenant()) {
    return EntryRef();
  }
  const EntryText parts{action.head, action.tail, action.transformed_head,
                        action.transformed_tail,
                        context.SpreadMs(channel->size())};
  EntryRef entry = EntryBuilder::Action(channel->log().epoch(), placed.seq,
                                        parts, {fields.id, ViewOf(fields)});
  entry->timestamp_ms = fields.timestamp;
  entry->arrived_ms = placed.arrived_ms;
  entry->published_us = placed.published_us;
  SetNames(context, channel, fields, entry.get());
  return entry;
}

EntryRef MakeTold(const Context& context, ActionReader* reader,
                  Channel* channel, std::string_view stored) {
  StoredAction action;
  std::string text;
  ActionFields fields;
  if (!DecodeStored(stored, &action) ||
      !ReadFields(reader, action, &text, &fields)) {
    return EntryRef();
  }
  const ActionLog& log = channel->log();
  const int64_t safe_ms = log.SafeNowMs(context.now_ms);
  EntryRef entry = EntryBuilder::Told(
      log.epoch(), log.head_seq(),
      ToldJson(fields, safe_ms, context.SpreadMs(channel->size())),
      {fields.id, ViewOf(fields)});
  entry->arrived_ms = safe_ms;
  SetNames(context, channel, fields, entry.get());
  return entry;
}

}  // namespace pathcast::broker
