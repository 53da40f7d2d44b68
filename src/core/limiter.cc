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
  const uint32_t company = FindCompany(request.company);
  const uint32_t user =
      company == kNone ? kNone : FindUser(company, request.user);
  const uint32_t replaced = user == kNone || request.instance.empty()
                                ? kNone
                                : FindInstance(user, request.instance);

  // Counts as if the replaced one had gone. They never exceed a limit, so one
  // that goes always makes room for one that comes.
  uint32_t user_held = user == kNone ? 0 : users_[user].held;
  uint32_t company_held = company == kNone ? 0 : companies_[company].held;
  if (replaced != kNone) {
    --user_held;
    --company_held;
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
    --company_held;
  }
  if (options_.max_per_company != 0 &&
      company_held >= options_.max_per_company) {
    assert(evicted == kNone && replaced == kNone);
    evicted = options_.evict_oldest ? OldestOfCompany(company) : kNone;
    if (evicted == kNone) {
      return refuse(Admission::kCompanyLimit, options_.max_per_company,
                    company_held);
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
  const uint32_t home = MakeCompany(request.company);
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

uint32_t Limiter::HeldByCompany(std::string_view company) const {
  const uint32_t found = FindCompany(company);
  return found == kNone ? 0 : companies_[found].held;
}

uint32_t Limiter::HeldByUser(std::string_view company,
                             std::string_view user) const {
  const uint32_t home = FindCompany(company);
  const uint32_t found = home == kNone ? kNone : FindUser(home, user);
  return found == kNone ? 0 : users_[found].held;
}

std::vector<uint64_t> Limiter::StreamsOf(std::string_view company,
                                         std::string_view user) const {
  std::vector<uint64_t> leases;
  const uint32_t home = FindCompany(company);
  const uint32_t found = home == kNone ? kNone : FindUser(home, user);
  if (found == kNone) return leases;
  for (uint32_t slot = users_[found].first; slot != kNone;
       slot = leases_[slot].next) {
    if (leases_[slot].heap_at != kNone) leases.push_back(IdOf(slot));
  }
  return leases;
}

bool Limiter::HasSeat(std::string_view company, std::string_view user) const {
  return (options_.max_per_user == 0 ||
          HeldByUser(company, user) < options_.max_per_user) &&
         (options_.max_per_company == 0 ||
          HeldByCompany(company) < options_.max_per_company);
}

size_t Limiter::Bytes() const {
  size_t bytes = leases_.size() * sizeof(Lease) + users_.size() * sizeof(User) +
                 companies_.size() * sizeof(Company) + text_bytes_ +
                 company_index_.Bytes() + user_index_.Bytes() +
                 instance_index_.Bytes();
  for (const Company& company : companies_) {
    bytes += company.heap.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

uint32_t Limiter::FindCompany(std::string_view name) const {
  return company_index_.Find(
      HashOf(name), [&](uint32_t slot) { return companies_[slot].chain; },
      [&](uint32_t slot) { return companies_[slot].name.view() == name; });
}

uint32_t Limiter::FindUser(uint32_t company, std::string_view name) const {
  return user_index_.Find(
      HashOf(company, name), [&](uint32_t slot) { return users_[slot].chain; },
      [&](uint32_t slot) {
        return users_[slot].company == company &&
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

uint32_t Limiter::MakeCompany(std::string_view name) {
  const uint32_t found = FindCompany(name);
  if (found != kNone) return found;
  const uint32_t slot = TakeSlot(&companies_, &free_company_, &Company::chain);
  companies_[slot].name = Text(name);
  text_bytes_ += name.size();
  company_index_.Insert(
      slot, [&](uint32_t at) -> uint32_t& { return companies_[at].chain; },
      [&](uint32_t at) { return HashOf(companies_[at].name.view()); });
  return slot;
}

uint32_t Limiter::MakeUser(uint32_t company, std::string_view name) {
  const uint32_t found = FindUser(company, name);
  if (found != kNone) return found;
  const uint32_t slot = TakeSlot(&users_, &free_user_, &User::chain);
  users_[slot].name = Text(name);
  users_[slot].company = company;
  text_bytes_ += name.size();
  user_index_.Insert(
      slot, [&](uint32_t at) -> uint32_t& { return users_[at].chain; },
      [&](uint32_t at) {
        return HashOf(users_[at].company, users_[at].name.view());
      });
  return slot;
}

uint32_t Limiter::MakeLease(const LeaseRequest& request, uint32_t company,
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
  ++companies_[company].held;
  ++held_;

  if (options_.evict_oldest && request.evictable) {
    HeapPush(&companies_[company], slot);
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
  const uint32_t company = holder.company;
  Company& home = companies_[company];

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
          return HashOf(users_[at].company, users_[at].name.view());
        });
    GiveSlot(&users_, &free_user_, &User::chain, user);
  }
  if (--home.held == 0) {
    text_bytes_ -= home.name.size;
    company_index_.Erase(
        company, [&](uint32_t at) -> uint32_t& { return companies_[at].chain; },
        [&](uint32_t at) { return HashOf(companies_[at].name.view()); });
    GiveSlot(&companies_, &free_company_, &Company::chain, company);
  }
  if (--held_ == 0 && leases_.size() > kKeptSlots) {
    // Serials go on counting, so no old lease id comes to life in a new slot.
    leases_ = std::deque<Lease>();
    users_ = std::deque<User>();
    companies_ = std::deque<Company>();
    free_lease_ = free_user_ = free_company_ = kNone;
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

uint32_t Limiter::OldestOfCompany(uint32_t company) {
  // Keys are lower bounds of when each was alive, which only grows. So a top
  // whose key is up to date is the oldest; one that is not sinks to where it
  // belongs.
  Company& home = companies_[company];
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

void Limiter::HeapPush(Company* company, uint32_t slot) {
  company->heap.push_back(slot);
  HeapSet(company, company->heap.size() - 1, slot);
  HeapUp(company, company->heap.size() - 1);
}

void Limiter::HeapErase(Company* company, uint32_t slot) {
  const size_t at = leases_[slot].heap_at;
  const uint32_t last = company->heap.back();
  company->heap.pop_back();
  leases_[slot].heap_at = kNone;
  if (last == slot) return;
  HeapSet(company, at, last);
  HeapDown(company, HeapUp(company, at));
}

void Limiter::HeapSet(Company* company, size_t at, uint32_t slot) {
  company->heap[at] = slot;
  leases_[slot].heap_at = static_cast<uint32_t>(at);
}

size_t Limiter::HeapUp(Company* company, size_t at) {
  const uint32_t slot = company->heap[at];
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!Older(slot, company->heap[parent])) break;
    HeapSet(company, at, company->heap[parent]);
    at = parent;
  }
  HeapSet(company, at, slot);
  return at;
}

void Limiter::HeapDown(Company* company, size_t at) {
  const uint32_t slot = company->heap[at];
  for (;;) {
    size_t child = at * 2 + 1;
    if (child >= company->heap.size()) break;
    if (child + 1 < company->heap.size() &&
        Older(company->heap[child + 1], company->heap[child])) {
      ++child;
    }
    if (!Older(company->heap[child], slot)) break;
    HeapSet(company, at, company->heap[child]);
    at = child;
  }
  HeapSet(company, at, slot);
}

}  // namespace pathcast
