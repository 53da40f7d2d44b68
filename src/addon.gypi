{
  # The addon that ships. Its sources are listed per layer in src/sources.json, which CMakeLists.txt reads too. Paths of
  # sources are the including file's, as the command that makes them runs there; the other ones are this file's.
  "variables": {
    "vendored": "<!(node -p \"+require('fs').existsSync('vendor/simdjson/src/simdjson.cpp')\")",
    "vendored_hiredis": "<!(node -p \"+require('fs').existsSync('vendor/hiredis/read.c')\")",
  },
  "targets": [
    {
      "target_name": "pathcast",
      "sources": ["<!@(node -p \"Object.values(require('./src/sources.json')).flat().join(' ')\")"],
      "include_dirs": [".", "<!(node -p \"require('node-addon-api').include_dir\")"],
      # libuv is Node's own: its headers come with Node's, its symbols from the running process.
      # Swallow: in a worker that is being terminated no exception can be thrown any more, and trying to is fatal.
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ],
      # A broken precondition must not end the app's process: what ships has no asserts.
      "configurations": {"Release": {"defines": ["NDEBUG"]}},
      # An exclusion would take out of these too, so there is none: the last -O counts, which is a debug build's own.
      "cflags": ["-O3", "-g1", "-ffunction-sections", "-fdata-sections"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions", "-frtti"],
      "cflags_cc": [
        "-std=c++20",
        "-fno-exceptions",
        "-fno-rtti",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-fvisibility=hidden",
        "-fvisibility-inlines-hidden",
      ],
      "conditions": [
        [
          "vendored==1",
          {
            # Inside the addon, which then needs no library of the machine's.
            "sources": ["../vendor/simdjson/src/simdjson.cpp"],
            "include_dirs": ["../vendor/simdjson/include", "../vendor/simdjson/src"],
            # Kernels that are chosen when it runs: AVX2 (2013), ARM's, and plain C++ for the rest. Others gain nothing on
            # documents of a few kilobytes, and each is in the package twice, as source and compiled.
            "defines": [
              "SIMDJSON_IMPLEMENTATION_ICELAKE=0",
              "SIMDJSON_IMPLEMENTATION_LASX=0",
              "SIMDJSON_IMPLEMENTATION_LSX=0",
              "SIMDJSON_IMPLEMENTATION_PPC64=0",
              "SIMDJSON_IMPLEMENTATION_RVV_VLS=0",
              "SIMDJSON_IMPLEMENTATION_WESTMERE=0",
            ],
          },
          {"libraries": ["-lsimdjson"]},
        ],
        [
          "vendored_hiredis==1",
          {
            # Its reader alone: what redis/ calls. 1.0 and newer stand on alloc.c.
            "sources": [
              "<!@(node -p \"['alloc.c','read.c','sds.c'].map((name) => 'vendor/hiredis/' + name).filter((name) => require('fs').existsSync(name)).join(' ')\")",
            ],
            "include_dirs": ["../vendor"],
          },
          {"libraries": ["-lhiredis"]},
        ],
        [
          "OS=='linux'",
          {
            # Nothing but Node's two entry symbols is exported, and the addon binds to what it links, never to a
            # library of the same name inside Node. The C++ library is inside it too: an old system has an old one.
            "ldflags": [
              "-Wl,-Bsymbolic",
              "-Wl,--exclude-libs,ALL",
              "-Wl,--version-script=<(module_root_dir)/src/exports.map",
              "-Wl,--as-needed",
              "-Wl,--gc-sections",
              # Loaded once a process: each time that a worker's end unmapped it, what the C++ library keeps for bad times
              # (71 KiB) was lost.
              "-Wl,-z,nodelete",
              "-static-libstdc++",
              "-static-libgcc",
            ],
          },
        ],
        [
          "OS=='mac'",
          {
            "xcode_settings": {
              "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
              "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
              "GCC_ENABLE_CPP_RTTI": "NO",
              "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
              "MACOSX_DEPLOYMENT_TARGET": "11.0",
            },
          },
        ],
      ],
    },
  ],
}
