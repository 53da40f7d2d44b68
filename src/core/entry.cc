#include "core/entry.h"

#include "core/cursor.h"
#include "core/json_text.h"

namespace pathcast {

namespace {

constexpr std::string_view kIdField = "id: ";
constexpr std::string_view kDataField = "data: ";
constexpr std::string_view kEnd = "\n\n";
constexpr std::string_view kChunkEnd = "\r\n";

}  // namespace

std::string_view Entry::Chunk::Message(bool with_id) const {
  std::string_view message = text;
  message.remove_prefix(with_id ? message_begin : data_begin);
  message.remove_suffix(kChunkEnd.size());
  return message;
}

std::string_view Entry::Chunk::Json() const {
  std::string_view json = Message(false);
  json.remove_prefix(kDataField.size());
  json.remove_suffix(kEnd.size());
  return json;
}

// One chunk of an id line and one data line, the JSON given in parts.
void EntryBuilder::Encode(Entry::Chunk* chunk, std::string_view id_line,
                          std::initializer_list<std::string_view> json) {
  size_t size = id_line.size() + kDataField.size() + kEnd.size();
  for (const std::string_view part : json) size += part.size();
  std::string head;
  AppendChunkHead(&head, size);
  std::string& text = chunk->text;
  text.reserve(head.size() + size + kChunkEnd.size());
  text.append(head).append(id_line).append(kDataField);
  for (const std::string_view part : json) AppendOnOneLine(&text, part);
  text.append(kEnd).append(kChunkEnd);
  chunk->message_begin = static_cast<uint32_t>(head.size());
  chunk->data_begin = static_cast<uint32_t>(head.size() + id_line.size());
}

void EntryBuilder::Encode(Entry* entry, std::string_view epoch,
                          const EntryText& text) {
  std::string id_line(kIdField);
  AppendCursor(&id_line, epoch, entry->cursor_seq);
  id_line += '\n';
  std::string seq;
  if (entry->is_action()) {
    AppendUint(&seq, entry->seq);
    AppendSpread(&seq, text.spread_ms);
  }
  Encode(&entry->plain_, id_line, {text.head, seq, text.tail});
  if (!text.transformed_head.empty()) {
    Encode(&entry->transformed_, id_line,
           {text.transformed_head, seq, text.transformed_tail});
  }
}

EntryRef EntryBuilder::Action(std::string_view epoch, uint64_t seq,
                              const EntryText& text,
                              const EntryFields& fields) {
  EntryRef entry(new Entry());
  entry->seq = seq;
  entry->cursor_seq = seq;
  Encode(entry.get(), epoch, text);
  SetFields(entry.get(), fields);
  return entry;
}

EntryRef EntryBuilder::Told(std::string_view epoch, uint64_t cursor_seq,
                            std::string_view invalidate,
                            const EntryFields& fields) {
  EntryRef entry(new Entry());
  entry->told = true;
  entry->cursor_seq = cursor_seq;
  Encode(entry.get(), epoch, {invalidate, {}, {}, {}});
  SetFields(entry.get(), fields);
  return entry;
}

void EntryBuilder::SetFields(Entry* entry, const EntryFields& fields) {
  const std::string_view parts[] = {fields.id,
                                    fields.view.module,
                                    fields.view.entity_id,
                                    fields.view.client_id,
                                    fields.view.user_id,
                                    fields.view.source_id};
  size_t total = 0;
  for (std::string_view part : parts) total += part.size();
  std::string& blob = entry->fields_;
  blob.reserve(total);
  for (std::string_view part : parts) blob.append(part);
  size_t at = 0;
  auto next = [&](std::string_view part) {
    std::string_view view(blob.data() + at, part.size());
    at += part.size();
    return view;
  };
  entry->id = next(fields.id);
  entry->view.module = next(fields.view.module);
  entry->view.entity_id = next(fields.view.entity_id);
  entry->view.client_id = next(fields.view.client_id);
  entry->view.user_id = next(fields.view.user_id);
  entry->view.source_id = next(fields.view.source_id);
}

EntryRef EntryBuilder::Ephemeral(std::string_view epoch, uint64_t cursor_seq,
                                 const EntryText& text) {
  EntryRef entry(new Entry());
  entry->cursor_seq = cursor_seq;
  Encode(entry.get(), epoch, text);
  return entry;
}

const Entry::Chunk& Entry::Transformed(const Wrap& wrap) {
  if (transformed_.text.empty()) {
    std::string_view id_line = plain_.Message(true);
    id_line.remove_suffix(plain_.Message(false).size());
    EntryBuilder::Encode(&transformed_, id_line,
                         {wrap.prefix, Json(), wrap.suffix});
  }
  return transformed_;
}

std::string_view Entry::Id() const {
  std::string_view id = plain_.Message(true);
  id.remove_suffix(plain_.Message(false).size() + 1);
  id.remove_prefix(kIdField.size());
  return id;
}

std::string_view Entry::Frame(bool with_id, bool transformed, Framing framing,
                              const Wrap& wrap) {
  const Chunk& chunk = transformed ? Transformed(wrap) : plain_;
  if (framing == Framing::kRaw) return chunk.Message(with_id);
  if (framing == Framing::kChunked && with_id) return chunk.text;
  if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
  if (framing == Framing::kRecords) {
    std::string& record = rare_->record[transformed ? 1 : 0][with_id ? 1 : 0];
    if (record.empty()) {
      AppendRecord(&record, RecordKind::kMessage, with_id, Id(), chunk.Json());
    }
    return record;
  }
  std::string& bare = rare_->chunk_without_id[transformed ? 1 : 0];
  if (bare.empty()) {
    bare = chunk.Message(false);
    WrapInChunk(&bare, 0, framing);
  }
  return bare;
}

}  // namespace pathcast
