#include "addon/path_table_wrap.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "addon/arguments.h"

namespace pathcast {

namespace {

constexpr napi_type_tag kTableTag = {0x70617468636173'74, 0x70617468'7461626c};
constexpr napi_type_tag kCascadesTag = {0x70617468636173'74,
                                        0x63617363'61646573};

bool HasTag(Napi::Env env, napi_value value, const napi_type_tag& tag) {
  bool ours = false;
  return napi_check_object_type_tag(env, value, &tag, &ours) == napi_ok && ours;
}

bool IsOne(const Napi::CallbackInfo& info, const napi_type_tag& tag,
           const void* made) {
  if (made != nullptr && HasTag(info.Env(), info.This(), tag)) return true;
  Napi::TypeError::New(info.Env(), "native path table: not one of these")
      .ThrowAsJavaScriptException();
  return false;
}

void ThrowRange(Napi::Env env) {
  Napi::RangeError::New(env, "native path table: a number is out of range")
      .ThrowAsJavaScriptException();
}

void ThrowArguments(Napi::Env env) {
  Napi::TypeError::New(env, "native path table: bad arguments")
      .ThrowAsJavaScriptException();
}

// An argument that counts numbers; more than any block holds when it is none.
uint32_t CountAt(const Napi::CallbackInfo& info, size_t index) {
  uint32_t count = UINT32_MAX;
  (void)napi_get_value_uint32(info.Env(), info[index], &count);
  return count;
}

bool AllBelow(std::span<const uint32_t> numbers, uint32_t bound) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [bound](uint32_t number) { return number < bound; });
}

Napi::Value CountToJs(const Napi::CallbackInfo& info, size_t count) {
  return Napi::Number::New(info.Env(), static_cast<double>(count));
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

}  // namespace

void NumberBlock::Make(Napi::Env env, size_t size) {
  // Memory of its own even where it is small: V8 would move a small typed array
  // that was made without a buffer.
  const Napi::ArrayBuffer buffer =
      Napi::ArrayBuffer::New(env, size * sizeof(uint32_t));
  Napi::Uint32Array array = Napi::Uint32Array::New(env, size, buffer, 0);
  data_ = array.Data();
  size_ = size;
  array_ = Napi::Persistent(array);
}

Napi::Function PathTableWrap::Define(Napi::Env env) {
  return DefineClass(env, "PathTable",
                     {InstanceMethod<&PathTableWrap::Io>("io"),
                      InstanceMethod<&PathTableWrap::Names>("names"),
                      InstanceMethod<&PathTableWrap::Ends>("ends"),
                      InstanceMethod<&PathTableWrap::Exact>("exact"),
                      InstanceMethod<&PathTableWrap::Cover>("cover"),
                      InstanceMethod<&PathTableWrap::Expand>("expand")});
}

PathTableWrap* PathTableWrap::From(Napi::Env env, Napi::Value value) {
  if (!value.IsObject() || !HasTag(env, value, kTableTag)) return nullptr;
  PathTableWrap* wrap = Unwrap(value.As<Napi::Object>());
  return wrap == nullptr || wrap->table_ == nullptr ? nullptr : wrap;
}

PathTableWrap::PathTableWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PathTableWrap>(info) {
  Make(info);
}

void PathTableWrap::Make(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t max_paths = CountAt(info, 1);
  if (napi_type_tag_object(env, info.This(), &kTableTag) != napi_ok ||
      !info[0].IsArray() || max_paths == 0 || max_paths == UINT32_MAX) {
    return ThrowArguments(env);
  }
  Arguments args(env);
  const auto list = info[0].As<Napi::Array>();
  const uint32_t length = list.Length();
  std::vector<size_t> ends;
  std::string text;
  ends.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::HandleScope scope(env);
    args.AppendString(&text, list.Get(i), "query");
    ends.push_back(text.size());
  }
  if (!args.Done()) return;
  std::vector<std::string_view> queries;
  queries.reserve(length);
  size_t from = 0;
  for (const size_t end : ends) {
    queries.push_back(std::string_view(text).substr(from, end - from));
    from = end;
  }
  table_ = std::make_shared<const PathTable>(queries, max_paths);
  scratch_.emplace(*table_);
  io_.Make(env, table_->node_count());
}

Napi::Value PathTableWrap::Io(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kTableTag, table_.get())) return info.Env().Undefined();
  return io_.value();
}

Napi::Value PathTableWrap::Names(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!IsOne(info, kTableTag, table_.get())) return env.Undefined();
  const Napi::Array names = Napi::Array::New(env, table_->node_count());
  for (uint32_t node = 0; node < table_->node_count(); ++node) {
    const Napi::HandleScope scope(env);
    names.Set(node, Napi::String::New(env, table_->NameOf(node)));
  }
  return names;
}

