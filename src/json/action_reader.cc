#include "json/action_reader.h"

#include <simdjson.h>

#include <cmath>
#include <deque>

#include "core/json_text.h"
#include "core/name_table.h"

namespace pathcast {
namespace {

namespace ondemand = simdjson::ondemand;

enum Field : uint32_t {
  kId = 1 << 0,
  kType = 1 << 1,
  kModule = 1 << 2,
  kEntityId = 1 << 3,
  kTimestamp = 1 << 4,
  kQueryPaths = 1 << 5,
};
struct RequiredField {
  Field bit;
  const char* name;
};
constexpr RequiredField kRequired[] = {
    {kId, "id"},
    {kType, "type"},
    {kModule, "module"},
    {kEntityId, "entityId"},
    {kTimestamp, "timestamp"},
    {kQueryPaths, "queryPaths"},
};

// Beyond it JavaScript numbers lose integers.
constexpr double kMaxTimestamp = 9007199254740991.0;

Status Wrong(std::string_view field, std::string_view problem) {
  std::string message(field);
  message.append(" ").append(problem);
  return Status(Code::kInvalid, std::move(message));
}

Status Wrong(simdjson::error_code error) {
  return error == simdjson::MEMALLOC
             ? Status(Code::kNoMemory, "no memory for the JSON parser")
             : Wrong("the action is not JSON:", simdjson::error_message(error));
}

bool IsNull(ondemand::value value) {
  const std::string_view token = value.raw_json_token();
  return token.starts_with("null") &&
         token.find_last_not_of(" \t\r\n") == size_t{3};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at `at`, or -1.
int CodeUnit(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int unit = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool IsHighSurrogate(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

void AppendUtf8(std::string* out, int point) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | point >> 6));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  } else if (point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | point >> 12));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  } else {
    out->push_back(static_cast<char>(0xF0 | point >> 18));
    out->push_back(static_cast<char>(0x80 | (point >> 12 & 63)));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  }
}

// Decodes the JSON string that `token` begins with, lone surrogates as U+FFFD,
// which the parser itself refuses. The slow way, for text that hardly exists.
bool DecodeLossy(std::string_view token, std::string* out) {
  for (size_t at = 1; at < token.size(); ++at) {
    if (token[at] == '"') return true;
    if (token[at] != '\\') {
      out->push_back(token[at]);
      continue;
    }
    if (++at >= token.size()) return false;
    constexpr std::string_view kShort = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (const size_t known = kShort.find(token[at]);
        known != std::string_view::npos) {
      out->push_back(kMeant[known]);
      continue;
    }
    if (token[at] != 'u') return false;
    int point = CodeUnit(token, at + 1);
    if (point < 0) return false;
    at += 4;
    if (IsHighSurrogate(point) && token.substr(at + 1, 2) == "\\u") {
      const int low = CodeUnit(token, at + 3);
      if (low < 0) return false;
      if (IsLowSurrogate(low)) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
      }
    }
    const bool lone = IsHighSurrogate(point) || IsLowSurrogate(point);
    AppendUtf8(out, lone ? 0xFFFD : point);
  }
  return false;
}

}  // namespace

struct ActionReader::Impl {
  ondemand::parser parser;
  // Strings that the parser could not decode; a deque, so that views hold.
  std::deque<std::string> decoded;

  Status ReadString(std::string_view name, ondemand::value value,
                    std::string_view* out);
  Status ReadOptional(std::string_view name, ondemand::value value,
                      std::string_view* out);
  Status CheckType(ondemand::value value);
  Status ReadTimestamp(ondemand::value value, int64_t* out);
  Status ReadPaths(ondemand::value value, std::vector<std::string_view>* out);
  Status ReadWhere(ondemand::value value, std::vector<WhereTerm>* out);
  Status ReadField(std::string_view key, ondemand::value value,
                   ActionFields* out, uint32_t* seen);
};

Status ActionReader::Impl::ReadString(std::string_view name,
                                      ondemand::value value,
                                      std::string_view* out) {
  const std::string_view token = value.raw_json_token();
  const simdjson::error_code error = value.get_string().get(*out);
  if (error == simdjson::SUCCESS) return Status::Ok();
  if (error != simdjson::STRING_ERROR) return Wrong(name, "is not a string");
  std::string& text = decoded.emplace_back();
  if (!DecodeLossy(token, &text)) return Wrong(name, "has a bad escape");
  *out = text;
  return Status::Ok();
}

Status ActionReader::Impl::ReadOptional(std::string_view name,
                                        ondemand::value value,
                                        std::string_view* out) {
  *out = {};
  if (IsNull(value)) return Status::Ok();
  return ReadString(name, value, out);
}

Status ActionReader::Impl::CheckType(ondemand::value value) {
  std::string_view text;
  if (Status status = ReadString("type", value, &text); !status.ok()) {
    return status;
  }
  // ACTION_TYPES of lib/protocol/events.ts.
  for (const std::string_view known : {"insert", "update", "delete"}) {
    if (text == known) return Status::Ok();
  }
  return Wrong("type", "is none of insert, update, delete");
}

Status ActionReader::Impl::ReadTimestamp(ondemand::value value, int64_t* out) {
  double number = 0;
  if (value.get_double().get(number) != simdjson::SUCCESS ||
      !(std::fabs(number) <= kMaxTimestamp)) {
    return Wrong("timestamp", "is not a number of milliseconds");
  }
  *out = static_cast<int64_t>(std::floor(number));
  return Status::Ok();
}

