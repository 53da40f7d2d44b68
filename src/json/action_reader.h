// Reads the fields of an action that the hub works with out of its JSON.
//
// The one place where JSON is parsed. An object of one owner, one thread;
// reuse it: its buffers grow to the largest action and stay.
#ifndef PATHCAST_JSON_ACTION_READER_H_
#define PATHCAST_JSON_ACTION_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/where.h"

namespace pathcast {

// One key that one path is narrowed to: `where` of an action. JSON texts.
struct WhereTerm {
  std::string_view path;
  WhereKey key;
};

// Views are good until the reader's next Read() and as long as the JSON they
// were read from is neither changed nor freed.
struct ActionFields {
  std::string_view id;
  std::string_view module;
  std::string_view entity_id;
  std::string_view company_id;  // Empty: absent or null.
  std::string_view client_id;   // Empty: absent or null.
  std::string_view user_id;
  std::string_view source_id;  // Empty: absent or null.
  int64_t timestamp = 0;       // Unix ms, rounded down.
  std::vector<std::string_view> query_paths;
  // What the paths are narrowed to, as far as it can be read.
  std::vector<WhereTerm> where;
};

// What of the paths is narrowed, by their ids, in the order of query_paths;
// null: nothing.
std::unique_ptr<const WhereMap> MakeWhere(const ActionFields& fields,
                                          const std::vector<uint32_t>& ids);

class ActionReader {
 public:
  ActionReader();
  ~ActionReader();
  ActionReader(const ActionReader&) = delete;
  ActionReader& operator=(const ActionReader&) = delete;

  // Reads one JSON object, fields in any order, unknown ones skipped without
  // being decoded (`data` and `tx` may hold what is no valid Unicode). Of a
  // field that is there twice the last counts, as with JSON.parse. A lone
  // surrogate in a field that is read becomes U+FFFD.
  //
  // `id`, `type`, `module`, `entityId`, `timestamp` and `queryPaths` must be
  // there; `companyId`, `clientId`, `userId`, `sourceId` may be absent
  // or null.
  //
  // The text of `*json` stays as it is; its capacity may grow (the parser
  // reads past the end). kInvalid, naming the field where it is one, on
  // anything else; `*out` is then unspecified. kNoMemory.
  Status Read(std::string* json, ActionFields* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pathcast

#endif  // PATHCAST_JSON_ACTION_READER_H_
