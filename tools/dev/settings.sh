# Settings that every command of ./dev shares; sourced with FLOE_ROOT set.
# One locale however the shell was set: messages, sort order and the compiler cache, which
# counts these variables as input, are the same for everybody.
unset LC_ALL LC_CTYPE LC_MESSAGES LC_COLLATE LC_NUMERIC LANGUAGE
export LANG=C.UTF-8
HOME="${HOME:-/tmp}"
export HOME

# The compiler cache lives outside the tree, so that a fresh clone builds from it.
export CCACHE_DIR="${CCACHE_DIR:-$HOME/.cache/ccache}"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"

# One compiler takes up to 1 GB, so memory bounds how many run at once.
jobs_by_default() {
  local cpus=2 kilobytes=4000000 key value
  [ -r /proc/meminfo ] && while read -r key value _; do
    [ "$key" = MemTotal: ] && kilobytes="$value"
  done </proc/meminfo
  command -v nproc >/dev/null && cpus="$(nproc)"
  local by_memory=$((kilobytes / 1000000))
  ((by_memory < 1)) && by_memory=1
  echo $((cpus < by_memory ? cpus : by_memory))
}
FLOE_JOBS="${FLOE_JOBS:-$(jobs_by_default)}"

# Tools of the Python world carry their own certificates and so miss a proxy's that the
# system trusts. What is set already stays.
system_certificates=/etc/ssl/certs/ca-certificates.crt
if [ -r "$system_certificates" ]; then
  export PIP_CERT="${PIP_CERT:-$system_certificates}"
  export SSL_CERT_FILE="${SSL_CERT_FILE:-$system_certificates}"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "== $*"; }
die() {
  echo "dev: $*" >&2
  exit 1
}
