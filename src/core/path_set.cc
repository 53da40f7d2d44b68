#include "core/path_set.h"

namespace pathcast {

void PathSet::Merge(const PathSet& other) {
  overflow_ = overflow_ || other.overflow_;
  if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
  for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

}  // namespace pathcast
