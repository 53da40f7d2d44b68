#include "json_line.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace bench {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Take(char wanted) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }

  bool String(std::string* out) {
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\') {
        out->push_back(c);
        continue;
      }
      if (at_ >= text_.size() || !Escape(text_[at_++], out)) return false;
    }
    return false;
  }

  bool Scalar(JsonLine::Value* out) {
    SkipSpace();
    if (at_ >= text_.size()) return false;
    if (text_[at_] == '"') {
      std::string text;
      if (!String(&text)) return false;
      *out = std::move(text);
      return true;
    }
    if (Word("true")) return *out = true, true;
    if (Word("false")) return *out = false, true;
    if (Word("null")) return *out = nullptr, true;
    const std::string rest(text_.substr(at_));
    char* end = nullptr;
    const double number = std::strtod(rest.c_str(), &end);
    if (end == rest.c_str()) return false;
    at_ += static_cast<size_t>(end - rest.c_str());
    *out = number;
    return true;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  // The harness sends ASCII, so `\u` stands for control characters only.
  bool Escape(char c, std::string* out) {
    switch (c) {
      case 'n':
        out->push_back('\n');
        return true;
      case 'r':
        out->push_back('\r');
        return true;
      case 't':
        out->push_back('\t');
        return true;
      case 'b':
        out->push_back('\b');
        return true;
      case 'f':
        out->push_back('\f');
        return true;
      case '"':
      case '\\':
      case '/':
        out->push_back(c);
        return true;
      case 'u': {
        if (at_ + 4 > text_.size()) return false;
        const std::string hex(text_.substr(at_, 4));
        const long code = std::strtol(hex.c_str(), nullptr, 16);
        if (code <= 0 || code > 0x7f) return false;
        out->push_back(static_cast<char>(code));
        at_ += 4;
        return true;
      }
      default:
        return false;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<JsonLine> JsonLine::Parse(std::string_view text) {
  Reader reader(text);
  JsonLine line;
  if (!reader.Take('{')) return std::nullopt;
  if (reader.Take('}'))
    return reader.AtEnd() ? std::optional(line) : std::nullopt;
  do {
    std::string key;
    Value value;
    if (!reader.String(&key) || !reader.Take(':') || !reader.Scalar(&value))
      return std::nullopt;
    line.values_[key] = std::move(value);
  } while (reader.Take(','));
  if (!reader.Take('}') || !reader.AtEnd()) return std::nullopt;
  return line;
}

std::string JsonLine::Text(const std::string& key,
                           std::string_view otherwise) const {
  const auto it = values_.find(key);
  if (it == values_.end()) return std::string(otherwise);
  const auto* text = std::get_if<std::string>(&it->second);
  return text ? *text : std::string(otherwise);
}

double JsonLine::Number(const std::string& key, double otherwise) const {
  const auto it = values_.find(key);
  if (it == values_.end()) return otherwise;
  const auto* number = std::get_if<double>(&it->second);
  return number ? *number : otherwise;
}

bool JsonLine::Flag(const std::string& key) const {
  const auto it = values_.find(key);
  if (it == values_.end()) return false;
  const auto* flag = std::get_if<bool>(&it->second);
  return flag && *flag;
}

void JsonWriter::Key(std::string_view key) {
  if (!body_.empty()) body_ += ',';
  body_ += '"';
  body_ += key;
  body_ += "\":";
}

JsonWriter& JsonWriter::Add(std::string_view key, double value) {
  Key(key);
  char digits[40];
  if (std::floor(value) == value && std::fabs(value) < 1e15) {
    std::snprintf(digits, sizeof digits, "%.0f", value);
  } else {
    std::snprintf(digits, sizeof digits, "%.15g", value);
  }
  body_ += std::isfinite(value) ? digits : "null";
  return *this;
}

JsonWriter& JsonWriter::Add(std::string_view key, bool value) {
  Key(key);
  body_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Add(std::string_view key, std::string_view value) {
  Key(key);
  body_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') body_ += '\\';
    body_ += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  body_ += '"';
  return *this;
}

}  // namespace bench
