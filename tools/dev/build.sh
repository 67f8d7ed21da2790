# Configuring and building. One build tree, build/release, serves the product and its
# tests alike.

configure() {
  local preset="$1"
  shift
  local log="build/$preset/configure.log"
  mkdir -p "build/$preset"
  if [ -f "build/$preset/build.ninja" ] && (($# == 0)); then
    return # Ninja configures again by itself when a CMake file changes.
  fi
  cmake --preset "$preset" "$@" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    die "CMake could not configure build/$preset; its whole output is in $log"
  }
}

# build_targets PRESET TARGET...
build_targets() {
  local preset="$1"
  shift
  configure "$preset"
  say "building $* ($preset, $FLOE_JOBS at once)"
  NINJA_STATUS="[%f/%t %es] " cmake --build "build/$preset" --parallel "$FLOE_JOBS" --target "$@"
}

# The floe binary, libfloe.so and the Python package around it.
build_product() {
  build_targets release floe_cli floe_shared
  install_python_package
}

# Puts the `floe` package, with the libfloe.so just built, into .venv; nothing to do when
# neither has changed since.
install_python_package() {
  local stamp=build/release/python-package.txt inputs
  inputs="$(find python/floe pyproject.toml VERSION build/release -name __pycache__ -prune -o \
    -type f \( -path 'python/floe/*' -o -name pyproject.toml -o -name VERSION -o -name libfloe.so \) \
    -printf '%p %s %T@\n' | sort)"
  if [ -f "$stamp" ] && [ "$inputs" = "$(<"$stamp")" ] &&
    .venv/bin/python -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("floe"))'; then
    return 0
  fi
  say "installing the floe package into .venv"
  VIRTUAL_ENV="$FLOE_ROOT/.venv" SKBUILD_CMAKE_DEFINE="FLOE_BUILD_TREE=$FLOE_ROOT/build/release" \
    .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --reinstall-package floe \
    "$FLOE_ROOT"
  echo "$inputs" >"$stamp"
}
