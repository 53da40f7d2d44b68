// The JavaScript classes around a path table and its cascades.
//
// Owner: their JavaScript objects; the cascades share the table, so the
// collector may take either first. Thread: the JavaScript thread that made
// them; no other thread knows them, so the environment's end needs no hook.
//
// Numbers cross in one block of memory that the object makes and JavaScript
// sees as `io`: arguments are written there before a call, results read after.
#ifndef PATHCAST_ADDON_PATH_TABLE_WRAP_H_
#define PATHCAST_ADDON_PATH_TABLE_WRAP_H_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/cascades.h"
#include "core/path_table.h"

namespace pathcast {

// The shared block. Its memory stays where it is as long as this lives.
class NumberBlock {
 public:
  void Make(Napi::Env env, size_t size);
  Napi::Value value() const { return array_.Value(); }
  std::span<uint32_t> numbers() const { return {data_, size_}; }

 private:
  Napi::Reference<Napi::Uint32Array> array_;
  uint32_t* data_ = nullptr;
  size_t size_ = 0;
};

class PathTableWrap final : public Napi::ObjectWrap<PathTableWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  // Null if the value is something else.
  static PathTableWrap* From(Napi::Env env, Napi::Value value);

  // new PathTable(queries: string[], maxPaths: number)
  explicit PathTableWrap(const Napi::CallbackInfo& info);

  const std::shared_ptr<const PathTable>& table() const { return table_; }

 private:
  // Leaves the table out, with an exception pending, where an argument is bad.
  void Make(const Napi::CallbackInfo& info);
  // False, with an exception pending, when `this` is not one of ours or one of
  // the first numbers of the block is no node; these are in the scratch now.
  bool Take(const Napi::CallbackInfo& info);

  Napi::Value Io(const Napi::CallbackInfo& info);
  Napi::Value Names(const Napi::CallbackInfo& info);
  Napi::Value Ends(const Napi::CallbackInfo& info);
  Napi::Value Exact(const Napi::CallbackInfo& info);
  Napi::Value Cover(const Napi::CallbackInfo& info);
  Napi::Value Expand(const Napi::CallbackInfo& info);

  std::shared_ptr<const PathTable> table_;
  std::optional<PathScratch> scratch_;
  NumberBlock io_;
};

class CascadesWrap final : public Napi::ObjectWrap<CascadesWrap> {
 public:
  static Napi::Function Define(Napi::Env env);

  // new Cascades(table, sizes, nodes, edges), the last three Uint32Array: nodes
  // per module, all modules' nodes in a row, edges as pairs
  explicit CascadesWrap(const Napi::CallbackInfo& info);

 private:
  void Make(const Napi::CallbackInfo& info);
  Napi::Value Io(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value CloseFrom(const Napi::CallbackInfo& info);

  std::unique_ptr<Cascades> cascades_;
  NumberBlock io_;
};

}  // namespace pathcast

#endif  // PATHCAST_ADDON_PATH_TABLE_WRAP_H_
