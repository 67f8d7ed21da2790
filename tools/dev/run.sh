# Running what was built: the examples and the benchmarks.

# run_demos [NAME]: each folder of examples/ that has a demo.py, or the one named.
run_demos() {
  local demos=() name
  if (($#)); then
    [ -f "examples/$1/demo.py" ] || die "no example '$1'; there are: $(example_names)"
    demos=("$1")
  else
    mapfile -t demos < <(example_names)
  fi
  for name in "${demos[@]}"; do
    say "examples/$name"
    PATH="$FLOE_ROOT/build/release:$FLOE_ROOT/.venv/bin:$PATH" \
      .venv/bin/python "examples/$name/demo.py"
  done
}

example_names() {
  local path
  for path in examples/*/demo.py; do
    [ -f "$path" ] && basename "$(dirname "$path")"
  done
}

# run_benchmarks CASE [ARGUMENT...]: bench/macro/CASE.py.
run_benchmarks() {
  PATH="$FLOE_ROOT/build/release:$FLOE_ROOT/.venv/bin:$PATH" .venv/bin/python -m bench "$@"
}
