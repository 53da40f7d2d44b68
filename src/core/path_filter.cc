#include "core/path_filter.h"

#include <algorithm>
#include <functional>

#include "core/shrink.h"

namespace pathcast {

namespace {

using Hashes = std::vector<uint64_t>;

uint64_t HashOf(std::string_view name) {
  return std::hash<std::string_view>()(name);
}

void SortUnique(Hashes* hashes) {
  std::sort(hashes->begin(), hashes->end());
  hashes->erase(std::unique(hashes->begin(), hashes->end()), hashes->end());
  ShrinkToFit(hashes);
}

// Sorted both. The usual action has one path, the usual filter a few: then
// each of the few is looked up.
bool HaveOneInCommon(const Hashes& a, const Hashes& b) {
  const Hashes& few = a.size() < b.size() ? a : b;
  const Hashes& many = a.size() < b.size() ? b : a;
  constexpr size_t kWorthSearching = 8;
  if (few.size() * kWorthSearching <= many.size()) {
    return std::any_of(few.begin(), few.end(), [&](uint64_t hash) {
      return std::binary_search(many.begin(), many.end(), hash);
    });
  }
  for (auto x = few.begin(), y = many.begin();
       x != few.end() && y != many.end();) {
    if (*x == *y) return true;
    *x < *y ? ++x : ++y;
  }
  return false;
}

}  // namespace

void HashedPaths::Add(std::string_view path) {
  own_.push_back(HashOf(path));
  above_.push_back(own_.back());
  if (own_.size() == 1) above_.push_back(HashOf("*"));
  for (size_t dot = path.find('.', 1); dot != std::string_view::npos;
       dot = path.find('.', dot + 1)) {
    above_.push_back(HashOf(path.substr(0, dot)));
  }
}

void HashedPaths::Seal() {
  SortUnique(&own_);
  SortUnique(&above_);
}

bool HashedPaths::Meets(const HashedPaths& other) const {
  return HaveOneInCommon(own_, other.above_) ||
         HaveOneInCommon(above_, other.own_);
}

size_t HashedPaths::Bytes() const {
  return (own_.capacity() + above_.capacity()) * sizeof(uint64_t);
}

ActionPaths::ActionPaths(std::span<const uint32_t> ids,
                         const NameTable& names) {
  for (const uint32_t id : ids) {
    if (id == NameTable::kOverflow) {
      nameless = true;
    } else {
      paths.Add(names.Name(id));
    }
  }
  paths.Seal();
}

PathFilter::PathFilter(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) paths_.Add(path);
  paths_.Seal();
}

}  // namespace pathcast
