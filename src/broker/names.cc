#include "broker/names.h"

namespace pathcast::broker {
namespace {

bool StandsForItself(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') ||
         std::string_view("-_.~:@").find(byte) != std::string_view::npos;
}

}  // namespace

std::string BaseName(std::string_view prefix, std::string_view company) {
  std::string name(prefix);
  name.append(":").append(std::to_string(kFormat)).append(":{");
  for (const char byte : company) {
    if (StandsForItself(byte)) {
      name.push_back(byte);
      continue;
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(byte);
    name.push_back('%');
    name.push_back(kDigits[value >> 4]);
    name.push_back(kDigits[value & 15]);
  }
  name.push_back('}');
  return name;
}

std::string ProbeName(std::string_view prefix, std::string_view node_id) {
  std::string name(prefix);
  name.append(":").append(std::to_string(kFormat)).append(":probe:");
  return name.append(node_id);
}

}  // namespace pathcast::broker
