// A path table and its cascades as JavaScript sees them: plain objects of
// functions.
//
// There are no classes: to take a wrapped object out of `this` and to check its
// tag costs more than a whole closure. Each function holds what it works on, so
// it cannot be called on anything else, and the collector may take a table and
// its cascades in any order.
//
// Thread: the JavaScript thread that made them; no other knows them, so the
// environment's end needs no hook of its own: it frees the functions.
//
// Numbers cross in one block of memory that JavaScript sees as `io`: arguments
// are written there before a call, results stand there after it.
#ifndef PATHCAST_ADDON_PATH_TABLE_CALLS_H_
#define PATHCAST_ADDON_PATH_TABLE_CALLS_H_

#include <napi.h>

namespace pathcast {

// createPathTable(queries: string[], maxPaths: number): the object that
// lib/native/binding.ts calls NativePathTable.
Napi::Value CreatePathTable(const Napi::CallbackInfo& info);

}  // namespace pathcast

#endif  // PATHCAST_ADDON_PATH_TABLE_CALLS_H_
