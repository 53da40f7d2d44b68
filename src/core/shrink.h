// Gives the unused memory of a vector back.
//
// Not `shrink_to_fit`: libstdc++ makes that a no-op where exceptions are off,
// which they are in all of src (test/native/memory_test.cc).
#ifndef PATHCAST_CORE_SHRINK_H_
#define PATHCAST_CORE_SHRINK_H_

#include <iterator>
#include <utility>
#include <vector>

namespace pathcast {

template <class T>
void ShrinkToFit(std::vector<T>* vector) {
  if (vector->capacity() == vector->size()) return;
  std::vector<T> exact;
  exact.reserve(vector->size());
  exact.insert(exact.end(), std::make_move_iterator(vector->begin()),
               std::make_move_iterator(vector->end()));
  vector->swap(exact);
}

}  // namespace pathcast

#endif  // PATHCAST_CORE_SHRINK_H_
