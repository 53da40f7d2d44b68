// A set of the numbers below a bound, made to be filled, read in order and
// emptied again and again: a bitset under a bitset of the words that are used,
// so that reading and emptying cost what is in it, not what could be.
//
// Owner and thread: whoever does the work it is scratch for. Allocates at
// construction only.
#ifndef PATHCAST_PATHS_NODE_SET_H_
#define PATHCAST_PATHS_NODE_SET_H_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pathcast {

class NodeSet {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Takes the members 0 to bound - 1.
  explicit NodeSet(uint32_t bound)
      : words_(bound / kBits + 1, 0),
        used_((words_.size() - 1) / kBits + 1, 0),
        bound_(bound) {}
  NodeSet(const NodeSet&) = delete;
  NodeSet& operator=(const NodeSet&) = delete;

  uint32_t bound() const { return bound_; }

  // REQUIRES: id < bound().
  void Add(uint32_t id) {
    assert(id < bound_);
    AddWord(id / kBits, uint64_t{1} << (id % kBits));
  }

  // Adds the members of one word of a bitset. REQUIRES: mask != 0, and all of
  // them are below bound().
  void AddWord(uint32_t index, uint64_t mask) {
    assert(mask != 0 && index < words_.size());
    words_[index] |= mask;
    used_[index / kBits] |= uint64_t{1} << (index % kBits);
  }

  // The first member at or after `from`, or kNone. REQUIRES: from <= bound().
  uint32_t Next(uint32_t from) const {
    assert(from <= bound_);
    uint32_t index = from / kBits;
    uint64_t word = words_[index] & (~uint64_t{0} << (from % kBits));
    if (word == 0) {
      index = NextUsed(index + 1);
      if (index == kNone) return kNone;
      word = words_[index];
    }
    return index * kBits + static_cast<uint32_t>(std::countr_zero(word));
  }

  void Clear() {
    for (size_t i = 0; i < used_.size(); ++i) {
      for (uint64_t used = used_[i]; used != 0; used &= used - 1) {
        words_[i * kBits + static_cast<size_t>(std::countr_zero(used))] = 0;
      }
      used_[i] = 0;
    }
  }

  // Heap bytes.
  size_t Bytes() const {
    return (words_.capacity() + used_.capacity()) * sizeof(uint64_t);
  }

 private:
  static constexpr uint32_t kBits = 64;

  uint32_t NextUsed(uint32_t index) const {
    size_t at = index / kBits;
    if (at >= used_.size()) return kNone;
    uint64_t used = used_[at] & (~uint64_t{0} << (index % kBits));
    while (used == 0) {
      if (++at == used_.size()) return kNone;
      used = used_[at];
    }
    return static_cast<uint32_t>(at) * kBits +
           static_cast<uint32_t>(std::countr_zero(used));
  }

  std::vector<uint64_t> words_;
  std::vector<uint64_t> used_;  // One bit a word that is not zero.
  const uint32_t bound_;
};

}  // namespace pathcast

#endif  // PATHCAST_PATHS_NODE_SET_H_
