#include "core/name_table.h"

#include <cassert>

namespace pathcast {

NameTable::NameTable(uint32_t max_names) : max_names_(max_names) {
  assert(max_names < kOverflow / 2);
}

uint32_t NameTable::Intern(std::string_view name) {
  const uint32_t known = Find(name);
  if (known != kOverflow || size() - declared_ >= max_names_) return known;
  return Make(name);
}

uint32_t NameTable::Declare(std::string_view name) {
  const uint32_t known = Find(name);
  if (known != kOverflow || declared_ >= max_names_) return known;
  ++declared_;
  return Make(name);
}

uint32_t NameTable::Make(std::string_view name) {
  const uint32_t id = size();
  names_.push_back(&ids_.emplace(name, id).first->first);
  text_bytes_ += name.size();
  return id;
}

uint32_t NameTable::Find(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? kOverflow : found->second;
}

std::string_view NameTable::Name(uint32_t id) const {
  assert(id < size());
  return *names_[id];
}

size_t NameTable::Bytes() const {
  // A map node: link, cached hash, key, value, padded.
  constexpr size_t kNode = 24 + sizeof(std::string);
  return names_.size() * kNode + names_.capacity() * sizeof(void*) +
         text_bytes_ + ids_.bucket_count() * sizeof(void*);
}

}  // namespace pathcast
