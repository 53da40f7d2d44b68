{
  # Where node-gyp looks. What is built stands in src/addon.gypi, which is packed: a package with a binding.gyp of its own
  # would be compiled as it is installed.
  "includes": ["src/addon.gypi"],
}
