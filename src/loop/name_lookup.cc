#include "loop/name_lookup.h"

#include <uv.h>

#include <cassert>
#include <cstring>
#include <memory>
#include <utility>

#include "loop/event_loop.h"
#include "loop/uv_status.h"

namespace pathcast {
namespace {

// A name with more addresses is no Redis; the rest is not tried.
constexpr size_t kMaxAddresses = 8;

std::vector<SocketAddress> Copied(const addrinfo* list) {
  std::vector<SocketAddress> addresses;
  for (; list != nullptr && addresses.size() < kMaxAddresses;
       list = list->ai_next) {
    SocketAddress address;
    if (list->ai_addrlen > sizeof(address.storage)) continue;
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
    address.size = static_cast<socklen_t>(list->ai_addrlen);
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

struct NameLookup::Request {
  uv_getaddrinfo_t uv;
  EventLoop* loop = nullptr;
  // Null once cancelled.
  NameLookup* owner = nullptr;
  Callback callback;

  static void OnDone(uv_getaddrinfo_t* uv, int error, addrinfo* list) {
    const std::unique_ptr<Request> request(static_cast<Request*>(uv->data));
    request->loop->CountLookup(-1);
    std::vector<SocketAddress> addresses;
    if (error == 0) addresses = Copied(list);
    uv_freeaddrinfo(list);
    if (request->owner == nullptr) return;
    request->owner->request_ = nullptr;
    if (addresses.empty()) {
      request->callback(UvStatus("the name could not be looked up",
                                 error != 0 ? error : UV_EAI_NODATA));
    } else {
      request->callback(std::move(addresses));
    }
  }
};

std::optional<SocketAddress> NameLookup::Numeric(const std::string& host,
                                                 uint16_t port) {
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (uv_ip4_addr(host.c_str(), port, v4) == 0) {
    address.size = sizeof(*v4);
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (uv_ip6_addr(host.c_str(), port, v6) == 0) {
    address.size = sizeof(*v6);
    return address;
  }
  return std::nullopt;
}

Status NameLookup::Start(EventLoop* loop, const std::string& host,
                         uint16_t port, Callback callback) {
  assert(request_ == nullptr);
  assert(loop->OnLoopThread());
  auto request = std::make_unique<Request>();
  request->uv.data = request.get();
  request->loop = loop;
  request->owner = this;
  request->callback = std::move(callback);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const int error =
      uv_getaddrinfo(loop->uv(), &request->uv, &Request::OnDone, host.c_str(),
                     std::to_string(port).c_str(), &hints);
  if (error != 0) return UvStatus("the name cannot be looked up", error);
  loop->CountLookup(1);
  request_ = request.release();
  return Status::Ok();
}

void NameLookup::Cancel() {
  if (request_ == nullptr) return;
  Request* request = std::exchange(request_, nullptr);
  request->owner = nullptr;
  // Of no effect on one that has begun; that one ends by itself.
  (void)uv_cancel(reinterpret_cast<uv_req_t*>(&request->uv));
}

}  // namespace pathcast
