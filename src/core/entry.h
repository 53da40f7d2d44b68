// One item that travels to subscriptions: an action with its place in the log,
// or an ephemeral event.
//
// Owner: shared by reference count between the log, the delivery window and the
// backlogs of slow sinks. Thread: hub thread only, hence the plain counter. The
// bytes of a frame are encoded once per variant and shared by every connection.
#ifndef PATHCAST_CORE_ENTRY_H_
#define PATHCAST_CORE_ENTRY_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/filter.h"
#include "core/path_filter.h"
#include "core/where.h"
#include "core/wire.h"

namespace pathcast {

class Entry {
 public:
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  bool is_action() const { return seq != 0; }

  // The whole message, framed. `wrap` is what the app's transformer puts around
  // plain JSON. The view lives as long as the entry.
  std::string_view Frame(bool with_id, bool transformed, Framing framing,
                         const Wrap& wrap);

  // The JSON alone, untransformed.
  std::string_view Json() const { return plain_.Json(); }

  // What filters make of `paths`. Like a transformed frame, it comes to be when
  // the first stream asks for it, and the log does not count it.
  const ActionPaths& PathsForFilters(const NameTable& names) const {
    if (for_filters_ == nullptr) {
      for_filters_ = std::make_unique<ActionPaths>(paths, names);
    }
    return *for_filters_;
  }

  size_t Bytes() const {
    return plain_.text.size() + transformed_.text.size() + fields_.size() +
           sizeof(Entry);
  }

  // 0: an ephemeral event.
  uint64_t seq = 0;
  // The position of a client that has seen everything up to and including this
  // entry.
  uint64_t cursor_seq = 0;
  int64_t timestamp_ms = 0;
  int64_t arrived_ms = 0;
  int64_t published_us = 0;
  uint32_t module = 0;
  // What the log and the window count it as.
  uint32_t counted_bytes = 0;
  std::vector<uint32_t> paths;
  // Null: none of them is narrowed.
  std::unique_ptr<const WhereMap> where;
  // Of an action, told or with its place; both are views into fields_.
  std::string_view id;
  ActionView view;
  // What an action that waits for its place in the log makes stale, told ahead
  // of it: goes where the action would, and repeats the stream's cursor.
  bool told = false;

 private:
  friend class EntryRef;
  friend class EntryBuilder;
  Entry() = default;
  ~Entry() = default;

  // An SSE message as one HTTP chunk: what streams get whose head Node has
  // sent. The message itself, with or without its id line, is a part of it.
  struct Chunk {
    // Empty: not made.
    std::string text;
    // Of the id line.
    uint32_t message_begin = 0;
    // Of "data: ".
    uint32_t data_begin = 0;
    std::string_view Message(bool with_id) const;
    std::string_view Json() const;
  };
  // Frames that few streams want; each is empty until one does. The first index
  // is `transformed`.
  struct Rare {
    std::string chunk_without_id[2];
    // The second index is `with_id`.
    std::string record[2][2];
  };
  const Chunk& Transformed(const Wrap& wrap);
  std::string_view Id() const;

  uint32_t refs_ = 0;
  Chunk plain_;
  // Made when asked for, or by the app's transformer.
  Chunk transformed_;
  std::unique_ptr<Rare> rare_;
  std::string fields_;
  mutable std::unique_ptr<ActionPaths> for_filters_;
};

class EntryRef {
 public:
  EntryRef() = default;
  explicit EntryRef(Entry* entry) : entry_(entry) {
    if (entry_ != nullptr) ++entry_->refs_;
  }
  EntryRef(const EntryRef& other) : EntryRef(other.entry_) {}
  EntryRef(EntryRef&& other) noexcept
      : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryRef& operator=(EntryRef other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryRef() {
    if (entry_ != nullptr && --entry_->refs_ == 0) delete entry_;
  }
  Entry* get() const { return entry_; }
  Entry* operator->() const { return entry_; }
  Entry& operator*() const { return *entry_; }
  explicit operator bool() const { return entry_ != nullptr; }

 private:
  Entry* entry_ = nullptr;
};

// What an entry is made of. Views need live only until Make returns.
struct EntryText {
  // JSON up to the seq; the whole JSON of an ephemeral event.
  std::string_view head;
  // JSON after the seq.
  std::string_view tail;
  // Through the app's transformer where that is more than a wrap; empty
  // otherwise.
  std::string_view transformed_head;
  std::string_view transformed_tail;
  // Said after the seq.
  uint64_t spread_ms = 0;
};

struct EntryFields {
  std::string_view id;
  ActionView view;
};

class EntryBuilder {
 public:
  static EntryRef Action(std::string_view epoch, uint64_t seq,
                         const EntryText& text, const EntryFields& fields);
  // `cursor_seq` is the head of the log: in the tRPC dialect the frame repeats
  // that cursor.
  static EntryRef Ephemeral(std::string_view epoch, uint64_t cursor_seq,
                            const EntryText& text);
  // `invalidate`: its whole JSON, which says no seq.
  static EntryRef Told(std::string_view epoch, uint64_t cursor_seq,
                       std::string_view invalidate, const EntryFields& fields);

 private:
  friend class Entry;
  static void SetFields(Entry* entry, const EntryFields& fields);
  static void Encode(Entry* entry, std::string_view epoch,
                     const EntryText& text);
  static void Encode(Entry::Chunk* chunk, std::string_view id_line,
                     std::initializer_list<std::string_view> json);
};

}  // namespace pathcast

#endif  // PATHCAST_CORE_ENTRY_H_