Status ActionReader::Impl::ReadPaths(ondemand::value value,
                                     std::vector<std::string_view>* out) {
  out->clear();
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return Wrong("queryPaths", "is not an array");
  }
  for (auto element : array) {
    ondemand::value path;
    if (const auto error = element.get(path)) return Wrong(error);
    std::string_view text;
    if (Status status = ReadString("queryPaths", path, &text); !status.ok()) {
      return status;
    }
    out->push_back(text);
  }
  return Status::Ok();
}

namespace {

// A scalar's JSON; empty: it is none.
std::string Scalar(ondemand::value value) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return {};
  if (type != ondemand::json_type::string &&
      type != ondemand::json_type::number &&
      type != ondemand::json_type::boolean) {
    return {};
  }
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  return std::string(token);
}

}  // namespace

// What is no path, key or scalar is passed over: then more is stale.
Status ActionReader::Impl::ReadWhere(ondemand::value value,
                                     std::vector<WhereTerm>* out) {
  out->clear();
  ondemand::object paths;
  if (value.get_object().get(paths) != simdjson::SUCCESS) return Status::Ok();
  for (auto path_element : paths) {
    ondemand::field path_field;
    if (const auto error = std::move(path_element).get(path_field)) {
      return Wrong(error);
    }
    std::string_view path;
    const bool named =
        path_field.unescaped_key().get(path) == simdjson::SUCCESS;
    ondemand::object keys;
    if (!named ||
        path_field.value().get_object().get(keys) != simdjson::SUCCESS) {
      continue;
    }
    size_t count = 0;
    for (auto key_element : keys) {
      ondemand::field key_field;
      if (const auto error = std::move(key_element).get(key_field)) {
        return Wrong(error);
      }
      std::string_view name;
      if (key_field.unescaped_key().get(name) != simdjson::SUCCESS) continue;
      WhereTerm term;
      term.path = path;
      AppendJsonString(&term.key.key, name);
      ondemand::value given = key_field.value();
      ondemand::array list;
      bool whole = true;
      if (given.get_array().get(list) == simdjson::SUCCESS) {
        for (auto element : list) {
          ondemand::value one;
          if (const auto error = element.get(one)) return Wrong(error);
          term.key.values.push_back(Scalar(one));
          whole = whole && !term.key.values.back().empty();
        }
      } else {
        term.key.values.push_back(Scalar(given));
        whole = !term.key.values.back().empty();
      }
      if (whole && !term.key.values.empty() &&
          term.key.values.size() <= kWhereValues && ++count <= kWhereKeys) {
        out->push_back(std::move(term));
      }
    }
  }
  return Status::Ok();
}

Status ActionReader::Impl::ReadField(std::string_view key,
                                     ondemand::value value, ActionFields* out,
                                     uint32_t* seen) {
  if (key == "id") {
    *seen |= kId;
    return ReadString(key, value, &out->id);
  }
  if (key == "type") {
    *seen |= kType;
    return CheckType(value);
  }
  if (key == "module") {
    *seen |= kModule;
    return ReadString(key, value, &out->module);
  }
  if (key == "entityId") {
    *seen |= kEntityId;
    return ReadString(key, value, &out->entity_id);
  }
  if (key == "timestamp") {
    *seen |= kTimestamp;
    return ReadTimestamp(value, &out->timestamp);
  }
  if (key == "queryPaths") {
    *seen |= kQueryPaths;
    return ReadPaths(value, &out->query_paths);
  }
  if (key == "where") return ReadWhere(value, &out->where);
  if (key == "companyId") return ReadOptional(key, value, &out->company_id);
  if (key == "clientId") return ReadOptional(key, value, &out->client_id);
  if (key == "userId") return ReadOptional(key, value, &out->user_id);
  if (key == "sourceId") return ReadOptional(key, value, &out->source_id);
  return Status::Ok();  // Not ours; the parser steps over it.
}

std::unique_ptr<const WhereMap> MakeWhere(const ActionFields& fields,
                                          const std::vector<uint32_t>& ids) {
  if (fields.where.empty()) return nullptr;
  auto made = std::make_unique<WhereMap>();
  for (size_t i = 0; i < ids.size() && made->size() < kWherePaths; ++i) {
    if (made->contains(ids[i])) continue;
    for (const WhereTerm& term : fields.where) {
      if (term.path == fields.query_paths[i])
        (*made)[ids[i]].push_back(term.key);
    }
  }
  // Names beyond what a company can tell apart are one and the same.
  made->erase(NameTable::kOverflow);
  if (made->empty() || WhereBytes(*made) > kWhereBytes) return nullptr;
  return made;
}

ActionReader::ActionReader() : impl_(std::make_unique<Impl>()) {}
ActionReader::~ActionReader() = default;

Status ActionReader::Read(std::string* json, ActionFields* out) {
  impl_->decoded.clear();
  // Emptied, not replaced, so that the vector's memory is used again.
  std::vector<std::string_view> paths = std::move(out->query_paths);
  paths.clear();
  *out = ActionFields();
  out->query_paths = std::move(paths);

  json->reserve(json->size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  if (const auto error =
          impl_->parser.iterate(json->data(), json->size(), json->capacity())
              .get(document)) {
    return Wrong(error);
  }
  ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) {
    return Wrong("the action", "is not an object");
  }
  uint32_t seen = 0;
  for (auto element : object) {
    ondemand::field field;
    if (const auto error = std::move(element).get(field)) return Wrong(error);
    std::string_view key;
    // A key that cannot be decoded is none of ours.
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) continue;
    if (Status status = impl_->ReadField(key, field.value(), out, &seen);
        !status.ok()) {
      return status;
    }
  }
  // Past the last token there is no location.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Wrong("the action", "is followed by more");
  }
  for (const RequiredField& required : kRequired) {
    if ((seen & required.bit) == 0) return Wrong(required.name, "is missing");
  }
  return Status::Ok();
}

}  // namespace pathcast
