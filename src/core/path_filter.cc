#include "core/path_filter.h"

#include <string_view>

namespace pathcast {

namespace {

// Calls fn(id) for each path above this one that has a name, `*` included.
template <class Fn>
void ForEachAbove(std::string_view path, const NameTable& names, Fn&& fn) {
  auto visit = [&](std::string_view above) {
    const uint32_t id = names.Find(above);
    if (id != NameTable::kOverflow) fn(id);
  };
  visit("*");
  for (size_t dot = path.find('.'); dot != std::string_view::npos;
       dot = path.find('.', dot + 1)) {
    visit(path.substr(0, dot));
  }
}

}  // namespace

void ActionPaths::Refresh(std::span<const uint32_t> ids,
                          const NameTable& names) {
  if (known_names_ == names.size()) return;
  known_names_ = names.size();
  paths_.Clear();
  above_.Clear();
  for (const uint32_t id : ids) {
    if (id == NameTable::kOverflow) {
      overflow_ = true;
      continue;
    }
    paths_.Add(id);
    above_.Add(id);
    ForEachAbove(names.Name(id), names,
                 [this](uint32_t above) { above_.Add(above); });
  }
}

void PathFilter::Refresh(NameTable* names) {
  if (known_names_ == names->size()) return;
  for (const std::string& text : texts_) paths_.Add(names->Intern(text));
  known_names_ = names->size();
  above_ = paths_;
  for (const std::string& text : texts_) {
    ForEachAbove(text, *names, [this](uint32_t above) { above_.Add(above); });
  }
}

bool PathFilter::Meets(std::span<const uint32_t> ids, ActionPaths* action,
                       NameTable* names) {
  if (texts_.empty() || ids.empty()) return false;
  // First its own, which may make names.
  Refresh(names);
  if (paths_.overflow()) return true;
  action->Refresh(ids, *names);
  return action->overflow_ || paths_.Meets(action->above_) ||
         above_.Meets(action->paths_);
}

size_t PathFilter::Bytes() const {
  // What fits into a string itself takes no heap.
  static const size_t inside = std::string().capacity();
  size_t bytes =
      texts_.capacity() * sizeof(std::string) + paths_.Bytes() + above_.Bytes();
  for (const std::string& text : texts_) {
    if (text.capacity() > inside) bytes += text.capacity() + 1;
  }
  return bytes;
}

}  // namespace pathcast
