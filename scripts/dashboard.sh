#!/usr/bin/env bash
# Builds the dashboard, or checks it: `scripts/dashboard.sh build`, `check`, `lock`. Node comes from the system where it is
# new enough, else from a wheel. Packages are installed when their lock changed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/server/dashboard"
python=${PYTHON:-$root/.venv/bin/python}
export NPM_CONFIG_LOGLEVEL=error

new_enough() {
  command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

find_node() {
  new_enough && return 0
  PATH=$(dirname "$python"):$PATH
  new_enough && return 0
  echo "no Node 20.19, 22.12 or newer here: installing it into Python's environment" >&2
  "$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
    --only-binary :all: -r requirements.lock
}

# With all packages, or with those alone that a build needs.
install_packages() {
  local wanted
  wanted="$1 $(sha256sum package-lock.json | cut -d' ' -f1)"
  local had
  had=$(cat node_modules/.installed 2>/dev/null || true)
  if [ "$had" != "$wanted" ] && [ "$had" != "all ${wanted#* }" ]; then
    if [ "$1" = all ]; then npm ci; else npm ci --omit=dev; fi
    echo "$wanted" >node_modules/.installed
  fi
}

case ${1:-} in
  build)
    find_node
    install_packages build
    npm run --silent build
    ;;
  check)
    find_node
    install_packages all
    "$python" "$root/scripts/openapi.py" >node_modules/.openapi.json
    npm run --silent types
    npm run --silent check
    ;;
  lock)
    find_node
    # Elsewhere: beside installed packages npm forgets those of other systems.
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cp package.json .npmrc "$folder"
    [ ! -e package-lock.json ] || cp package-lock.json "$folder"
    (cd "$folder" && npm install --package-lock-only)
    node lock.mjs "$folder/package-lock.json" package-lock.json
    ;;
  *)
    echo "expected build, check or lock; got ${1:-nothing}" >&2
    exit 2
    ;;
esac
