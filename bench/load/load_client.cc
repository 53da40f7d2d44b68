#include "load_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bench {
namespace {

// Bytes one `recv` may bring: many events of a burst at once, so that reading
// is never what limits.
constexpr size_t kReadBytes = 256 * 1024;
// Sockets handled per `epoll_wait`.
constexpr int kMaxReady = 1024;
// Clients that share one source address. Well under the 28,000 ephemeral ports
// of one.
constexpr uint32_t kClientsPerAddress = 4000;
// What a client waits before it tries again; EventSource implementations wait
// longer.
constexpr uint64_t kRetryNs = 250'000'000;
// Marks the watched descriptor among epoll's answers.
constexpr uint64_t kWatched = UINT64_MAX;

void Replace(std::string* text, const char* placeholder, uint32_t number) {
  const std::string digits = std::to_string(number);
  for (size_t at = 0; (at = text->find(placeholder, at)) != std::string::npos;
       at += digits.size()) {
    text->replace(at, std::strlen(placeholder), digits);
  }
}

}  // namespace

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}

LoadClient::LoadClient()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadBytes) {}

LoadClient::~LoadClient() {
  for (Connection& connection : connections_) CloseSocket(&connection);
  close(epoll_);
}

void LoadClient::Open(const OpenOptions& options) {
  options_ = options;
  tally_.set_cursors(options.cursors);
  reconnecting_ = false;
  const auto first = static_cast<uint32_t>(connections_.size());
  connections_.resize(first + options.count);
  for (uint32_t i = first + options.count; i-- > first;) {
    connections_[i].index = i;
    to_start_.push_back(i);
  }
  StartSome();
}

void LoadClient::Stall(uint32_t count) {
  for (uint32_t i = 0; i < count && i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    connection.in_stall_group = true;
    connection.stalled = true;
    if (connection.fd >= 0) Watch(connection, 0, EPOLL_CTL_MOD);
  }
}

void LoadClient::Unstall() {
  for (Connection& connection : connections_) {
    if (!connection.stalled) continue;
    connection.stalled = false;
    connection.saw_invalidate = false;
    connection.saw_resync = false;
    if (connection.fd >= 0) Watch(connection, EPOLLIN, EPOLL_CTL_MOD);
  }
}

void LoadClient::CutAll() {
  to_start_.clear();
  for (Connection& connection : connections_) CloseSocket(&connection);
  ++generation_;
}

void LoadClient::ReconnectAll(uint32_t expected_events) {
  reconnecting_ = true;
  expected_events_ = expected_events;
  resumed_ = 0;
  resume_time_.Reset();
  options_.concurrency = static_cast<uint32_t>(connections_.size());
  for (auto i = static_cast<uint32_t>(connections_.size()); i-- > 0;)
    to_start_.push_back(i);
  reconnect_started_ns_ = NowNs();
  StartSome();
}

void LoadClient::ResetCounts() {
  tally_.Reset();
  lost_ = 0;
  failed_connects_ = 0;
  for (Connection& connection : connections_) connection.events = 0;
}

bool LoadClient::Poll(int timeout_ms, int watched_fd) {
  if (watched_ != watched_fd) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kWatched}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, watched_fd, &event);
    watched_ = watched_fd;
  }
  epoll_event ready[kMaxReady];
  const int count = epoll_wait(epoll_, ready, kMaxReady, timeout_ms);
  bool watched_ready = false;
  for (int i = 0; i < count; ++i) {
    if (ready[i].data.u64 == kWatched) {
      watched_ready = true;
      continue;
    }
    Connection* connection = &connections_[ready[i].data.u64];
    if (connection->state == Connection::State::kConnecting) {
      OnWritable(connection);
    } else if (connection->stalled) {
      Drop(connection);  // nothing but an error or a hang-up is reported to one
                         // that does not read
    } else {
      OnReadable(connection);
    }
  }
  if (retrying_ > 0) {
    const uint64_t now = NowNs();
    for (Connection& connection : connections_) {
      if (connection.retry_at_ns == 0 || connection.retry_at_ns > now) continue;
      connection.retry_at_ns = 0;
      --retrying_;
      to_start_.push_back(connection.index);
    }
  }
  StartSome();
  return watched_ready;
}

