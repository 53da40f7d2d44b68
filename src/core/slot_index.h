// A hash index over records that live in an array: chained, intrusive, 8 bytes
// a record (4 in the bucket, 4 for the chain inside the record itself).
//
// Belongs to the owner of the array; same thread. Holds positions, never
// pointers, so the array may move. std::unordered_set would cost 40 bytes each.
#ifndef PATHCAST_CORE_SLOT_INDEX_H_
#define PATHCAST_CORE_SLOT_INDEX_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pathcast {

class SlotIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `next(slot)` is a reference to the uint32_t inside the record that the
  // chain runs through; `equal(slot)` and `hash(slot)` look at the record.

  // The slot with that hash for which equal(slot) holds, or kNone.
  template <class Next, class Equal>
  uint32_t Find(size_t hash, Next next, Equal equal) const {
    if (buckets_.empty()) return kNone;
    for (uint32_t slot = buckets_[hash & (buckets_.size() - 1)]; slot != kNone;
         slot = next(slot)) {
      if (equal(slot)) return slot;
    }
    return kNone;
  }

  // REQUIRES: no equal record is in the index.
  template <class Next, class Hash>
  void Insert(uint32_t slot, Next next, Hash hash) {
    if (size_ >= buckets_.size()) Rehash(buckets_.size() * 2, next, hash);
    Link(&buckets_, slot, next, hash);
    ++size_;
  }

  // REQUIRES: `slot` is in the index and its record still intact.
  template <class Next, class Hash>
  void Erase(uint32_t slot, Next next, Hash hash) {
    uint32_t* link = &buckets_[hash(slot) & (buckets_.size() - 1)];
    while (*link != slot) {
      assert(*link != kNone);
      link = &next(*link);
    }
    *link = next(slot);
    --size_;
    // Shrinks at an eighth full, so that a passing crowd leaves nothing behind.
    if (size_ == 0) {
      buckets_ = std::vector<uint32_t>();
    } else if (buckets_.size() > kMinBuckets && size_ * 8 < buckets_.size()) {
      Rehash(buckets_.size() / 4, next, hash);
    }
  }

  size_t size() const { return size_; }
  // Heap bytes.
  size_t Bytes() const { return buckets_.capacity() * sizeof(uint32_t); }

 private:
  static constexpr size_t kMinBuckets = 16;  // A power of two, as all sizes.

  template <class Next, class Hash>
  void Link(std::vector<uint32_t>* buckets, uint32_t slot, Next next,
            Hash hash) {
    uint32_t& head = (*buckets)[hash(slot) & (buckets->size() - 1)];
    next(slot) = head;
    head = slot;
  }

  template <class Next, class Hash>
  void Rehash(size_t wanted, Next next, Hash hash) {
    std::vector<uint32_t> buckets(wanted < kMinBuckets ? kMinBuckets : wanted,
                                  kNone);
    for (uint32_t slot : buckets_) {
      while (slot != kNone) {
        const uint32_t following = next(slot);
        Link(&buckets, slot, next, hash);
        slot = following;
      }
    }
    buckets_ = std::move(buckets);
  }

  std::vector<uint32_t> buckets_;
  size_t size_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_SLOT_INDEX_H_
