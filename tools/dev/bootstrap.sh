# Installs what a fresh machine lacks. Quick when nothing is missing: one dpkg-query and
# one comparison of a stamp file.

REQUIREMENTS=python/requirements-dev.txt
STAMP=.venv/floe-requirements.txt

# bootstrap GROUP...: the groups are those of tools/apt-packages.txt.
bootstrap() {
  bootstrap_system "$@"
  bootstrap_python
}

# Prints the packages of the named groups that are not installed.
missing_packages() {
  local group name wanted=()
  while read -r group name; do
    if [[ "$group" != "#"* && " $* " == *" $group "* ]]; then wanted+=("$name"); fi
  done <tools/apt-packages.txt
  local installed either
  installed=" $(dpkg-query --show --showformat='${db:Status-Status}:${Package} ' \
    "${wanted[@]//|*/}" "${wanted[@]##*|}" 2>/dev/null || true)"
  for either in "${wanted[@]}"; do
    for name in ${either//|/ }; do
      [[ "$installed" == *" installed:$name "* ]] && continue 2
    done
    echo "${either%%|*}"
  done
}

bootstrap_system() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: using the compiler and libraries that are here" \
      "(tools/apt-packages.txt names what is needed)"
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "these packages are missing and there is no sudo; as root, run:" \
        "apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  local log
  log="$(mktemp)"
  if ! {
    "${as_root[@]}" apt-get update --quiet &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get could not install the packages above; its whole output is in $log"
  fi
  rm -f "$log"
  # Certificates may have come only now.
  source tools/dev/settings.sh
}

# Prints the version that the lock file gives a Python package.
locked_version() {
  local line
  while IFS= read -r line; do
    if [[ "$line" == "$1=="* ]]; then echo "${line#*==}"; fi
  done <"$REQUIREMENTS"
}

bootstrap_python() {
  if [ -x .venv/bin/python ] && cmp --silent "$REQUIREMENTS" "$STAMP"; then
    return 0
  fi
  local python="${PYTHON:-/usr/bin/python3}"
  command -v "$python" >/dev/null || python=python3
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2])' ||
    die "$python is older than Python 3.10; name a newer one, as in PYTHON=python3.11 ./dev"
  if ! .venv/bin/python -c pass 2>/dev/null; then
    say "creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  local uv_version
  uv_version="$(locked_version uv)"
  if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    .venv/bin/python -m pip install --quiet "uv==$uv_version"
  fi
  say "installing the Python packages of $REQUIREMENTS into .venv"
  VIRTUAL_ENV="$FLOE_ROOT/.venv" .venv/bin/uv pip install --quiet --requirement "$REQUIREMENTS"
  cp "$REQUIREMENTS" "$STAMP"
}

# The clients that only test/services uses. Their own bounds give way to the versions of
# requirements-dev.txt, so nothing that is there changes.
bootstrap_services_python() {
  local requirements=python/requirements-services.txt
  local stamp=.venv/floe-requirements-services.txt
  if cmp --silent "$requirements" "$stamp"; then return; fi
  say "installing the Python packages of $requirements into .venv"
  VIRTUAL_ENV="$FLOE_ROOT/.venv" .venv/bin/uv pip install --quiet --no-deps \
    --requirement "$requirements"
  cp "$requirements" "$stamp"
}
