// The floor: what it costs to hand one event to N sockets with nothing around
// it. Accepts, sends an SSE head, and on command calls send() on each
// connection in a plain loop. Reports its own CPU time. Commands and answers
// are one JSON object a line, as those of the other servers.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Connections held; more are refused. The machine's bound on descriptors is
// 20,000.
#define MAX_CONNECTIONS 20000
// Bytes of one request; a longer one is cut off.
#define MAX_REQUEST 4096

static const char kHead[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: "
    "no-cache, no-transform\r\n\r\n"
    "retry: 2000\n\n";

static int epoll_fd;
static int listen_fd;
static int streams[MAX_CONNECTIONS];
static int stream_count;
static uint64_t seq;
static uint64_t would_block;
static int pad;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at_ns) {
  struct timespec t = {(time_t)(at_ns / 1000000000u),
                       (long)(at_ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
    continue;
}

// A number of a flat object; enough for the harness's own commands.
static long number_of(const char* line, const char* key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char* at = strstr(line, quoted);
  return at ? strtol(at + strlen(quoted), NULL, 10) : 0;
}

static int is_command(const char* line, const char* name) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"cmd\":\"%s\"", name);
  return strstr(line, quoted) != NULL;
}

static void watch(int fd, int operation) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_fd, operation, fd, &event);
}

static void accept_all(void) {
  for (;;) {
    const int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, EPOLL_CTL_ADD);
  }
}

// Whatever arrives first is the request; from then on the connection is only
// written to.
static void begin_stream(int fd) {
  char request[MAX_REQUEST];
  if (recv(fd, request, sizeof request, 0) <= 0 ||
      stream_count == MAX_CONNECTIONS) {
    close(fd);
    return;
  }
  watch(fd, EPOLL_CTL_DEL);
  send(fd, kHead, sizeof kHead - 1, MSG_NOSIGNAL);
  streams[stream_count++] = fd;
}

static void send_to_all(void) {
  char event[65536];
  ++seq;
  const int size = snprintf(
      event, sizeof event,
      "id: 9f3ab2c4d5e6.%llu\ndata: "
      "{\"type\":\"update\",\"data\":{\"t\":\"%llu\",\"pad\":\"%*s\"}}\n\n",
      (unsigned long long)seq, (unsigned long long)now_ns(), pad, "");
  for (int i = 0; i < stream_count; ++i) {
    if (send(streams[i], event, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) !=
        size)
      ++would_block;
  }
}

static void publish(long count, long gap_ms) {
  const uint64_t start = now_ns();
  for (long i = 0; i < count; ++i) {
    if (gap_ms > 0 && i > 0)
      sleep_until(start + (uint64_t)(i * gap_ms) * 1000000u);
    send_to_all();
  }
}

static long rss_bytes(void) {
  FILE* file = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  long kib = 0;
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "Rss: %ld kB", &kib) == 1) break;
  }
  if (file) fclose(file);
  return kib * 1024;
}

static void run(const char* line) {
  const long id = number_of(line, "id");
  if (is_command(line, "publish")) {
    publish(number_of(line, "count"), number_of(line, "gapMs"));
  } else if (is_command(line, "pad")) {
    pad = (int)number_of(line, "bytes");
  } else if (is_command(line, "quit")) {
    exit(0);
  } else if (!is_command(line, "usage")) {
    printf("{\"id\":%ld,\"error\":\"no such command\"}\n", id);
    return;
  }
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  printf(
      "{\"id\":%ld,\"userUs\":%lld,\"systemUs\":%lld,\"rss\":%ld,"
      "\"connections\":%d,\"wouldBlock\":%llu}\n",
      id, (long long)u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec,
      (long long)u.ru_stime.tv_sec * 1000000 + u.ru_stime.tv_usec, rss_bytes(),
      stream_count, (unsigned long long)would_block);
}

static void read_commands(void) {
  static char input[65536];
  static size_t used;
  const ssize_t got = read(STDIN_FILENO, input + used, sizeof input - 1 - used);
  if (got <= 0) exit(0);  // the harness is gone
  used += (size_t)got;
  input[used] = 0;
  char* line = input;
  for (char* end;
       (end = memchr(line, '\n', used - (size_t)(line - input))) != NULL;
       line = end + 1) {
    *end = 0;
    run(line);
  }
  used -= (size_t)(line - input);
  memmove(input, line, used);
}

static int listen_on_loopback(int backlog) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listen_fd, (struct sockaddr*)&address, size) != 0 ||
      listen(listen_fd, backlog) != 0) {
    perror("send_loop: listen");
    exit(1);
  }
  getsockname(listen_fd, (struct sockaddr*)&address, &size);
  return ntohs(address.sin_port);
}

int main(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);

  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int port = listen_on_loopback(16384);
  watch(listen_fd, EPOLL_CTL_ADD);
  watch(STDIN_FILENO, EPOLL_CTL_ADD);
  printf("{\"id\":0,\"port\":%d}\n", port);
  for (;;) {
    struct epoll_event ready[256];
    const int count = epoll_wait(epoll_fd, ready, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == listen_fd) {
        accept_all();
      } else if (fd == STDIN_FILENO) {
        read_commands();
      } else {
        begin_stream(fd);
      }
    }
  }
}
