#include "broker/stored.h"

#include <charconv>

#include "core/cursor.h"

namespace pathcast::broker {
namespace {

constexpr std::string_view kActionWord = "1";
constexpr std::string_view kEphemeralWord = "1e";
constexpr std::string_view kBegunWord = "1b";

// Up to the next space, which goes too.
std::string_view TakeWord(std::string_view* line) {
  const size_t end = line->find(' ');
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(end == std::string_view::npos ? line->size() : end + 1);
  return word;
}

// The first line; false where there is none.
bool TakeLine(std::string_view* bytes, std::string_view* line) {
  const size_t end = bytes->find('\n');
  if (end == std::string_view::npos) return false;
  *line = bytes->substr(0, end);
  bytes->remove_prefix(end + 1);
  return true;
}

bool TakeBytes(std::string_view* bytes, uint64_t count,
               std::string_view* taken) {
  if (count > bytes->size()) return false;
  *taken = bytes->substr(0, count);
  bytes->remove_prefix(count);
  return true;
}

bool IsEpoch(std::string_view text) {
  if (text.empty() || text.size() > kMaxEpochChars) return false;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return false;
  }
  return true;
}

// "2", "1x", …: pathcast's, but not of this version.
bool IsAFormat(std::string_view word) {
  if (!word.empty() && word.back() >= 'a' && word.back() <= 'z') {
    word.remove_suffix(1);
  }
  uint64_t number = 0;
  return word.size() <= 4 && ReadNumber(word, &number) && number > 0;
}

bool DecodeAction(std::string_view line, std::string_view rest,
                  RungAction* action) {
  uint64_t arrived = 0;
  uint64_t id_bytes = 0;
  action->epoch = TakeWord(&line);
  if (!IsEpoch(action->epoch) || !ReadNumber(TakeWord(&line), &action->seq) ||
      action->seq == 0 || !ReadNumber(TakeWord(&line), &arrived) ||
      !ReadNumber(line, &id_bytes) ||
      !TakeBytes(&rest, id_bytes, &action->id) || action->id.empty()) {
    return false;
  }
  action->arrived_ms = static_cast<int64_t>(arrived);
  action->stored = rest;
  StoredAction whole;
  return DecodeStored(rest, &whole);
}

bool DecodeEphemeral(std::string_view line, std::string_view rest,
                     RungEphemeral* event) {
  uint64_t plain = 0;
  uint64_t transformed = 0;
  event->node_id = TakeWord(&line);
  return !event->node_id.empty() && ReadNumber(TakeWord(&line), &plain) &&
         ReadNumber(line, &transformed) &&
         TakeBytes(&rest, plain, &event->json) &&
         TakeBytes(&rest, transformed, &event->transformed_json) &&
         rest.empty() && !event->json.empty();
}

}  // namespace

bool ReadNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return !text.empty() && (text.size() == 1 || text[0] != '0') &&
         error == std::errc() && stop == end && *number <= kMaxSeq;
}

std::string EncodeStored(const StoredAction& action) {
  const std::string_view parts[] = {action.head, action.tail,
                                    action.transformed_head,
                                    action.transformed_tail};
  std::string bytes;
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  bytes.reserve(size + 32);
  for (const std::string_view part : parts) {
    if (!bytes.empty()) bytes.push_back(' ');
    bytes.append(std::to_string(part.size()));
  }
  bytes.push_back('\n');
  for (const std::string_view part : parts) bytes.append(part);
  return bytes;
}

bool DecodeStored(std::string_view bytes, StoredAction* action) {
  std::string_view line;
  uint64_t sizes[4];
  if (!TakeLine(&bytes, &line)) return false;
  for (int i = 0; i < 4; ++i) {
    if (!ReadNumber(i < 3 ? TakeWord(&line) : line, &sizes[i])) return false;
  }
  return TakeBytes(&bytes, sizes[0], &action->head) &&
         TakeBytes(&bytes, sizes[1], &action->tail) &&
         TakeBytes(&bytes, sizes[2], &action->transformed_head) &&
         TakeBytes(&bytes, sizes[3], &action->transformed_tail) &&
         bytes.empty() && !action->head.empty() && !action->tail.empty() &&
         action->transformed_head.empty() == action->transformed_tail.empty();
}

Ring DecodeRing(std::string_view payload, RungAction* action,
                RungEphemeral* event) {
  std::string_view line;
  if (!TakeLine(&payload, &line)) return Ring::kForeign;
  const std::string_view word = TakeWord(&line);
  if (word == kActionWord) {
    return DecodeAction(line, payload, action) ? Ring::kAction : Ring::kForeign;
  }
  if (word == kEphemeralWord) {
    return DecodeEphemeral(line, payload, event) ? Ring::kEphemeral
                                                 : Ring::kForeign;
  }
  if (word == kBegunWord) {
    action->epoch = line;
    return IsEpoch(line) && payload.empty() ? Ring::kBegun : Ring::kForeign;
  }
  return IsAFormat(word) ? Ring::kNewer : Ring::kForeign;
}

std::string EncodeRing(const RungEphemeral& event) {
  std::string bytes(kEphemeralWord);
  bytes.append(" ").append(event.node_id).append(" ");
  bytes.append(std::to_string(event.json.size())).append(" ");
  bytes.append(std::to_string(event.transformed_json.size())).append("\n");
  return bytes.append(event.json).append(event.transformed_json);
}

}  // namespace pathcast::broker
