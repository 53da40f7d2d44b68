// A set of small numbers as the words of a bitset that are not zero: to meet
// or join a dense bitset costs one AND or OR per such word.
//
// A value; the thread of its owner.
#ifndef PATHCAST_PATHS_SPARSE_BITS_H_
#define PATHCAST_PATHS_SPARSE_BITS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pathcast {

class SparseBits {
 public:
  static constexpr uint32_t kBits = 64;

  struct Word {
    uint64_t mask;
    uint32_t index;  // The word of the dense bitset; ascending, each once.
  };

  // Adds a member. In ascending order it is an append, else it looks for the
  // member's place.
  void Add(uint32_t id) {
    const uint32_t index = id / kBits;
    const uint64_t mask = uint64_t{1} << (id % kBits);
    size_t at = words_.size();
    while (at > 0 && words_[at - 1].index > index) --at;
    if (at > 0 && words_[at - 1].index == index) {
      words_[at - 1].mask |= mask;
    } else {
      words_.insert(words_.begin() + static_cast<std::ptrdiff_t>(at),
                    Word{mask, index});
    }
  }

  std::span<const Word> words() const { return words_; }
  // Heap bytes.
  size_t Bytes() const { return words_.capacity() * sizeof(Word); }

 private:
  std::vector<Word> words_;
};

}  // namespace pathcast

#endif  // PATHCAST_PATHS_SPARSE_BITS_H_
