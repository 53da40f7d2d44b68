// A hub with its own thread, a host that waits for replies, and clients on real
// sockets. Everything waits for the event, with one generous deadline.
#ifndef PATHCAST_TEST_NATIVE_HUB_HARNESS_H_
#define PATHCAST_TEST_NATIVE_HUB_HARNESS_H_

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "deadline.h"
#include "engine/hub.h"
#include "loop/descriptor.h"
#include "sse_reader.h"

namespace pathcast {

// Under ThreadSanitizer long tests are shortened.
#if defined(__SANITIZE_THREAD__)
#define PATHCAST_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PATHCAST_TEST_TSAN 1
#endif
#endif
#ifndef PATHCAST_TEST_TSAN
#define PATHCAST_TEST_TSAN 0
#endif

inline size_t OpenDescriptors() {
  size_t count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count;
}

// The machine's clocks, moved by hand. Hub thread reads, test moves.
class TestClock final : public Clock {
 public:
  int64_t WallMs() override { return wall_.load(); }
  // Each look may cost time, so that budgets are spent.
  int64_t NowUs() override {
    while (stopped_) std::this_thread::yield();
    return steady_us_.fetch_add(look_us_.load());
  }
  void Advance(int64_t ms) {
    wall_ += ms;
    AdvanceSteady(ms);
  }
  // As if the wall clock had been set back: the hub's stands still.
  void AdvanceSteady(int64_t ms) { steady_us_ += ms * 1000; }
  // Somebody sets the machine's clock, either way.
  void Jump(int64_t ms) { wall_ += ms; }
  // From now on each question takes this long.
  void CostsUs(int64_t us) { look_us_ = us; }
  // The hub thread stands still at its next look: what `post` posts it finds
  // together.
  void WhileStopped(const std::function<void()>& post) {
    stopped_ = true;
    post();
    stopped_ = false;
  }
  int64_t now() const { return wall_.load(); }

 private:
  std::atomic<int64_t> wall_{1'700'000'000'000};
  std::atomic<int64_t> steady_us_{5'000'000};
  std::atomic<int64_t> look_us_{0};
  std::atomic<bool> stopped_{false};
};

struct Loopback {
  Descriptor client;
  Descriptor server;
};

inline Loopback ConnectLoopback(int receive_buffer = 0) {
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  Loopback pair;
  pair.client = Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
  if (receive_buffer > 0) {
    ::setsockopt(pair.client.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                 sizeof(receive_buffer));
  }
  const bool ok = ::bind(listener.get(), plain, size) == 0 &&
                  ::listen(listener.get(), 1) == 0 &&
                  ::getsockname(listener.get(), plain, &size) == 0 &&
                  ::connect(pair.client.get(), plain, size) == 0;
  EXPECT_TRUE(ok);
  pair.server = Descriptor(::accept(listener.get(), nullptr, nullptr));
  EXPECT_TRUE(pair.server.valid());
  return pair;
}

// The browser's end.
class Browser {
 public:
  explicit Browser(Descriptor socket) : socket_(std::move(socket)) {
    const timeval timeout{kDeadline.count(), 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout,
                 sizeof(timeout));
  }

  // Reads until `done` holds; false at the end of the stream before that.
  bool ReadUntil(const std::function<bool(const SseStream&)>& done) {
    while (!done(ReadSse(bytes_))) {
      if (!ReadSome()) return false;
    }
    return true;
  }
  bool ReadMessages(size_t count) {
    return ReadUntil(
        [&](const SseStream& s) { return s.messages.size() >= count; });
  }
  bool ReadUntilId(const std::string& id) {
    return ReadUntil([&](const SseStream& s) {
      return !s.messages.empty() && s.messages.back().id == id;
    });
  }
  void ReadToEnd() {
    while (ReadSome()) {
    }
  }
  SseStream stream() const { return ReadSse(bytes_); }
  const std::string& bytes() const { return bytes_; }
  bool was_reset() const { return reset_; }
  int fd() const { return socket_.get(); }
  void Close() { socket_.Reset(); }

 private:
  bool ReadSome() {
    char buffer[16'384];
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    if (got < 0) {
      reset_ = errno == ECONNRESET;
      EXPECT_TRUE(reset_) << "nothing came in time";
    }
    if (got <= 0) return false;
    bytes_.append(buffer, static_cast<size_t>(got));
    return true;
  }

  Descriptor socket_;
  std::string bytes_;
  bool reset_ = false;
};

class TestHub final : public Host {
 public:
  explicit TestHub(const std::function<void(HubOptions&)>& adjust = {}) {
    HubOptions options;
    options.hub_id = "h";
    options.seed = 7;
    options.core.retry_ms = 1'000;
    options.clock = &still_;  // no heartbeat comes in between
    if (adjust) adjust(options);
    auto hub = Hub::Create(std::move(options), this);
    EXPECT_TRUE(hub.ok());
    hub_ = std::move(hub).value();
  }
  ~TestHub() override { hub_.reset(); }

  Hub& hub() { return *hub_; }
  const Metrics& metrics() const { return hub_->metrics(); }
  uint64_t ends(size_t end) const { return metrics().closes[end].Get(); }
  uint64_t ends(CloseReason reason) const {
    return ends(static_cast<size_t>(reason));
  }

