// A link on a loop's thread of its own, for tests that wait for what it tells.
#ifndef PATHCAST_TEST_NATIVE_REDIS_HARNESS_H_
#define PATHCAST_TEST_NATIVE_REDIS_HARNESS_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "loop_thread.h"
#include "redis/link.h"
#include "redis_server.h"

namespace pathcast::redis {

// Things that one thread notes and another waits for.
template <class T>
class Notes {
 public:
  void Add(T note) {
    const std::lock_guard<std::mutex> lock(mu_);
    notes_.push_back(std::move(note));
    added_.notify_all();
  }
  // Until one from `from` on is like that; its index, or npos after a deadline.
  size_t Wait(const std::function<bool(const T&)>& like, size_t from = 0) {
    std::unique_lock<std::mutex> lock(mu_);
    size_t index = from;
    const bool found = added_.wait_for(lock, kDeadline, [&] {
      for (; index < notes_.size(); ++index) {
        if (like(notes_[index])) return true;
      }
      return false;
    });
    EXPECT_TRUE(found) << "waited in vain";
    return found ? index : std::string::npos;
  }
  bool WaitForCount(size_t count) {
    std::unique_lock<std::mutex> lock(mu_);
    return added_.wait_for(lock, kDeadline,
                           [&] { return notes_.size() >= count; });
  }
  size_t size() {
    const std::lock_guard<std::mutex> lock(mu_);
    return notes_.size();
  }
  std::vector<T> all() {
    const std::lock_guard<std::mutex> lock(mu_);
    return notes_;
  }

 private:
  std::mutex mu_;
  std::condition_variable added_;
  std::vector<T> notes_;
};

// A server that answers what the test wants.
class FakeServer {
 public:
  FakeServer() {
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), plain, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), plain, &size), 0);
    endpoint_ = {"127.0.0.1", ntohs(address.sin_port), ""};
  }

  const Endpoint& endpoint() const { return endpoint_; }
  Descriptor Accept() const {
    return Descriptor(::accept(listener_.get(), nullptr, nullptr));
  }
  // The handshake of a link that asks for nothing but a PING.
  Descriptor AcceptReady() const {
    Descriptor socket = Accept();
    Await(socket, "*1\r\n$4\r\nPING\r\n");
    Say(socket, "+PONG\r\n");
    return socket;
  }
  static void Await(const Descriptor& socket, const std::string& bytes) {
    std::string got(bytes.size(), '\0');
    EXPECT_EQ(::recv(socket.get(), got.data(), got.size(), MSG_WAITALL),
              static_cast<ssize_t>(got.size()));
    EXPECT_EQ(got, bytes);
  }
  static void Say(const Descriptor& socket, std::string_view bytes) {
    EXPECT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

 private:
  Descriptor listener_;
  Endpoint endpoint_;
};

struct StateNote {
  Link::State state;
  Trouble trouble;
};

// The loop, and the seams that links are given.
class RedisWorld {
 public:
  static constexpr uint64_t kSeed = 7;

  ~RedisWorld() {
    EXPECT_TRUE(thread_.End([] {}).ok());
  }

  void Run(std::function<void()> fn) { thread_.Run(std::move(fn)); }
  // Quick to try again, slow to give up: machines are shared.
  LinkOptions Options(const Endpoint& endpoint) {
    LinkOptions options;
    options.loop = thread_.loop();
    options.clock = &clock_;
    options.random = &random_;
    options.find = FindAt(endpoint);
    options.connect_timeout_ms = 20'000;
    options.answer_within_ms = 20'000;
    options.probe_after_ms = 20'000;
    options.retry_min_ms = 5;
    options.retry_max_ms = 40;
    return options;
  }
  EventLoop* loop() { return thread_.loop(); }

 private:
  MachineClock clock_;
  Random random_{kSeed};
  LoopThread thread_;
};

class TestLink {
 public:
  TestLink(RedisWorld* world, LinkOptions options) : world_(world) {
    world_->Run([&] {
      link_ = std::make_unique<Link>(
          std::move(options),
          Link::Events{[this](Link::State state, const Trouble& trouble) {
                         states.Add({state, trouble});
                       },
                       nullptr});
      EXPECT_TRUE(link_->Open().ok());
    });
  }
  ~TestLink() {
    world_->Run([&] { link_.reset(); });
  }

  Link* link() { return link_.get(); }
  void Destroy() { link_.reset(); }

  // Index in `states`.
  size_t WaitReady(size_t from = 0) {
    return states.Wait(
        [](const StateNote& note) { return note.state == Link::State::kReady; },
        from);
  }
  // The trouble of the next loss.
  Trouble WaitLost(size_t from = 0) {
    const size_t index = states.Wait(
        [](const StateNote& note) { return note.state == Link::State::kLost; },
        from);
    return index == std::string::npos ? Trouble() : states.all()[index].trouble;
  }
  Reply Call(std::initializer_list<std::string_view> arguments) {
    std::promise<Reply> promise;
    auto future = promise.get_future();
    world_->Run([&] {
      link_->Send(arguments, [&promise](Reply reply) {
        promise.set_value(std::move(reply));
      });
    });
    const bool answered =
        future.wait_for(kDeadline) == std::future_status::ready;
    EXPECT_TRUE(answered);
    // Nobody may come back to a promise that is gone.
    if (!answered) std::abort();
    return future.get();
  }

  Notes<StateNote> states;

 private:
  RedisWorld* const world_;
  std::unique_ptr<Link> link_;
};

}  // namespace pathcast::redis

#endif  // PATHCAST_TEST_NATIVE_REDIS_HARNESS_H_
