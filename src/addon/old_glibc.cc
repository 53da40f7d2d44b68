// What lets an addon that is built on a new glibc load on an old one (2.28).
//
// The C++ library inside the addon asks the C library for names that are
// younger than that, or that have a younger version since they moved from
// libpthread into libc (2.34). Each has an answer of the addon's own here,
// hidden from everybody else; the linker takes it before it asks the C library.
// `npm test` reads the addon's symbols for what is missing here.
#include <cstddef>
#include <cstdint>

#if defined(__linux__) && defined(__GLIBC__)

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>

#if defined(__x86_64__)
#define PATHCAST_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define PATHCAST_FIRST_GLIBC "GLIBC_2.17"
#endif

#define PATHCAST_HIDDEN __attribute__((visibility("hidden"), used))

extern "C" {

// Whether the process has one thread only, so that references are counted
// without atomics (2.32). Node always has several.
extern char __libc_single_threaded;
PATHCAST_HIDDEN char __libc_single_threaded = 0;

#ifdef PATHCAST_FIRST_GLIBC

int PathcastOldOnce(pthread_once_t* control, void (*routine)());
int PathcastOldKeyCreate(pthread_key_t* key, void (*destroy)(void*));
__asm__(".symver PathcastOldOnce, pthread_once@" PATHCAST_FIRST_GLIBC);
__asm__(
    ".symver PathcastOldKeyCreate, pthread_key_create@" PATHCAST_FIRST_GLIBC);

PATHCAST_HIDDEN int pthread_once(pthread_once_t* control, void (*routine)()) {
  return PathcastOldOnce(control, routine);
}
PATHCAST_HIDDEN int __pthread_key_create(pthread_key_t* key,
                                         void (*destroy)(void*)) {
  return PathcastOldKeyCreate(key, destroy);
}

#endif  // PATHCAST_FIRST_GLIBC

#ifdef DLFO_STRUCT_HAS_EH_DBASE

// Where the unwinding table of the code at an address is (2.35). Asked on the
// way of a C++ exception only, of which the addon has none of its own.
PATHCAST_HIDDEN int _dl_find_object(void* address, dl_find_object* result) {
  struct Search {
    uintptr_t address;
    dl_find_object* result;
  } search{reinterpret_cast<uintptr_t>(address), result};
  const auto look = [](dl_phdr_info* info, size_t, void* data) {
    auto* wanted = static_cast<Search*>(data);
    const ElfW(Phdr)* table = nullptr;
    uintptr_t begin = 0;
    uintptr_t end = 0;
    for (size_t i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& part = info->dlpi_phdr[i];
      const uintptr_t from = info->dlpi_addr + part.p_vaddr;
      if (part.p_type == PT_GNU_EH_FRAME) table = &part;
      if (part.p_type == PT_LOAD && wanted->address - from < part.p_memsz) {
        begin = from;
        end = from + part.p_memsz;
      }
    }
    if (end == 0 || table == nullptr) return 0;
    *wanted->result = {};
    wanted->result->dlfo_map_start = reinterpret_cast<void*>(begin);
    wanted->result->dlfo_map_end = reinterpret_cast<void*>(end);
    wanted->result->dlfo_eh_frame =
        reinterpret_cast<void*>(info->dlpi_addr + table->p_vaddr);
    return 1;
  };
  return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}

#endif  // DLFO_STRUCT_HAS_EH_DBASE

}  // extern "C"

#endif  // __linux__ && __GLIBC__
