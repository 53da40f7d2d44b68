// Admission (SPEC §4): who may hold a connection, and who has to go for it.
//
// Owned by the hub; hub thread only; no I/O, no clock of its own. Check and
// count are one call, so no interleaving can admit one too many.
//
// Invariants:
//  1. With limits u and c (0: none), each (tenant, user) holds at most u
//     leases and each tenant at most c, at any time.
//  2. A lease that is named in `replaced` or `evicted` is already released.
//  3. A refusal changes nothing.
//  4. A user or tenant without a lease takes no memory.
//
// Memory: 56 bytes a lease, the instance id's text if it has one, some 40 bytes
// and its id's text per user that holds any; 4 bytes a lease more where the
// policy is to evict.
#ifndef PATHCAST_CORE_LIMITER_H_
#define PATHCAST_CORE_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "core/slot_index.h"

namespace pathcast {

struct LimiterOptions {
  // Per (tenant, user); 0: no limit.
  uint32_t max_per_user = 0;
  // 0: no limit.
  uint32_t max_per_tenant = 0;
  // At a limit: false refuses the newcomer, true closes the stream that was
  // least recently alive.
  bool evict_oldest = false;
};

struct LeaseRequest {
  std::string_view tenant;
  std::string_view user;
  // A browser instance: the living lease of the same tenant, user and
  // instance is replaced. Empty: none.
  std::string_view instance;
  // False for a right that the caller holds itself: it is never evicted.
  bool evictable = true;
  int64_t now_ms = 0;
};

enum class Admission : uint8_t { kAdmitted, kUserLimit, kTenantLimit };

struct AdmissionResult {
  Admission admission = Admission::kAdmitted;
  // 0 when refused; never 0 when admitted.
  uint64_t lease = 0;
  // Leases released in favour of this one.
  std::vector<uint64_t> replaced;
  std::vector<uint64_t> evicted;
  // When refused: the limit, and how many hold it.
  uint32_t limit = 0;
  uint32_t current = 0;
};

class Limiter {
 public:
  explicit Limiter(const LimiterOptions& options);
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  AdmissionResult Acquire(const LeaseRequest& request);
  // False when the lease is not held (any more): releasing twice is harmless.
  bool Release(uint64_t lease);
  // When the stream of `lease` was last alive, asked for only where somebody
  // has to go: the hot path tells the limiter nothing. `alive_ms` never goes
  // back and outlives the lease. No effect on a lease that is not held.
  void Watch(uint64_t lease, const int64_t* alive_ms);

  // The evictable leases of a user, in no order: its streams.
  std::vector<uint64_t> StreamsOf(std::string_view tenant,
                                  std::string_view user) const;
  // Of the stream of a browser instance; 0: it has none.
  uint64_t LeaseOf(std::string_view tenant, std::string_view user,
                   std::string_view instance) const;
  // One more of this user would find a seat.
  bool HasSeat(std::string_view tenant, std::string_view user) const;

  size_t HeldTotal() const { return held_; }
  uint32_t HeldByTenant(std::string_view tenant) const;
  uint32_t HeldByUser(std::string_view tenant, std::string_view user) const;
  // Heap bytes, estimated.
  size_t Bytes() const;

 private:
  static constexpr uint32_t kNone = SlotIndex::kNone;
  static constexpr uint32_t kNoPlace = kNone - 1;

  // A string in 16 bytes; most are UUIDs, which std::string does not keep
  // inside its 32 either.
  struct Text {
    Text() = default;
    explicit Text(std::string_view text);
    std::string_view view() const { return {data.get(), size}; }

    std::unique_ptr<char[]> data;
    uint32_t size = 0;
  };

  struct Lease {
    // Null until Watch().
    const int64_t* alive_at = nullptr;
    // What the tenant's heap is ordered by: when it was alive as last asked.
    // Nothing moves in the heap meanwhile; eviction catches up
    // (OldestOfTenant).
    int64_t key_ms = 0;
    int64_t alive_ms() const {
      return alive_at != nullptr && *alive_at > key_ms ? *alive_at : key_ms;
    }
    Text instance;
    // 0: this slot is free.
    uint32_t serial = 0;
    uint32_t user = kNone;
    // In the user's list.
    uint32_t previous = kNone;
    // In the user's list, or the free list.
    uint32_t next = kNone;
    // Place in the tenant's heap, where the policy evicts. kNone: never
    // evicted; kNoPlace: a stream all the same.
    uint32_t heap_at = kNone;
    // Of the instance index.
    uint32_t chain = kNone;
  };

  struct User {
    Text name;
    uint32_t tenant = kNone;
    // Its leases, newest first.
    uint32_t first = kNone;
    uint32_t held = 0;
    // Of the user index, or the free list.
    uint32_t chain = kNone;
  };

  struct Tenant {
    Text name;
    uint32_t held = 0;
    // Of the tenant index, or the free list.
    uint32_t chain = kNone;
    // Binary heap of its evictable leases; kept only where the policy evicts.
    std::vector<uint32_t> heap;
  };

  uint32_t FindTenant(std::string_view name) const;
  uint32_t FindUser(uint32_t tenant, std::string_view name) const;
  uint32_t FindInstance(uint32_t user, std::string_view instance) const;
  uint32_t MakeTenant(std::string_view name);
  uint32_t MakeUser(uint32_t tenant, std::string_view name);
  uint32_t MakeLease(const LeaseRequest& request, uint32_t tenant,
                     uint32_t user);
  // The slot that `lease` names if it is held, else kNone.
  uint32_t SlotOf(uint64_t lease) const;
  uint64_t IdOf(uint32_t slot) const;
  void ReleaseSlot(uint32_t slot);

  // The evictable lease of the user, or of the tenant, that was least
  // recently alive; the longer held of two; kNone if there is none.
  uint32_t OldestOfUser(uint32_t user) const;
  uint32_t OldestOfTenant(uint32_t tenant);
  bool Older(uint32_t a, uint32_t b) const;
  void HeapPush(Tenant* tenant, uint32_t slot);
  void HeapErase(Tenant* tenant, uint32_t slot);
  void HeapSet(Tenant* tenant, size_t at, uint32_t slot);
  size_t HeapUp(Tenant* tenant, size_t at);
  void HeapDown(Tenant* tenant, size_t at);

  const LimiterOptions options_;

  // Records by position; freed positions are used again. Deques, so that
  // growing copies nothing.
  std::deque<Lease> leases_;
  std::deque<User> users_;
  std::deque<Tenant> tenants_;
  uint32_t free_lease_ = kNone;
  uint32_t free_user_ = kNone;
  uint32_t free_tenant_ = kNone;

  SlotIndex tenant_index_;
  SlotIndex user_index_;
  // Leases that have an instance.
  SlotIndex instance_index_;

  size_t held_ = 0;
  // Counts leases made; half of a lease's id, so that an old id finds nothing.
  uint32_t serial_ = 0;
  size_t text_bytes_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_LIMITER_H_
