// A set of NameTable ids: a bitset that grows to its greatest member.
//
// A value; hub thread only. Costs one bit per name up to that member: a few
// dozen words for the names of an app, and never more than 16 KiB, since the
// names of a tenant are bounded (kMaxPathNames, and as many of the router).
#ifndef PATHCAST_CORE_PATH_SET_H_
#define PATHCAST_CORE_PATH_SET_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/name_table.h"

namespace pathcast {

class PathSet {
 public:
  // Adding NameTable::kOverflow sets overflow(): the set then means everything.
  void Add(uint32_t id) {
    if (id == NameTable::kOverflow) {
      overflow_ = true;
      return;
    }
    const size_t word = id / kBits;
    if (word >= words_.size()) words_.resize(word + 1, 0);
    words_[word] |= uint64_t{1} << (id % kBits);
  }

  // Adds all of `other`, its overflow included.
  void Merge(const PathSet& other);

  // True for every id once overflow() is set.
  bool Contains(uint32_t id) const {
    if (overflow_) return true;
    const size_t word = id / kBits;
    return word < words_.size() && (words_[word] >> (id % kBits) & 1) != 0;
  }

  // A member was NameTable::kOverflow, so the set means everything.
  bool overflow() const { return overflow_; }
  // Heap bytes.
  size_t Bytes() const { return words_.capacity() * sizeof(uint64_t); }

  // Calls fn(uint32_t id) for each id, lowest (first interned) first.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        fn(static_cast<uint32_t>(i * kBits) +
           static_cast<uint32_t>(std::countr_zero(word)));
      }
    }
  }

 private:
  static constexpr size_t kBits = 64;

  std::vector<uint64_t> words_;
  bool overflow_ = false;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_PATH_SET_H_
