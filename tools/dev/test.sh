# Checks and tests. Results lie in build/release/results as JUnit XML, from which
# tools/count_tests.py sums the last line.

RESULTS=build/release/results

cxx_files() {
  local folder folders=()
  for folder in src include test bench; do
    if [ -d "$folder" ]; then folders+=("$folder"); fi
  done
  find "${folders[@]}" -type f \( -name '*.cc' -o -name '*.h' \) -print0
}

# One line for each file that clang-format would change.
check_formatting() {
  local output status=0
  output="$(cxx_files | xargs -0 --no-run-if-empty --max-procs="$FLOE_JOBS" --max-args=40 \
    clang-format-19 --dry-run -Werror 2>&1)" || status=$?
  ((status == 0)) && return
  local unformatted='^([^:]+):([0-9]+):.*\[-Wclang-format-violations\]$'
  sed -nE "s/$unformatted/\1: not formatted; run .\/dev format/p" <<<"$output" | sort -u
  # Whatever else went wrong, such as a bad .clang-format.
  grep --quiet -E "$unformatted" <<<"$output" || echo "$output"
  return 1
}

# Checks that read text only: seconds.
lint_text() {
  say "checking layers, rules, sizes and formatting"
  local failed=0
  .venv/bin/python tools/layers.py || failed=1
  .venv/bin/python tools/tidy.py || failed=1
  .venv/bin/python tools/size_report.py || failed=1
  .venv/bin/python python/generate_cdef.py --check || failed=1
  check_formatting || failed=1
  ((failed == 0)) || die "the findings above must go (./dev format does the formatting)"
}

# Checks that need compiled code: each header by itself, and what the libraries export.
lint_built() {
  build_targets release floe_header_check
  say "checking exported symbols"
  .venv/bin/python tools/leaked_symbols.py build/release
  .venv/bin/python tools/size_report.py --binaries build/release
}

# Runs ctest with the arguments given; a failure is counted, not fatal.
run_cxx_tests() {
  local results="$FLOE_ROOT/$RESULTS"
  # Each GoogleTest binary writes its own file into the folder.
  GTEST_OUTPUT="xml:$results/gtest/" ctest --test-dir build/release --parallel "$FLOE_JOBS" \
    --timeout 600 --output-on-failure --no-tests=ignore --output-junit "$results/ctest.xml" \
    "$@" || true
}

# Runs pytest over every folder of Python tests with the arguments given.
run_python_tests() {
  local folders=() folder status=0
  for folder in python/tests test tools/tests; do
    if [ -d "$folder" ]; then folders+=("$folder"); fi
  done
  ((${#folders[@]})) || return 0
  # test/services installs servers; ./dev test-services runs it.
  .venv/bin/python -m pytest --quiet -p no:cacheprovider --ignore=test/services \
    --junit-xml="$RESULTS/pytest.xml" "${folders[@]}" "$@" || status=$?
  # 1: tests failed, which the file counts. 5: none matched.
  case "$status" in
    0 | 1 | 5) ;;
    *) python_tests_status="$status" ;;
  esac
}

fresh_results() {
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS/gtest"
  python_tests_status=0
}

# Its last line is the last of all, also when tests failed.
count_results() {
  .venv/bin/python tools/count_tests.py "$RESULTS" --runner-status "$python_tests_status" ||
    exit 1
}

test_all() {
  lint_text
  build_targets release all
  install_python_package
  lint_built
  fresh_results
  say "C++ tests"
  run_cxx_tests
  say "Python tests"
  run_python_tests
  count_results
}

# Tests whose binary or name contains the pattern; no checks.
test_some() {
  local pattern="$1"
  build_targets release all
  install_python_package
  fresh_results
  if ctest --test-dir build/release --show-only -R "$pattern" | grep --quiet 'Test *#'; then
    run_cxx_tests -R "$pattern"
  else
    GTEST_FILTER="*$pattern*" run_cxx_tests --quiet
  fi
  if [ -e "$pattern" ]; then
    python_tests_status=0
    .venv/bin/python -m pytest -p no:cacheprovider --junit-xml="$RESULTS/pytest.xml" \
      "$pattern" || true
  else
    run_python_tests -k "$pattern"
  fi
  count_results
}

# The C++ tests of one module, or of all, under AddressSanitizer and UBSan, or, with
# `thread` first, under ThreadSanitizer. The pools that Arrow brings along hand memory from
# thread to thread unseen by it, so that malloc is used in their place; nor does it see the
# reference counts that Arrow's own code changes.
test_sanitized() {
  local preset=asan pool="${ARROW_DEFAULT_MEMORY_POOL:-}"
  if [ "${1:-}" = thread ]; then
    preset=tsan pool=system
    shift
  fi
  build_targets "$preset" all
  ARROW_DEFAULT_MEMORY_POOL="$pool" \
    TSAN_OPTIONS="ignore_noninstrumented_modules=1:${TSAN_OPTIONS:-}" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}" \
    ctest --test-dir "build/$preset" --parallel "$FLOE_JOBS" --timeout 1200 \
    --output-on-failure ${1:+-R "$1"}
}

# Floe's tables in other engines and theirs in Floe, and processes that share a table.
test_interop() {
  build_product
  install_spark
  FLOE_INTEROP_SPARK="$INTEROP_SPARK" .venv/bin/python -m pytest --quiet -p no:cacheprovider test/interop test/sim "$@"
}

# Everything of test/services; what the pattern names with one, as pytest's -k does; a file
# with a path. hive3 listens on every interface, so its tests get a network of loopback alone.
test_services() {
  build_product
  build_targets release floe_catalog_program floe_iceberg_catalog_sql_test
  fresh_results
  local selection=(test/services) private_network=(unshare --net)
  ((EUID == 0)) || private_network+=(--map-root-user)
  if (($#)); then
    if [ -e "${1%%::*}" ]; then selection=("$1"); else selection+=(-k "$1"); fi
    shift
  fi
  run_services_tests services "${selection[@]}" "$@"
  run_services_tests hive3 --private-network "${selection[@]}" "$@"
  count_results
}

# run_services_tests NAME ARGUMENT...: pytest, its results under that name.
run_services_tests() {
  local name="$1" status=0 around=()
  shift
  if [ "$name" = hive3 ]; then around=("${private_network[@]}"); fi
  PATH="$FLOE_ROOT/build/release:$FLOE_ROOT/.venv/bin:$PATH" \
    "${around[@]}" "$FLOE_ROOT/.venv/bin/python" -m pytest --quiet -p no:cacheprovider \
    --junit-xml="$RESULTS/$name.xml" "$@" || status=$?
  case "$status" in
    0 | 1 | 5) ;;
    *) python_tests_status="$status" ;;
  esac
}
