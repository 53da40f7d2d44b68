#include "core/path_set.h"

namespace pathcast {

void PathSet::Merge(const PathSet& other) {
  overflow_ = overflow_ || other.overflow_;
  if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
  for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

size_t PathSet::Count() const {
  size_t count = 0;
  for (const uint64_t word : words_) {
    count += static_cast<size_t>(std::popcount(word));
  }
  return count;
}

// No word of a set is ever unset, so one that has words has members.
bool PathSet::Empty() const { return words_.empty() && !overflow_; }

void PathSet::Clear() {
  words_ = std::vector<uint64_t>();  // clear() would keep the memory.
  overflow_ = false;
}

}  // namespace pathcast
