// The one way into the hub thread: a lock-free queue of heap nodes with many
// producers and one consumer. The consumer takes all that is there in one
// exchange, in the order it was put in.
#ifndef PATHCAST_ENGINE_MAILBOX_H_
#define PATHCAST_ENGINE_MAILBOX_H_

#include <atomic>
#include <memory>
#include <utility>

namespace pathcast {

// T has a member `T* next`.
template <class T>
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { Clear(); }

  // [any thread] True if the box was empty: then the consumer has to be woken.
  bool Put(std::unique_ptr<T> item) {
    T* node = item.release();
    T* head = head_.load(std::memory_order_relaxed);
    do {
      node->next = head;
      // Release: whoever takes the list sees the node's content.
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }

  // [consumer]
  void Clear() {
    for (T* node = TakeAll(); node != nullptr;) {
      const std::unique_ptr<T> owned(node);
      node = node->next;
    }
  }

  // [consumer] The first of a list in order of Put; the caller owns the nodes.
  T* TakeAll() {
    T* newest = head_.exchange(nullptr, std::memory_order_acquire);
    T* oldest = nullptr;
    while (newest != nullptr) {
      T* next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }

 private:
  std::atomic<T*> head_{nullptr};
};

}  // namespace pathcast

#endif  // PATHCAST_ENGINE_MAILBOX_H_
