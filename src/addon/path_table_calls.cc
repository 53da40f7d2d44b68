#include "addon/path_table_calls.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "paths/cascades.h"
#include "paths/path_table.h"

namespace pathcast {

namespace {

// The shared block; its memory stays where it is as long as this lives.
class NumberBlock {
 public:
  NumberBlock(Napi::Env env, size_t size) : size_(size) {
    // With a buffer of its own: V8 moves small typed arrays that have none.
    const auto buffer = Napi::ArrayBuffer::New(env, size * sizeof(uint32_t));
    auto array = Napi::Uint32Array::New(env, size, buffer, 0);
    data_ = array.Data();
    array_ = Napi::Persistent(array);
  }
  Napi::Value value() const { return array_.Value(); }
  std::span<uint32_t> numbers() const { return {data_, size_}; }

 private:
  Napi::Reference<Napi::Uint32Array> array_;
  const size_t size_;
  uint32_t* data_;
};

// What the functions of one table hold together.
struct TableState {
  TableState(Napi::Env env, std::shared_ptr<const PathTable> made)
      : table(std::move(made)), scratch(*table), io(env, table->node_count()) {}
  const std::shared_ptr<const PathTable> table;
  PathScratch scratch;
  NumberBlock io;
};

struct CascadesState {
  CascadesState(Napi::Env env, std::shared_ptr<const PathTable> table,
                const CascadeSpec& spec)
      : cascades(std::move(table), spec),
        io(env, cascades.table().node_count() + cascades.module_count()) {}
  Cascades cascades;
  NumberBlock io;
};

Napi::Value ThrowRange(Napi::Env env) {
  Napi::RangeError::New(env, "native path table: a number is out of range")
      .ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value ThrowArguments(Napi::Env env) {
  Napi::TypeError::New(env, "native path table: bad arguments")
      .ThrowAsJavaScriptException();
  return env.Undefined();
}

// An argument that counts numbers; more than any block holds when it is none.
uint32_t CountAt(const Napi::CallbackInfo& info, size_t index) {
  uint32_t count = UINT32_MAX;
  (void)napi_get_value_uint32(info.Env(), info[index], &count);
  return count;
}

Napi::Value CountToJs(Napi::Env env, size_t count) {
  napi_value value = nullptr;
  (void)napi_create_uint32(env, static_cast<uint32_t>(count), &value);
  return Napi::Value(env, value);
}

bool AllBelow(std::span<const uint32_t> numbers, uint32_t bound) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [bound](uint32_t number) { return number < bound; });
}

// Empty where the value is no Uint32Array; `*ok` is then false.
std::span<const uint32_t> NumbersOf(Napi::Value value, bool* ok) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    *ok = false;
    return {};
  }
  auto array = value.As<Napi::Uint32Array>();
  return {array.Data(), array.ElementLength()};
}

template <class Call>
void Define(Napi::Object object, const char* name, Call call) {
  object.Set(name, Napi::Function::New(object.Env(), std::move(call), name));
}

// close(count): how many; both in the block.
Napi::Value Close(CascadesState& state, const Napi::CallbackInfo& info) {
  const uint32_t count = CountAt(info, 0);
  const std::span<uint32_t> io = state.io.numbers();
  if (count > io.size() ||
      !AllBelow(io.first(count), state.cascades.table().node_count())) {
    return ThrowRange(info.Env());
  }
  return CountToJs(info.Env(), state.cascades.Close(io.first(count), io));
}

// closeFrom(count, modules): how many; nodes and modules in a row in the block.
Napi::Value CloseFrom(CascadesState& state, const Napi::CallbackInfo& info) {
  const uint32_t count = CountAt(info, 0);
  const uint32_t modules = CountAt(info, 1);
  const std::span<uint32_t> io = state.io.numbers();
  if (count > io.size() || modules > io.size() - count ||
      !AllBelow(io.first(count), state.cascades.table().node_count()) ||
      !AllBelow(io.subspan(count, modules), state.cascades.module_count())) {
    return ThrowRange(info.Env());
  }
  return CountToJs(info.Env(),
                   state.cascades.CloseFrom(io.first(count),
                                            io.subspan(count, modules), io));
}

