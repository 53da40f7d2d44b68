// The load process. Ends when its standard input does, so that none is left
// behind.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "commands.h"
#include "load_client.h"

int main() {
  signal(SIGPIPE, SIG_IGN);
  rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  bench::LoadClient client;
  bench::Commands commands(&client);
  std::string input;
  for (;;) {
    // A deadline or a retry may be due: look at least this often. Else sleep
    // until something comes.
    const int timeout_ms = commands.waiting() || !client.settled() ? 20 : -1;
    if (client.Poll(timeout_ms, STDIN_FILENO)) {
      char bytes[4096];
      const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
      if (got <= 0) return 0;
      input.append(bytes, static_cast<size_t>(got));
      for (size_t end; (end = input.find('\n')) != std::string::npos;
           input.erase(0, end + 1)) {
        commands.Run(std::string_view(input).substr(0, end));
      }
    }
    commands.Settle();
  }
}
