// Strings interned to dense numbers: the query paths and the modules of one
// tenant's actions, so that sets of them are bitsets.
//
// Owned by the tenant's Channel, so that no tenant can use up the names of
// another; hub thread only. Append-only: an id stays good for the table's life,
// and so does the view that Name() returns. An empty one has no heap.
#ifndef PATHCAST_CORE_NAME_TABLE_H_
#define PATHCAST_CORE_NAME_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pathcast {

class NameTable {
 public:
  // Stands for every name that found no place.
  static constexpr uint32_t kOverflow = UINT32_MAX;

  // `max_names` bounds the names that Intern() makes, and as many again those
  // that Declare() makes; beyond it they return kOverflow for names that the
  // table does not know yet. REQUIRES: max_names < kOverflow / 2.
  explicit NameTable(uint32_t max_names);
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  // The id of `name`, which is copied when new. Ids count from 0 in the order
  // of first use.
  uint32_t Intern(std::string_view name);
  // The same for a name of the bound router: it has a place of its own, however
  // many others came.
  uint32_t Declare(std::string_view name);
  // The id of `name` if it has one, else kOverflow.
  uint32_t Find(std::string_view name) const;
  // REQUIRES: id < size().
  std::string_view Name(uint32_t id) const;

  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }
  // Heap bytes, estimated.
  size_t Bytes() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };

  uint32_t Make(std::string_view name);

  const uint32_t max_names_;
  uint32_t declared_ = 0;  // Made by Declare().
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> ids_;
  // By id: the keys of `ids_`, which never move.
  std::vector<const std::string*> names_;
  size_t text_bytes_ = 0;
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_NAME_TABLE_H_
