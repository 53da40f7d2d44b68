// What one stream lets through: EngineFilter of lib/internal/engine.ts.
//
// Its rules never change; hub thread only. A filter that lets everything
// through, the usual one, costs one null pointer.
#ifndef PATHCAST_CORE_FILTER_H_
#define PATHCAST_CORE_FILTER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/name_table.h"

namespace pathcast {

class Entry;

// The parts of an action that filters look at; views into the log's entry.
struct ActionView {
  std::string_view module;
  std::string_view entity_id;
  std::string_view client_id;  // Empty: none.
  std::string_view user_id;    // Empty: the caller did not say.
  std::string_view source_id;  // Empty: none.
};

// An absent part lets everything through; an empty list is not absent.
struct FilterSpec {
  // Pass if the action has no client or one of these.
  std::optional<std::vector<std::string>> client_ids = {};
  // Pass if the action's module is one of these.
  std::optional<std::vector<std::string>> modules = {};
  // Pass if the action's entity is `*` or one of these.
  std::optional<std::vector<std::string>> entities = {};
  // Pass if the action's paths and these meet: see PathFilter.
  std::optional<std::vector<std::string>> query_paths = {};
  // Leave out actions from here. An empty one leaves nothing out.
  std::optional<std::string> exclude_source_id = {};
  // Leave out actions of this user; "" leaves out those of nobody known.
  std::optional<std::string> exclude_user_id = {};
};

class Filter {
 public:
  // Lets everything through.
  Filter();
  explicit Filter(FilterSpec spec);
  ~Filter();
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;

  // Allocates nothing, but where the first filter with query paths sees an
  // entry. REQUIRES: entry.is_action(); its paths are of `names`.
  bool Passes(const Entry& entry, const NameTable& names) const {
    return rules_ == nullptr || PassesRules(entry, names);
  }
  // All rules but that of the query paths.
  bool Passes(const ActionView& action) const {
    return rules_ == nullptr || PassesRules(action);
  }
  bool PassesAll() const { return rules_ == nullptr; }
  // What it was made of, in order and without doubles.
  FilterSpec Spec() const;
  // Heap bytes.
  size_t Bytes() const;

 private:
  struct Rules;

  bool PassesRules(const ActionView& action) const;
  bool PassesRules(const Entry& entry, const NameTable& names) const;

  std::unique_ptr<Rules> rules_;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_FILTER_H_