void LoadClient::StartSome() {
  while (!to_start_.empty() && under_way_ < options_.concurrency) {
    Connection* connection = &connections_[to_start_.back()];
    to_start_.pop_back();
    Connect(connection);
  }
}

void LoadClient::Connect(Connection* connection) {
  connection->reader.Reset();
  connection->events_since_connect = 0;
  connection->saw_recovered = connection->saw_cover = connection->resumed =
      false;
  connection->state = Connection::State::kConnecting;
  ++under_way_;
  connection->fd =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) return Drop(connection);
  const int on = 1;
  setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
             sizeof on);
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const uint32_t host =
      2 + (generation_ * 16 + connection->index / kClientsPerAddress) % 250;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
  if (bind(connection->fd, reinterpret_cast<sockaddr*>(&address),
           sizeof address) != 0)
    return Drop(connection);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(options_.port);
  const int result = connect(
      connection->fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (result != 0 && errno != EINPROGRESS) return Drop(connection);
  Watch(*connection, EPOLLOUT, EPOLL_CTL_ADD);
}

void LoadClient::OnWritable(Connection* connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Drop(connection);
  const std::string request = Request(*connection);
  const ssize_t sent =
      send(connection->fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return Drop(connection);
  connection->state = Connection::State::kWaiting;
  Watch(*connection, connection->stalled ? 0u : uint32_t{EPOLLIN},
        EPOLL_CTL_MOD);
}

void LoadClient::OnReadable(Connection* connection) {
  for (;;) {
    const ssize_t got = recv(connection->fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return Drop(connection);
    tally_.Begin(connection, NowNs());
    if (!connection->reader.Feed(buffer_.data(), static_cast<size_t>(got),
                                 &tally_))
      return Drop(connection);
    AfterFeed(connection);
    if (connection->reader.ended()) return Drop(connection);
    // Less than asked for: the socket is empty, or epoll says so again.
    if (static_cast<size_t>(got) < buffer_.size()) return;
  }
}

void LoadClient::AfterFeed(Connection* connection) {
  if (connection->state == Connection::State::kWaiting &&
      connection->reader.messages() > 0) {
    connection->state = Connection::State::kStreaming;
    --under_way_;
    ++streaming_;
  }
  if (!reconnecting_ || connection->resumed) return;
  if (connection->events_since_connect >= expected_events_ ||
      connection->saw_cover) {
    connection->resumed = connection->state == Connection::State::kStreaming;
    if (!connection->resumed) return;
    ++resumed_;
    resume_time_.Record((NowNs() - reconnect_started_ns_) / 1000);
  }
}

void LoadClient::Drop(Connection* connection) {
  const bool was_streaming = connection->state == Connection::State::kStreaming;
  ++(was_streaming ? lost_ : failed_connects_);
  CloseSocket(connection);
  if (connection->resumed) {
    connection->resumed = false;
    --resumed_;
  }
  connection->retry_at_ns = NowNs() + kRetryNs;
  ++retrying_;
}

void LoadClient::CloseSocket(Connection* connection) {
  if (connection->state == Connection::State::kStreaming) --streaming_;
  if (connection->state == Connection::State::kConnecting ||
      connection->state == Connection::State::kWaiting) {
    --under_way_;
  }
  if (connection->retry_at_ns != 0) {
    connection->retry_at_ns = 0;
    --retrying_;
  }
  connection->state = Connection::State::kIdle;
  if (connection->fd < 0) return;
  close(connection->fd);
  connection->fd = -1;
}

void LoadClient::Watch(const Connection& connection, uint32_t events,
                       int operation) {
  epoll_event event{.events = events, .data = {.u64 = connection.index}};
  epoll_ctl(epoll_, operation, connection.fd, &event);
}

std::string LoadClient::Request(const Connection& connection) const {
  std::string request =
      "GET " + options_.path +
      " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options_.port) +
      "\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n" +
      options_.headers;
  Replace(&request, "{i}", connection.index);
  Replace(&request, "{c}", connection.index % std::max(options_.companies, 1u));
  if (!connection.last_id.empty())
    request += "Last-Event-ID: " + connection.last_id + "\r\n";
  return request + "\r\n";
}

}  // namespace bench