  void OnReplies() override {
    const std::lock_guard<std::mutex> lock(mu_);
    rung_ = true;
    bell_.notify_one();
  }

  // The first reply from `seen[from]` on that `match` takes, seen already or
  // still to come.
  template <class T>
  T Wait(const std::function<bool(const T&)>& match, size_t from = 0) {
    const auto until = std::chrono::steady_clock::now() + kDeadline;
    for (;;) {
      for (; from < seen.size(); ++from) {
        if (T* reply = std::get_if<T>(&seen[from])) {
          if (match(*reply)) return *reply;
        }
      }
      if (!Pump(until)) {
        ADD_FAILURE() << "no reply came in time";
        return T{};
      }
    }
  }
  template <class T>
  T WaitTicket(Ticket ticket, size_t from = 0) {
    return Wait<T>([&](const T& reply) { return reply.ticket == ticket; },
                   from);
  }
  // Waits for any reply.
  void WaitForMore() {
    if (!Pump(std::chrono::steady_clock::now() + kDeadline)) {
      ADD_FAILURE() << "no reply came in time";
    }
  }
  // Waits until something that the hub thread counts has come true.
  void Until(const std::function<bool()>& true_now) {
    const auto until = std::chrono::steady_clock::now() + kDeadline;
    while (!true_now()) {
      if (std::chrono::steady_clock::now() >= until) {
        ADD_FAILURE() << "it did not come true in time";
        return;
      }
      Sync();  // the hub thread has had another turn
    }
  }
  // Everything posted before has been carried out.
  void Sync() {
    const Ticket ticket = NextTicket();
    const size_t from = seen.size();
    Post(ReleaseCommand{ticket, 0});
    (void)WaitTicket<DoneReply>(ticket, from);
  }

  template <class Body>
  bool Post(Body body) {
    return hub_->Post({std::move(body)});
  }
  Ticket NextTicket() { return ++ticket_; }

  static PublishItem Item(const std::string& tenant, const std::string& id,
                          const std::string& path = "guests.getAll",
                          size_t data_bytes = 0) {
    PublishItem item;
    item.tenant = tenant;
    item.text = "{\"id\":\"" + id +
                "\",\"type\":\"update\",\"module\":\"guests\",\"entityId\":"
                "\"e\",\"timestamp\":1,\"queryPaths\":[\"" +
                path + "\"],\"data\":\"" + std::string(data_bytes, 'x') +
                "\",\"seq\":";
    item.split = item.text.size();
    item.text += "0}";
    return item;
  }
  PublishedReply Publish(std::vector<PublishItem> items) {
    PublishCommand command;
    command.ticket = NextTicket();
    command.posted_us = hub_->NowUs();
    for (const PublishItem& item : items) command.bytes += item.text.size();
    command.items = std::move(items);
    const Ticket ticket = command.ticket;
    EXPECT_TRUE(Post(std::move(command)));
    return WaitTicket<PublishedReply>(ticket);
  }
  PublishedReply Publish(const std::string& tenant, const std::string& id,
                         const std::string& path = "guests.getAll",
                         size_t data_bytes = 0) {
    return Publish({Item(tenant, id, path, data_bytes)});
  }

  StreamRequest Request(const std::string& tenant = "acme",
                        const std::string& user = "u1") {
    StreamRequest request;
    request.number = next_number_++;
    request.tenant = tenant;
    request.user = user;
    return request;
  }
  // When it returns, the hub thread has opened or refused it.
  Browser Open(StreamRequest request, int receive_buffer = 0) {
    Loopback pair = ConnectLoopback(receive_buffer);
    OpenSocketCommand command;
    command.request = std::move(request);
    command.socket = std::move(pair.server);
    EXPECT_TRUE(Post(std::move(command)));
    Sync();
    return Browser(std::move(pair.client));
  }
  Browser Open(const std::string& tenant = "acme",
               const std::string& user = "u1") {
    return Open(Request(tenant, user));
  }
  LeaseReply Acquire(const std::string& tenant, const std::string& user) {
    const Ticket ticket = NextTicket();
    Post(AcquireCommand{ticket, tenant, user});
    return WaitTicket<LeaseReply>(ticket);
  }
  uint64_t Ask(std::variant<ReleaseCommand, DisconnectCommand, DrainCommand,
                            ShutdownCommand>
                   command) {
    const Ticket ticket = NextTicket();
    std::visit(
        [&](auto& body) {
          body.ticket = ticket;
          Post(std::move(body));
        },
        command);
    return WaitTicket<DoneReply>(ticket).value;
  }

  std::vector<Reply> seen;

 private:
  uint64_t next_number_ = 1;

  bool Pump(std::chrono::steady_clock::time_point until) {
    {
      std::unique_lock<std::mutex> lock(mu_);
      if (!bell_.wait_until(lock, until, [&] { return rung_; })) return false;
      rung_ = false;
    }
    bool more = true;
    while (more) {
      for (Reply& reply : hub_->Take(64, &more)) {
        seen.push_back(std::move(reply));
      }
    }
    return true;
  }

  std::mutex mu_;
  std::condition_variable bell_;
  bool rung_ = false;  // guarded by mu_
  Ticket ticket_ = 0;
  TestClock still_;
  std::unique_ptr<Hub> hub_;
};

}  // namespace pathcast

#endif  // PATHCAST_TEST_NATIVE_HUB_HARNESS_H_