// cascades(sizes, nodes, edges), each a Uint32Array: nodes per module, the
// nodes of all modules in a row, edges as pairs of modules.
Napi::Value CreateCascades(const TableState& table,
                           const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool ok = true;
  const std::span<const uint32_t> sizes = NumbersOf(info[0], &ok);
  std::span<const uint32_t> nodes = NumbersOf(info[1], &ok);
  const std::span<const uint32_t> edges = NumbersOf(info[2], &ok);
  if (!ok || edges.size() % 2 != 0) return ThrowArguments(env);
  if (!AllBelow(nodes, table.table->node_count()) ||
      !AllBelow(edges, static_cast<uint32_t>(sizes.size()))) {
    return ThrowRange(env);
  }
  CascadeSpec spec;
  spec.modules.reserve(sizes.size());
  for (const uint32_t size : sizes) {
    if (size > nodes.size()) return ThrowRange(env);
    spec.modules.emplace_back(nodes.begin(), nodes.begin() + size);
    nodes = nodes.subspan(size);
  }
  spec.edges.reserve(edges.size() / 2);
  for (size_t i = 0; i < edges.size(); i += 2) {
    spec.edges.emplace_back(edges[i], edges[i + 1]);
  }
  const auto state = std::make_shared<CascadesState>(env, table.table, spec);
  const Napi::Object object = Napi::Object::New(env);
  object.Set("io", state->io.value());
  Define(object, "close", [state](const Napi::CallbackInfo& call) {
    return Close(*state, call);
  });
  Define(object, "closeFrom", [state](const Napi::CallbackInfo& call) {
    return CloseFrom(*state, call);
  });
  return object;
}

// cover(count), expand(count): how many; both in the block.
template <size_t (PathTable::*operation)(PathScratch*, std::span<uint32_t>)
              const>
Napi::Value Run(TableState& state, const Napi::CallbackInfo& info) {
  const uint32_t count = CountAt(info, 0);
  const std::span<uint32_t> io = state.io.numbers();
  if (count > io.size() ||
      !AllBelow(io.first(count), state.table->node_count()))
    return ThrowRange(info.Env());
  for (const uint32_t node : io.first(count)) state.scratch.nodes.Add(node);
  return CountToJs(info.Env(), ((*state.table).*operation)(&state.scratch, io));
}

void SetColumns(Napi::Object object, const PathTable& table) {
  const Napi::Env env = object.Env();
  const uint32_t count = table.node_count();
  const Napi::Array names = Napi::Array::New(env, count);
  auto ends = Napi::Uint32Array::New(env, count);
  auto exact = Napi::Uint8Array::New(env, count);
  for (uint32_t node = 0; node < count; ++node) {
    const Napi::HandleScope scope(env);
    names.Set(node, Napi::String::New(env, table.NameOf(node)));
    ends[node] = table.end(node);
    exact[node] = table.exact(node) ? 1 : 0;
  }
  object.Set("names", names);
  object.Set("ends", ends);
  object.Set("exact", exact);
}

}  // namespace

Napi::Value CreatePathTable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t max_paths = CountAt(info, 1);
  if (!info[0].IsArray() || max_paths == 0 || max_paths == UINT32_MAX)
    return ThrowArguments(env);
  Arguments args(env);
  const auto list = info[0].As<Napi::Array>();
  const uint32_t length = list.Length();
  std::string text;
  std::vector<size_t> ends;
  ends.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::HandleScope scope(env);
    args.AppendString(&text, list.Get(i), "query");
    ends.push_back(text.size());
  }
  if (!args.Done()) return env.Undefined();
  std::vector<std::string_view> queries;
  queries.reserve(length);
  size_t from = 0;
  for (const size_t end : ends) {
    queries.push_back(std::string_view(text).substr(from, end - from));
    from = end;
  }
  const auto state = std::make_shared<TableState>(
      env, std::make_shared<const PathTable>(queries, max_paths));
  const Napi::Object object = Napi::Object::New(env);
  object.Set("io", state->io.value());
  SetColumns(object, *state->table);
  Define(object, "cover", [state](const Napi::CallbackInfo& call) {
    return Run<&PathTable::Cover>(*state, call);
  });
  Define(object, "expand", [state](const Napi::CallbackInfo& call) {
    return Run<&PathTable::Expand>(*state, call);
  });
  Define(object, "cascades", [state](const Napi::CallbackInfo& call) {
    return CreateCascades(*state, call);
  });
  return object;
}

}  // namespace pathcast