Napi::Value PathTableWrap::Ends(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kTableTag, table_.get())) return info.Env().Undefined();
  auto ends = Napi::Uint32Array::New(info.Env(), table_->node_count());
  for (uint32_t node = 0; node < table_->node_count(); ++node) {
    ends[node] = table_->end(node);
  }
  return ends;
}

Napi::Value PathTableWrap::Exact(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kTableTag, table_.get())) return info.Env().Undefined();
  auto exact = Napi::Uint8Array::New(info.Env(), table_->node_count());
  for (uint32_t node = 0; node < table_->node_count(); ++node) {
    exact[node] = table_->exact(node) ? 1 : 0;
  }
  return exact;
}

bool PathTableWrap::Take(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kTableTag, table_.get())) return false;
  const uint32_t count = CountAt(info, 0);
  if (count > io_.numbers().size() ||
      !AllBelow(io_.numbers().first(count), table_->node_count())) {
    ThrowRange(info.Env());
    return false;
  }
  for (const uint32_t node : io_.numbers().first(count)) {
    scratch_->nodes.Add(node);
  }
  return true;
}

// cover(count): how many; both in the block.
Napi::Value PathTableWrap::Cover(const Napi::CallbackInfo& info) {
  if (!Take(info)) return info.Env().Undefined();
  return CountToJs(info, table_->Cover(&*scratch_, io_.numbers()));
}

// expand(count): how many; both in the block.
Napi::Value PathTableWrap::Expand(const Napi::CallbackInfo& info) {
  if (!Take(info)) return info.Env().Undefined();
  return CountToJs(info, table_->Expand(&*scratch_, io_.numbers()));
}

Napi::Function CascadesWrap::Define(Napi::Env env) {
  return DefineClass(env, "Cascades",
                     {InstanceMethod<&CascadesWrap::Io>("io"),
                      InstanceMethod<&CascadesWrap::Close>("close"),
                      InstanceMethod<&CascadesWrap::CloseFrom>("closeFrom")});
}

CascadesWrap::CascadesWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<CascadesWrap>(info) {
  Make(info);
}

void CascadesWrap::Make(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PathTableWrap* wrap = PathTableWrap::From(env, info[0]);
  bool ok = wrap != nullptr &&
            napi_type_tag_object(env, info.This(), &kCascadesTag) == napi_ok;
  const std::span<const uint32_t> sizes = NumbersOf(info[1], &ok);
  std::span<const uint32_t> nodes = NumbersOf(info[2], &ok);
  const std::span<const uint32_t> edges = NumbersOf(info[3], &ok);
  if (!ok || edges.size() % 2 != 0) return ThrowArguments(env);
  if (!AllBelow(nodes, wrap->table()->node_count()) ||
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
  cascades_ = std::make_unique<Cascades>(wrap->table(), spec);
  io_.Make(env, wrap->table()->node_count() + cascades_->module_count());
}

Napi::Value CascadesWrap::Io(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kCascadesTag, cascades_.get()))
    return info.Env().Undefined();
  return io_.value();
}

// close(count): how many; both in the block.
Napi::Value CascadesWrap::Close(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kCascadesTag, cascades_.get()))
    return info.Env().Undefined();
  const uint32_t count = CountAt(info, 0);
  const std::span<uint32_t> io = io_.numbers();
  if (count > io.size() ||
      !AllBelow(io.first(count), cascades_->table().node_count())) {
    ThrowRange(info.Env());
    return info.Env().Undefined();
  }
  return CountToJs(info, cascades_->Close(io.first(count), io));
}

// closeFrom(count, modules): how many; nodes and modules in a row in the block.
Napi::Value CascadesWrap::CloseFrom(const Napi::CallbackInfo& info) {
  if (!IsOne(info, kCascadesTag, cascades_.get()))
    return info.Env().Undefined();
  const uint32_t count = CountAt(info, 0);
  const uint32_t modules = CountAt(info, 1);
  const std::span<uint32_t> io = io_.numbers();
  if (count > io.size() || modules > io.size() - count ||
      !AllBelow(io.first(count), cascades_->table().node_count()) ||
      !AllBelow(io.subspan(count, modules), cascades_->module_count())) {
    ThrowRange(info.Env());
    return info.Env().Undefined();
  }
  return CountToJs(info, cascades_->CloseFrom(io.first(count),
                                              io.subspan(count, modules), io));
}

}  // namespace pathcast
