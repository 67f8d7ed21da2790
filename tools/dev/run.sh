# Running what was built: the examples and the benchmarks.

check_example_name() {
  (($# == 0)) || [ -f "examples/$1/demo.py" ] ||
    die "no example '$1'; there are: $(example_names | paste -s -d' ')"
}

# run_demos [NAME]: each folder of examples/ that has a demo.py, or the one named.
run_demos() {
  local demos name
  mapfile -t demos < <(example_names)
  if (($#)); then demos=("$1"); fi
  for name in "${demos[@]}"; do
    say "examples/$name"
    PATH="$FLOE_ROOT/build/release:$FLOE_ROOT/.venv/bin:$PATH" \
      .venv/bin/python "examples/$name/demo.py"
  done
}

# The simplest one first.
example_names() {
  local path name
  echo local
  for path in examples/*/demo.py; do
    name="$(basename "$(dirname "$path")")"
    if [ "$name" != local ]; then echo "$name"; fi
  done
}

# A benchmark is a file of bench/macro whose first line says so.
benchmark_names() {
  local path
  for path in $(grep --files-with-matches '^"""Macro benchmark' bench/macro/*.py); do
    basename "$path" .py
  done
}

benchmark_usage() {
  echo "usage: ./dev bench [NAME [ARGUMENTS]]"
  echo "benchmarks (./dev bench NAME --help for each): $(benchmark_names | paste -s -d' ')"
}

# Stops unless the name, where there is one, is a benchmark's.
check_benchmark_name() {
  (($# == 0)) || [ "$(benchmark_names | grep --line-regexp --fixed-strings -- "$1")" ] ||
    die "no benchmark '$1'; $(benchmark_usage | tail -n 1)"
}

# run_benchmarks [NAME [ARGUMENT...]]: each benchmark with its defaults, or the one named.
run_benchmarks() {
  local name names
  mapfile -t names < <(benchmark_names)
  if (($#)); then
    names=("$1")
    shift
  fi
  for name in "${names[@]}"; do
    say "bench/macro/$name"
    PATH="$FLOE_ROOT/build/release:$FLOE_ROOT/.venv/bin:$PATH" \
      .venv/bin/python "bench/macro/$name.py" "$@"
  done
}
