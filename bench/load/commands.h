// The load client's side of the conversation with the harness: one JSON object
// a line in, one out, matched by `id`. README.md of the folder above lists the
// commands.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "json_line.h"
#include "load_client.h"

namespace bench {

class Commands {
 public:
  explicit Commands(LoadClient* client) : client_(client) {}

  // Runs one line. Answers at once, or when what it waits for has come or its
  // time is up.
  void Run(std::string_view line);
  // Answers the waiting commands that are done. To be called after each turn of
  // the loop.
  void Settle();
  // Some command still waits.
  bool waiting() const { return !waits_.empty(); }

 private:
  struct Wait {
    double id;
    uint64_t started_ns;
    uint64_t deadline_ns;
    std::function<bool()> done;
    std::function<void(JsonWriter*)> answer;
  };

  void WaitFor(const JsonLine& command, std::function<bool()> done,
               std::function<void(JsonWriter*)> answer);
  void AddFigures(JsonWriter* out) const;
  void AddConvergence(JsonWriter* out, uint64_t seq) const;
  static void Write(const std::string& line);

  LoadClient* client_;
  std::vector<Wait> waits_;
};

}  // namespace bench
