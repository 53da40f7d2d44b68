#include "core/entry.h"

#include <algorithm>

#include "core/cursor.h"
#include "core/json_text.h"

namespace pathcast {

namespace {

constexpr std::string_view kIdField = "id: ";
constexpr std::string_view kDataField = "data: ";
constexpr std::string_view kEnd = "\n\n";

bool EndsLine(char c) { return c == '\n' || c == '\r' || c == '\0'; }

// What lies in [from, size - kEnd) has to stay on its line. JSON has line ends
// only between its tokens, where a space means the same.
void KeepOnOneLine(std::string* frame, size_t from) {
  const auto end = frame->end() - static_cast<std::ptrdiff_t>(kEnd.size());
  std::replace_if(frame->begin() + static_cast<std::ptrdiff_t>(from), end,
                  EndsLine, ' ');
}

}  // namespace

void EntryBuilder::Encode(Entry* entry, std::string_view epoch,
                          const EntryText& text) {
  std::string id_line(kIdField);
  AppendCursor(&id_line, epoch, entry->cursor_seq);
  id_line += '\n';
  std::string seq;
  if (entry->is_action()) AppendUint(&seq, entry->seq);
  auto frame = [&](std::string* out, std::string_view head,
                   std::string_view tail) {
    out->reserve(id_line.size() + kDataField.size() + head.size() + seq.size() +
                 tail.size() + kEnd.size());
    out->append(id_line)
        .append(kDataField)
        .append(head)
        .append(seq)
        .append(tail)
        .append(kEnd);
    KeepOnOneLine(out, id_line.size());
  };
  entry->data_offset_ = static_cast<uint32_t>(id_line.size());
  frame(&entry->raw_, text.head, text.tail);
  if (!text.transformed_head.empty()) {
    frame(&entry->transformed_, text.transformed_head, text.transformed_tail);
  }
}

EntryRef EntryBuilder::Action(std::string_view epoch, uint64_t seq,
                              const EntryText& text,
                              const EntryFields& fields) {
  EntryRef entry(new Entry());
  entry->seq = seq;
  entry->cursor_seq = seq;
  Encode(entry.get(), epoch, text);
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
  return entry;
}

EntryRef EntryBuilder::Ephemeral(std::string_view epoch, uint64_t cursor_seq,
                                 const EntryText& text) {
  EntryRef entry(new Entry());
  entry->cursor_seq = cursor_seq;
  Encode(entry.get(), epoch, text);
  return entry;
}

std::string_view Entry::Frame(bool with_id, bool transformed,
                              const Wrap& wrap) {
  if (transformed && transformed_.empty()) {
    transformed_.reserve(raw_.size() + wrap.prefix.size() + wrap.suffix.size());
    transformed_.assign(raw_, 0, data_offset_ + kDataField.size());
    transformed_.append(wrap.prefix)
        .append(Json())
        .append(wrap.suffix)
        .append(kEnd);
    KeepOnOneLine(&transformed_, data_offset_);
  }
  std::string_view frame = transformed ? transformed_ : raw_;
  if (!with_id) frame.remove_prefix(data_offset_);
  return frame;
}

std::string_view Entry::Json() const {
  std::string_view json = raw_;
  json.remove_prefix(data_offset_ + kDataField.size());
  json.remove_suffix(kEnd.size());
  return json;
}

}  // namespace pathcast
