# Fuzzing with libFuzzer, in a build tree of its own (build/fuzz: Clang, AddressSanitizer,
# UBSan). What a target found so far stays in build/fuzz/corpus/TARGET.

# fuzz TARGET [SECONDS]
fuzz() {
  local target="${1:-}" seconds="${2:-60}"
  [[ "$target" && " $(fuzz_targets) " == *" $target "* ]] ||
    die "usage: ./dev fuzz TARGET [SECONDS]; targets: $(fuzz_targets)"
  bootstrap build fuzz
  build_targets fuzz floe_fuzz
  local folder="build/fuzz/corpus/$target" found="build/fuzz/found/$target"
  mkdir -p "$folder" "$found"
  copy_seeds "$target" "$folder"
  say "fuzzing $target for $seconds s; inputs that fail go to $found/"
  # Arrow's own allocators would hide from the sanitizer what lies beside a buffer.
  FLOE_FUZZ_TARGET="$target" ARROW_DEFAULT_MEMORY_POOL=system \
    ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:${ASAN_OPTIONS:-}" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}" \
    build/fuzz/test/fuzz/floe_fuzz -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 -artifact_prefix="$found/" \
    "$folder" "test/fuzz/regressions/$target"
}

fuzz_targets() {
  sed -E '/^(#|$)/d; s/ .*//' test/fuzz/seeds.txt | sort -u | paste -s -d' '
}

# Copies the seeds of a target that are small enough to be mutated often.
copy_seeds() {
  local target folder ending file
  mkdir -p "test/fuzz/regressions/$1"
  while read -r target folder ending; do
    [ "$target" = "$1" ] || continue
    for file in "test/$folder" "build/fuzz/test/$folder"; do
      [ -d "$file" ] || continue
      find "$file" -name "*$ending" -size -64k -printf '%p\0' |
        while IFS= read -r -d '' file; do
          cp "$file" "$2/seed-$(sha1sum <"$file" | cut -c1-16)"
        done
    done
  done <test/fuzz/seeds.txt
}
