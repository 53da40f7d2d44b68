#include "core/filter.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/entry.h"
#include "core/path_filter.h"
#include "core/shrink.h"

namespace pathcast {
namespace {

using List = std::optional<std::vector<std::string>>;

// Binary search wants order; at most 256 values, so that is eight comparisons.
void Normalise(List* list) {
  if (!list->has_value()) return;
  std::vector<std::string>& values = **list;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  ShrinkToFit(&values);
}

bool Has(const std::vector<std::string>& values, std::string_view value) {
  return std::binary_search(values.begin(), values.end(), value, std::less<>());
}

size_t TextBytes(const std::string& text) {
  // What fits into the object itself takes no heap.
  static const size_t inside = std::string().capacity();
  return text.capacity() > inside ? text.capacity() + 1 : 0;
}

size_t ListBytes(const List& list) {
  if (!list.has_value()) return 0;
  size_t bytes = list->capacity() * sizeof(std::string);
  for (const std::string& value : *list) bytes += TextBytes(value);
  return bytes;
}

}  // namespace

struct Filter::Rules {
  // Lists sorted, without doubles. `query_paths` is only told, never asked.
  const FilterSpec spec;
  std::optional<PathFilter> paths;
};

Filter::Filter() = default;
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

Filter::Filter(FilterSpec spec) {
  if (spec.exclude_source_id == "") spec.exclude_source_id.reset();
  if (!spec.client_ids && !spec.modules && !spec.entities &&
      !spec.query_paths && !spec.exclude_source_id && !spec.exclude_user_id) {
    return;
  }
  Normalise(&spec.client_ids);
  Normalise(&spec.modules);
  Normalise(&spec.entities);
  Normalise(&spec.query_paths);
  std::optional<PathFilter> paths;
  if (spec.query_paths) paths.emplace(*spec.query_paths);
  rules_.reset(new Rules{std::move(spec), std::move(paths)});
}

bool Filter::PassesRules(const ActionView& action) const {
  const FilterSpec& rules = rules_->spec;
  if (rules.client_ids && !action.client_id.empty() &&
      !Has(*rules.client_ids, action.client_id)) {
    return false;
  }
  if (rules.modules && action.module != "*" &&
      !Has(*rules.modules, action.module)) {
    return false;
  }
  if (rules.entities && action.entity_id != "*" &&
      !Has(*rules.entities, action.entity_id)) {
    return false;
  }
  if (rules.exclude_source_id && action.source_id == *rules.exclude_source_id) {
    return false;
  }
  return !rules.exclude_user_id || action.user_id != *rules.exclude_user_id;
}

bool Filter::PassesRules(const Entry& entry, const NameTable& names) const {
  if (!PassesRules(entry.view)) return false;
  return !rules_->paths || rules_->paths->Meets(entry.PathsForFilters(names));
}

FilterSpec Filter::Spec() const {
  if (rules_ == nullptr) return {};
  return rules_->spec;
}

size_t Filter::Bytes() const {
  if (rules_ == nullptr) return 0;
  const FilterSpec& spec = rules_->spec;
  size_t bytes = sizeof(Rules) + ListBytes(spec.client_ids) +
                 ListBytes(spec.modules) + ListBytes(spec.entities) +
                 ListBytes(spec.query_paths);
  if (rules_->paths) bytes += rules_->paths->Bytes();
  for (const auto& text : {&spec.exclude_source_id, &spec.exclude_user_id}) {
    if (text->has_value()) bytes += TextBytes(**text);
  }
  return bytes;
}

}  // namespace pathcast
