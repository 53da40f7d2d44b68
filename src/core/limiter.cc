#include "core/limiter.h"

#include <cassert>
#include <cstring>
#include <functional>
#include <utility>

namespace pathcast {

namespace {

// Slots kept when nothing is held any more; above it the memory is given back.
constexpr size_t kKeptSlots = 64;
// Stale tops that sink one by one before eviction brings the whole heap up to
// date at once, as after a fan-out that touched everybody.
constexpr int kSunkBeforeRebuild = 32;

size_t HashOf(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

// The owner's number is part of the key, so ("a", "b:c") and ("a:b", "c")
// cannot meet.
size_t HashOf(uint32_t owner, std::string_view text) {
  uint64_t hash = HashOf(text) ^ (owner * uint64_t{0x9E3779B97F4A7C15});
  hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
  return static_cast<size_t>(hash ^ (hash >> 32));
}

// A free position of `records`, from the free list through `link` or at the
// end.
template <class Record>
uint32_t TakeSlot(std::deque<Record>* records, uint32_t* free_list,
                  uint32_t Record::*link) {
  if (*free_list != SlotIndex::kNone) {
    const uint32_t slot = *free_list;
    *free_list = (*records)[slot].*link;
    return slot;
  }
  records->emplace_back();
  return static_cast<uint32_t>(records->size() - 1);
}

template <class Record>
void GiveSlot(std::deque<Record>* records, uint32_t* free_list,
              uint32_t Record::*link, uint32_t slot) {
  Record& record = (*records)[slot];
  record = Record();
  record.*link = *free_list;
  *free_list = slot;
}

}  // namespace

Limiter::Text::Text(std::string_view text)
    : data(text.empty() ? nullptr : new char[text.size()]),
      size(static_cast<uint32_t>(text.size())) {
  if (data != nullptr) std::memcpy(data.get(), text.data(), size);
}

Limiter::Limiter(const LimiterOptions& options) : options_(options) {}

AdmissionResult Limiter::Acquire(const LeaseRequest& request) {
  AdmissionResult result;
  const uint32_t tenant = FindTenant(request.tenant);
  const uint32_t user =
      tenant == kNone ? kNone : FindUser(tenant, request.user);
  const uint32_t replaced = user == kNone || request.instance.empty()
                                ? kNone
                                : FindInstance(user, request.instance);

  // Counts as if the replaced one had gone. They never exceed a limit, so one
  // that goes always makes room for one that comes.
  uint32_t user_held = user == kNone ? 0 : users_[user].held;
  uint32_t tenant_held = tenant == kNone ? 0 : tenants_[tenant].held;
  if (replaced != kNone) {
    --user_held;
    --tenant_held;
  }

  const auto refuse = [&](Admission why, uint32_t limit, uint32_t current) {
    result.admission = why;
    result.limit = limit;
    result.current = current;
    return std::move(result);
  };
  uint32_t evicted = kNone;
  if (options_.max_per_user != 0 && user_held >= options_.max_per_user) {
    evicted = options_.evict_oldest ? OldestOfUser(user) : kNone;
    if (evicted == kNone) {
      return refuse(Admission::kUserLimit, options_.max_per_user, user_held);
    }
    --tenant_held;
  }
  if (options_.max_per_tenant != 0 && tenant_held >= options_.max_per_tenant) {
    assert(evicted == kNone && replaced == kNone);
    evicted = options_.evict_oldest ? OldestOfTenant(tenant) : kNone;
    if (evicted == kNone) {
      return refuse(Admission::kTenantLimit, options_.max_per_tenant,
                    tenant_held);
    }
  }

  // Nothing can refuse from here on.
  if (replaced != kNone) {
    result.replaced.push_back(IdOf(replaced));
    ReleaseSlot(replaced);
  }
  if (evicted != kNone) {
    result.evicted.push_back(IdOf(evicted));
    ReleaseSlot(evicted);
  }
  const uint32_t home = MakeTenant(request.tenant);
  const uint32_t holder = MakeUser(home, request.user);
  result.lease = IdOf(MakeLease(request, home, holder));
  return result;
}

bool Limiter::Release(uint64_t lease) {
  const uint32_t slot = SlotOf(lease);
  if (slot == kNone) return false;
  ReleaseSlot(slot);
  return true;
}

void Limiter::Watch(uint64_t lease, const int64_t* alive_ms) {
  const uint32_t slot = SlotOf(lease);
  if (slot != kNone) leases_[slot].alive_at = alive_ms;
}

uint32_t Limiter::HeldByTenant(std::string_view tenant) const {
  const uint32_t found = FindTenant(tenant);
  return found == kNone ? 0 : tenants_[found].held;
}

uint32_t Limiter::HeldByUser(std::string_view tenant,
                             std::string_view user) const {
  const uint32_t home = FindTenant(tenant);
  const uint32_t found = home == kNone ? kNone : FindUser(home, user);
  return found == kNone ? 0 : users_[found].held;
}

std::vector<uint64_t> Limiter::StreamsOf(std::string_view tenant,
                                         std::string_view user) const {
  std::vector<uint64_t> leases;
  const uint32_t home = FindTenant(tenant);
  const uint32_t found = home == kNone ? kNone : FindUser(home, user);
  if (found == kNone) return leases;
  for (uint32_t slot = users_[found].first; slot != kNone;
       slot = leases_[slot].next) {
    if (leases_[slot].heap_at != kNone) leases.push_back(IdOf(slot));
  }
  return leases;
}

uint64_t Limiter::LeaseOf(std::string_view tenant, std::string_view user,
                          std::string_view instance) const {
  const uint32_t home = FindTenant(tenant);
  const uint32_t holder = home == kNone ? kNone : FindUser(home, user);
  const uint32_t found = holder == kNone || instance.empty()
                             ? kNone
                             : FindInstance(holder, instance);
  return found == kNone ? 0 : IdOf(found);
}

bool Limiter::HasSeat(std::string_view tenant, std::string_view user) const {
  return (options_.max_per_user == 0 ||
          HeldByUser(tenant, user) < options_.max_per_user) &&
         (options_.max_per_tenant == 0 ||
          HeldByTenant(tenant) < options_.max_per_tenant);
}

size_t Limiter::Bytes() const {
  size_t bytes = leases_.size() * sizeof(Lease) + users_.size() * sizeof(User) +
                 tenants_.size() * sizeof(Tenant) + text_bytes_ +
                 tenant_index_.Bytes() + user_index_.Bytes() +
                 instance_index_.Bytes();
  for (const Tenant& tenant : tenants_) {
    bytes += tenant.heap.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

uint32_t Limiter::FindTenant(std::string_view name) const {
  return tenant_index_.Find(
      HashOf(name), [&](uint32_t slot) { return tenants_[slot].chain; },
      [&](uint32_t slot) { return tenants_[slot].name.view() == name; });
}

uint32_t Limiter::FindUser(uint32_t tenant, std::string_view name) const {
  return user_index_.Find(
      HashOf(tenant, name), [&](uint32_t slot) { return users_[slot].chain; },
      [&](uint32_t slot) {
        return users_[slot].tenant == tenant &&
               users_[slot].name.view() == name;
      });
}

uint32_t Limiter::FindInstance(uint32_t user, std::string_view instance) const {
  return instance_index_.Find(
      HashOf(user, instance),
      [&](uint32_t slot) { return leases_[slot].chain; },
      [&](uint32_t slot) {
        return leases_[slot].user == user &&
               leases_[slot].instance.view() == instance;
      });
}

uint32_t Limiter::MakeTenant(std::string_view name) {
  const uint32_t found = FindTenant(name);
  if (found != kNone) return found;
  const uint32_t slot = TakeSlot(&tenants_, &free_tenant_, &Tenant::chain);
  tenants_[slot].name = Text(name);
  text_bytes_ += name.size();
  tenant_index_.Insert(
      slot, [&](uint32_t at) -> uint32_t& { return tenants_[at].chain; },
      [&](uint32_t at) { return HashOf(tenants_[at].name.view()); });
  return slot;
}

uint32_t Limiter::MakeUser(uint32_t tenant, std::string_view name) {
  const uint32_t found = FindUser(tenant, name);
  if (found != kNone) return found;
  const uint32_t slot = TakeSlot(&users_, &free_user_, &User::chain);
  users_[slot].name = Text(name);
  users_[slot].tenant = tenant;
  text_bytes_ += name.size();
  user_index_.Insert(
      slot, [&](uint32_t at) -> uint32_t& { return users_[at].chain; },
      [&](uint32_t at) {
        return HashOf(users_[at].tenant, users_[at].name.view());
      });
  return slot;
}

uint32_t Limiter::MakeLease(const LeaseRequest& request, uint32_t tenant,
                            uint32_t user) {
  const uint32_t slot = TakeSlot(&leases_, &free_lease_, &Lease::next);
  Lease& lease = leases_[slot];
  if (++serial_ == 0) serial_ = 1;  // 0 marks a free slot.
  lease.serial = serial_;
  lease.key_ms = request.now_ms;
  lease.user = user;
  lease.heap_at = request.evictable ? kNoPlace : kNone;

  User& holder = users_[user];
  lease.previous = kNone;
  lease.next = holder.first;
  if (holder.first != kNone) leases_[holder.first].previous = slot;
  holder.first = slot;
  ++holder.held;
  ++tenants_[tenant].held;
  ++held_;

  if (options_.evict_oldest && request.evictable) {
    HeapPush(&tenants_[tenant], slot);
  }
  if (!request.instance.empty()) {
    lease.instance = Text(request.instance);
    text_bytes_ += request.instance.size();
    instance_index_.Insert(
        slot, [&](uint32_t at) -> uint32_t& { return leases_[at].chain; },
        [&](uint32_t at) {
          return HashOf(leases_[at].user, leases_[at].instance.view());
        });
  }
  return slot;
}

uint32_t Limiter::SlotOf(uint64_t lease) const {
  const auto slot = static_cast<uint32_t>(lease);
  const auto serial = static_cast<uint32_t>(lease >> 32);
  if (serial == 0 || slot >= leases_.size()) return kNone;
  return leases_[slot].serial == serial ? slot : kNone;
}

uint64_t Limiter::IdOf(uint32_t slot) const {
  return uint64_t{leases_[slot].serial} << 32 | slot;
}

void Limiter::ReleaseSlot(uint32_t slot) {
  Lease& lease = leases_[slot];
  const uint32_t user = lease.user;
  User& holder = users_[user];
  const uint32_t tenant = holder.tenant;
  Tenant& home = tenants_[tenant];

  if (lease.instance.size != 0) {
    text_bytes_ -= lease.instance.size;
    instance_index_.Erase(
        slot, [&](uint32_t at) -> uint32_t& { return leases_[at].chain; },
        [&](uint32_t at) {
          return HashOf(leases_[at].user, leases_[at].instance.view());
        });
  }
  if (options_.evict_oldest && lease.heap_at != kNone) HeapErase(&home, slot);
  if (lease.previous != kNone) {
    leases_[lease.previous].next = lease.next;
  } else {
    holder.first = lease.next;
  }
  if (lease.next != kNone) leases_[lease.next].previous = lease.previous;
  GiveSlot(&leases_, &free_lease_, &Lease::next, slot);

  if (--holder.held == 0) {
    text_bytes_ -= holder.name.size;
    user_index_.Erase(
        user, [&](uint32_t at) -> uint32_t& { return users_[at].chain; },
        [&](uint32_t at) {
          return HashOf(users_[at].tenant, users_[at].name.view());
        });
    GiveSlot(&users_, &free_user_, &User::chain, user);
  }
  if (--home.held == 0) {
    text_bytes_ -= home.name.size;
    tenant_index_.Erase(
        tenant, [&](uint32_t at) -> uint32_t& { return tenants_[at].chain; },
        [&](uint32_t at) { return HashOf(tenants_[at].name.view()); });
    GiveSlot(&tenants_, &free_tenant_, &Tenant::chain, tenant);
  }
  if (--held_ == 0 && leases_.size() > kKeptSlots) {
    // Serials go on counting, so no old lease id comes to life in a new slot.
    leases_ = std::deque<Lease>();
    users_ = std::deque<User>();
    tenants_ = std::deque<Tenant>();
    free_lease_ = free_user_ = free_tenant_ = kNone;
  }
}

uint32_t Limiter::OldestOfUser(uint32_t user) const {
  // A walk: a user has few leases, or no limit that could lead here often.
  uint32_t oldest = kNone;
  for (uint32_t slot = users_[user].first; slot != kNone;
       slot = leases_[slot].next) {
    const Lease& lease = leases_[slot];
    if (lease.heap_at == kNone) continue;
    // Newest first, so that of two the longer held wins a tie.
    if (oldest == kNone || lease.alive_ms() <= leases_[oldest].alive_ms()) {
      oldest = slot;
    }
  }
  return oldest;
}

uint32_t Limiter::OldestOfTenant(uint32_t tenant) {
  // Keys are lower bounds of when each was alive, which only grows. So a top
  // whose key is up to date is the oldest; one that is not sinks to where it
  // belongs.
  Tenant& home = tenants_[tenant];
  if (home.heap.empty()) return kNone;
  for (int sunk = 0; sunk < kSunkBeforeRebuild; ++sunk) {
    Lease& top = leases_[home.heap[0]];
    const int64_t alive_ms = top.alive_ms();
    if (top.key_ms == alive_ms) return home.heap[0];
    top.key_ms = alive_ms;
    HeapDown(&home, 0);
  }
  for (const uint32_t slot : home.heap) {
    leases_[slot].key_ms = leases_[slot].alive_ms();
  }
  for (size_t at = home.heap.size() / 2; at-- > 0;) HeapDown(&home, at);
  return home.heap[0];
}

bool Limiter::Older(uint32_t a, uint32_t b) const {
  const Lease& first = leases_[a];
  const Lease& second = leases_[b];
  if (first.key_ms != second.key_ms) return first.key_ms < second.key_ms;
  // The difference, so that the order survives the counter's wrap.
  return static_cast<int32_t>(first.serial - second.serial) < 0;
}

void Limiter::HeapPush(Tenant* tenant, uint32_t slot) {
  tenant->heap.push_back(slot);
  HeapSet(tenant, tenant->heap.size() - 1, slot);
  HeapUp(tenant, tenant->heap.size() - 1);
}

void Limiter::HeapErase(Tenant* tenant, uint32_t slot) {
  const size_t at = leases_[slot].heap_at;
  const uint32_t last = tenant->heap.back();
  tenant->heap.pop_back();
  leases_[slot].heap_at = kNone;
  if (last == slot) return;
  HeapSet(tenant, at, last);
  HeapDown(tenant, HeapUp(tenant, at));
}

void Limiter::HeapSet(Tenant* tenant, size_t at, uint32_t slot) {
  tenant->heap[at] = slot;
  leases_[slot].heap_at = static_cast<uint32_t>(at);
}

size_t Limiter::HeapUp(Tenant* tenant, size_t at) {
  const uint32_t slot = tenant->heap[at];
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!Older(slot, tenant->heap[parent])) break;
    HeapSet(tenant, at, tenant->heap[parent]);
    at = parent;
  }
  HeapSet(tenant, at, slot);
  return at;
}

void Limiter::HeapDown(Tenant* tenant, size_t at) {
  const uint32_t slot = tenant->heap[at];
  for (;;) {
    size_t child = at * 2 + 1;
    if (child >= tenant->heap.size()) break;
    if (child + 1 < tenant->heap.size() &&
        Older(tenant->heap[child + 1], tenant->heap[child])) {
      ++child;
    }
    if (!Older(tenant->heap[child], slot)) break;
    HeapSet(tenant, at, tenant->heap[child]);
    at = child;
  }
  HeapSet(tenant, at, slot);
}

}  // namespace pathcast
