// A Redis or a sentinel of the test's own: a real process in a temporary
// folder, started on a free port and a Unix socket, ended by its id.
#ifndef PATHCAST_TEST_NATIVE_REDIS_SERVER_H_
#define PATHCAST_TEST_NATIVE_REDIS_SERVER_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/random.h"
#include "loop/descriptor.h"
#include "loop_thread.h"
#include "redis/protocol.h"
#include "redis/reply.h"
#include "redis/url.h"

extern char** environ;

namespace pathcast::redis {

// Below those that Linux hands out by itself, to connections too: what was free
// stays so until somebody listens there, and again when he has ended.
inline uint16_t FreePort() {
  static Random random(Random::SystemSeed());
  for (int tries = 0; tries < 1'000; ++tries) {
    const auto port = static_cast<uint16_t>(random.Between(10'000, 32'000));
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address),
               sizeof(address)) == 0) {
      return port;
    }
  }
  ADD_FAILURE() << "no port is free";
  return 0;
}

// Either of them.
class RedisProcess {
 public:
  RedisProcess() : port_(FreePort()) {
    folder_ = std::filesystem::temp_directory_path() / "pathcast-XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~RedisProcess() {
    Kill();
    std::filesystem::remove_all(folder_);
  }
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  uint16_t port() const { return port_; }
  const std::string& folder() const { return folder_; }
  Endpoint tcp() const { return {"127.0.0.1", port_, ""}; }

  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  // Connections stay, answers do not come.
  void Stop() const {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  void Continue() const { ::kill(pid_, SIGCONT); }

  // On a connection of its own; kLost where there is none.
  Reply Command(std::initializer_list<std::string_view> arguments) const {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                  sizeof(address)) != 0) {
      return Reply::Text(Reply::Type::kLost, std::strerror(errno));
    }
    std::string output;
    AppendCommand(Arguments(arguments.begin(), arguments.size()), &output);
    for (size_t sent = 0; sent < output.size();) {
      const ssize_t count = ::send(socket.get(), output.data() + sent,
                                   output.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return Reply::Text(Reply::Type::kLost, "send");
      sent += static_cast<size_t>(count);
    }
    ReplyReader reader;
    char piece[4096];
    while (true) {
      const ssize_t count = ::recv(socket.get(), piece, sizeof(piece), 0);
      if (count <= 0) return Reply::Text(Reply::Type::kLost, "recv");
      EXPECT_TRUE(reader.Feed({piece, static_cast<size_t>(count)}).ok());
      auto next = reader.Next();
      EXPECT_TRUE(next.ok());
      if (next->has_value()) return std::move(**next);
    }
  }

 protected:
  // The kernel ends it with the test, should that crash.
  void Spawn(std::vector<std::string> line) {
    const std::string_view with[] = {"setpriv", "--pdeathsig", "KILL"};
    line.insert(line.begin(), std::begin(with), std::end(with));
    std::vector<char*> arguments;
    for (const std::string& word : line) {
      arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    ASSERT_EQ(::posix_spawnp(&pid_, arguments[0], nullptr, nullptr,
                             arguments.data(), environ),
              0)
        << "redis-server is not installed";
  }
  // Nothing tells when a process begins to listen.
  void AwaitAnswers() const {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!Command({"PING"}).answered()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "no Redis came up";
      ASSERT_EQ(::waitpid(pid_, nullptr, WNOHANG), 0) << "Redis ended";
      const timespec soon{.tv_sec = 0, .tv_nsec = 2'000'000};
      ::nanosleep(&soon, nullptr);
    }
  }

 private:
  std::string folder_;
  const uint16_t port_;
  pid_t pid_ = 0;
};

class RedisServer : public RedisProcess {
 public:
  using Options = std::vector<std::string>;

  // `options` as on the command line: {"--requirepass", "x"}.
  explicit RedisServer(Options options = {}) : options_(std::move(options)) {
    Start();
  }

  Endpoint unix_socket() const { return {"", 0, folder() + "/redis.sock"}; }

  // As it was started the first time, with an empty memory.
  void Start() {
    std::vector<std::string> line = {"redis-server",
                                     "--port",
                                     std::to_string(port()),
                                     "--bind",
                                     "127.0.0.1",
                                     "--unixsocket",
                                     folder() + "/redis.sock",
                                     "--dir",
                                     folder(),
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no",
                                     "--logfile",
                                     folder() + "/log",
                                     "--enable-debug-command",
                                     "local",
                                     "--repl-diskless-sync-delay",
                                     "0"};
    line.insert(line.end(), options_.begin(), options_.end());
    Spawn(line);
    AwaitAnswers();
  }

 private:
  const Options options_;
};

// Watches one master called "mymaster", alone.
class SentinelServer : public RedisProcess {
 public:
  explicit SentinelServer(const RedisServer& master) {
    const std::string file = folder() + "/sentinel.conf";
    std::FILE* config = std::fopen(file.c_str(), "w");
    std::fprintf(config,
                 "port %d\nbind 127.0.0.1\ndir %s\nlogfile %s/log\n"
                 "sentinel monitor mymaster 127.0.0.1 %d 1\n"
                 "sentinel down-after-milliseconds mymaster 2000\n"
                 "sentinel failover-timeout mymaster 5000\n",
                 port(), folder().c_str(), folder().c_str(), master.port());
    std::fclose(config);
    Spawn({"redis-server", file, "--sentinel"});
    AwaitAnswers();
    // In place of ten seconds; a failover waits for it.
    (void)Command({"SENTINEL", "DEBUG", "INFO-PERIOD", "100"});
  }

  // Until it has heard of `count` replicas that it could promote.
  void AwaitReplicas(size_t count) const {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (true) {
      const Reply reply = Command({"SENTINEL", "REPLICAS", "mymaster"});
      size_t good = 0;
      for (const Reply& replica : reply.elements()) {
        const auto& fields = replica.elements();
        for (size_t i = 0; i + 1 < fields.size(); i += 2) {
          if (fields[i].text() == "master-link-status" &&
              fields[i + 1].text() == "ok") {
            ++good;
          }
        }
      }
      if (good >= count) return;
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "no replica";
      const timespec soon{.tv_sec = 0, .tv_nsec = 10'000'000};
      ::nanosleep(&soon, nullptr);
    }
  }
};

}  // namespace pathcast::redis

#endif  // PATHCAST_TEST_NATIVE_REDIS_SERVER_H_
