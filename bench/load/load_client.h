// The load: up to tens of thousands of SSE clients in one thread over one
// epoll.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connection.h"
#include "histogram.h"
#include "tally.h"

namespace bench {

// CLOCK_MONOTONIC, as `process.hrtime` of Node.
uint64_t NowNs();

struct OpenOptions {
  uint32_t count = 0;
  uint16_t port = 0;
  // `{i}` becomes the client's index, `{c}` its index modulo `companies`.
  std::string path;
  uint32_t companies = 1;
  // More request lines, each ending with CRLF; the same placeholders.
  std::string headers;
  // How many handshakes may be under way at once.
  uint32_t concurrency = 256;
  // Ids are pathcast cursors: check that no position is skipped.
  bool cursors = false;
};

class LoadClient {
 public:
  LoadClient();
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  // Adds clients to those that are there. All share the newest options' port,
  // path and headers.
  void Open(const OpenOptions& options);
  // The first `count` clients stop reading: the kernel's buffers fill, then the
  // server notices.
  void Stall(uint32_t count);
  void Unstall();
  // Closes every socket; the clients stay, with what they know.
  void CutAll();
  // Every client connects again at once, with its Last-Event-ID. It has resumed
  // when it has `expected_events` events, or one event that covers them. One
  // that fails tries again after 250 ms.
  void ReconnectAll(uint32_t expected_events);
  void ResetCounts();

  // Makes progress for at most `timeout_ms`; returns when `watched_fd` is
  // readable, and says so.
  bool Poll(int timeout_ms, int watched_fd);

  const Tally& tally() const { return tally_; }
  const Histogram& resume_time() const { return resume_time_; }
  const std::vector<Connection>& connections() const { return connections_; }
  // Clients whose stream has begun.
  uint32_t streaming() const { return streaming_; }
  uint32_t resumed() const { return resumed_; }
  // Streams that the server ended, and attempts that failed, since the last
  // `ResetCounts`.
  uint64_t lost() const { return lost_; }
  uint64_t failed_connects() const { return failed_connects_; }
  // Nothing waits for its turn to connect or is under way.
  bool settled() const {
    return to_start_.empty() && under_way_ == 0 && retrying_ == 0;
  }

 private:
  void StartSome();
  void Connect(Connection* connection);
  void OnWritable(Connection* connection);
  void OnReadable(Connection* connection);
  void AfterFeed(Connection* connection);
  // The socket is of no more use: the server ended it, or the attempt failed.
  void Drop(Connection* connection);
  void CloseSocket(Connection* connection);
  void Watch(const Connection& connection, uint32_t events, int operation);
  std::string Request(const Connection& connection) const;

  int epoll_ = -1;
  int watched_ = -1;
  std::vector<char> buffer_;
  OpenOptions options_;
  std::vector<Connection> connections_;
  // Indices that wait for their turn to connect, the next one last.
  std::vector<uint32_t> to_start_;
  uint32_t under_way_ = 0;
  uint32_t retrying_ = 0;
  uint32_t streaming_ = 0;
  uint64_t lost_ = 0;
  uint64_t failed_connects_ = 0;
  // Makes source addresses new after a cut, so that ports in TIME_WAIT do not
  // matter.
  uint32_t generation_ = 0;

  bool reconnecting_ = false;
  uint64_t reconnect_started_ns_ = 0;
  uint32_t expected_events_ = 0;
  uint32_t resumed_ = 0;
  Histogram resume_time_;

  Tally tally_;
};

}  // namespace bench
