// One flat JSON object a line: the language between the harness and its C++ and
// C processes. Values are strings, numbers, booleans or null; nothing nests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace bench {

class JsonLine {
 public:
  using Value = std::variant<std::nullptr_t, bool, double, std::string>;

  // Nothing when `text` is not one flat JSON object.
  static std::optional<JsonLine> Parse(std::string_view text);

  std::string Text(const std::string& key,
                   std::string_view otherwise = "") const;
  double Number(const std::string& key, double otherwise = 0) const;
  bool Flag(const std::string& key) const;

 private:
  std::map<std::string, Value> values_;
};

// Builds the answer: `JsonWriter().Add("id", 7).Add("events", 10).Line()`.
class JsonWriter {
 public:
  JsonWriter& Add(std::string_view key, double value);
  JsonWriter& Add(std::string_view key, bool value);
  JsonWriter& Add(std::string_view key, std::string_view value);
  JsonWriter& Add(std::string_view key, const char* value) {
    return Add(key, std::string_view(value));
  }
  // Without it an integer argument would be ambiguous.
  template <typename Integer>
  requires std::is_integral_v<Integer> JsonWriter& Add(std::string_view key,
                                                       Integer value) {
    return Add(key, static_cast<double>(value));
  }
  // The object and a line feed.
  std::string Line() const { return "{" + body_ + "}\n"; }

 private:
  void Key(std::string_view key);
  std::string body_;
};

}  // namespace bench
