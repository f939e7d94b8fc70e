#!/usr/bin/env bash
# Makes .venv with the locked dependencies and this checkout, and installs what the sandbox needs of the system.
# Quick when nothing changed. With --strict a missing system package is an error; otherwise it is only named.
# With --tests, root gets Docker too where none answers: the tests of tier container start it, and say so if they cannot; and
# a Chromium for the tests of the dashboard, which say so too.
set -euo pipefail
cd "$(dirname "$0")/.."
strict=${1:-}

say() { printf '%s\n' "$*" >&2; }

system_packages_missing() {
  local missing=()
  command -v bwrap >/dev/null || missing+=(bubblewrap)
  if ! printf '#include <math.h>\nint main(void){return 0;}\n' | gcc -x c -fsyntax-only - 2>/dev/null; then
    missing+=(gcc libc6-dev)
  fi
  command -v g++ >/dev/null || missing+=(g++)
  printf '%s' "${missing[*]-}"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_system_packages() {
  [ "$(uname -s)" = Linux ] || return 0
  local missing
  missing=$(system_packages_missing)
  [ -n "$missing" ] || return 0
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    say "installing system packages: $missing"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing" >&2 || true
    missing=$(system_packages_missing)
    [ -n "$missing" ] || return 0
  fi
  say "missing on this machine: $missing. The sandbox needs bubblewrap, problems in C and C++ need gcc and g++. To install them:"
  if command -v apt-get >/dev/null; then
    say "    sudo apt-get update && sudo apt-get install -y $missing"
  elif command -v dnf >/dev/null; then
    say "    sudo dnf install -y bubblewrap gcc gcc-c++ glibc-devel"
  elif command -v pacman >/dev/null; then
    say "    sudo pacman -S --needed bubblewrap gcc"
  else
    say "    (with this system's package manager)"
  fi
  [ "$strict" != --strict ]
}

install_docker() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  if command -v docker >/dev/null && { command -v dockerd >/dev/null || docker version >/dev/null 2>&1; }; then
    return 0
  fi
  say "installing Docker for the tests of tier container"
  # In newer releases of Debian the client is a package of its own.
  env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io
    command -v docker || apt-get install -y -qq --no-install-recommends docker-cli' >&2 || true
}

install_chromium() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  command -v chromium >/dev/null && return 0
  say "installing Chromium for the tests of the dashboard"
  env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium' >&2 || true
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$name"
      return 0
    fi
  done
  say "expected Python 3.11 or newer on the PATH, found none; install it, or name it: make setup PYTHON=/path/to/python3"
  return 1
}

make_environment() {
  local python
  python=$(find_python)
  if ! "$python" -m venv --clear .venv 2>/dev/null; then
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
      as_root env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq python3-venv' >&2
    else
      say "$python cannot make virtual environments; to mend it: sudo apt-get install -y python3-venv"
      return 1
    fi
    "$python" -m venv --clear .venv
  fi
}

install_locked() {
  local lines cache=()
  lines=$(mktemp)
  # uv itself comes from the lock too, checked by its hashes.
  awk '/^[^ ]/ {mine = /^uv==/} mine' requirements.lock >"$lines"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lines"
  rm -f "$lines"
  [ -w "${HOME:-/nonexistent}" ] || cache=(--no-cache)
  if ! VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip sync --quiet ${cache[@]+"${cache[@]}"} --require-hashes requirements.lock; then
    say "uv could not install the locked packages; trying with pip"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
}

install_extras() {
  local cache=()
  [ -w "${HOME:-/nonexistent}" ] || cache=(--no-cache)
  VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip install --quiet ${cache[@]+"${cache[@]}"} --no-deps --require-hashes -r requirements-extras.lock \
    || .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-extras.lock
}

extras_stamp() {
  { stamp; cat requirements-extras.lock; } | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1
}

stamp() {
  { pwd; cat requirements.lock pyproject.toml scripts/setup.sh; } | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1
}

install_system_packages
[ "$strict" != --tests ] || { install_docker; install_chromium; }
if [ "$(cat .venv/.galapagos-ready 2>/dev/null)" != "$(stamp)" ] || ! .venv/bin/python -c '' 2>/dev/null; then
  .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_environment
  say "installing the locked dependencies into .venv"
  install_locked
  stamp >.venv/.galapagos-ready
fi
# What only tests of the extras need would make everybody else's first minute longer.
if [ "$strict" = --tests ] && [ "$(cat .venv/.galapagos-extras 2>/dev/null)" != "$(extras_stamp)" ]; then
  say "installing the locked packages of all extras into .venv"
  install_extras
  extras_stamp >.venv/.galapagos-extras
fi
