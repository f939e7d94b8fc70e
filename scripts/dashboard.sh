#!/bin/sh
# Builds the dashboard, or checks it: `scripts/dashboard.sh build`, `check`, `lock`. Node comes from the system where it is
# new enough, else from a wheel. Packages are installed when their lock changed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/server/dashboard"
python=${PYTHON:-$root/.venv/bin/python}
export NPM_CONFIG_LOGLEVEL=error
locked=$(sha256sum package-lock.json | cut -d' ' -f1)

# All packages that the lock names are there, or those at least that a build needs.
installed() {
  had=$(cat node_modules/.installed 2>/dev/null || true)
  [ "$had" = "all $locked" ] || [ "$had" = "$1 $locked" ]
}

new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

find_npm() {
  new_enough && command -v npm >/dev/null && return 0
  PATH=$(dirname "$python"):$PATH
  new_enough && command -v npm >/dev/null && return 0
  echo "no Node 20.19, 22.12 or newer with npm here: installing it into Python's environment" >&2
  "$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
    --only-binary :all: -r requirements.lock
}

install_packages() {
  if installed "$1" && new_enough; then return 0; fi
  find_npm
  if installed "$1"; then return 0; fi
  if [ "$1" = all ]; then npm ci; else npm ci --omit=dev; fi
  echo "$1 $locked" >node_modules/.installed
}

case ${1:-} in
  build)
    install_packages build
    node node_modules/vite/bin/vite.js build --logLevel warn
    ;;
  check)
    install_packages all
    find_npm
    "$python" "$root/scripts/openapi.py" >node_modules/.openapi.json
    npm run --silent types
    npm run --silent check
    ;;
  lock)
    find_npm
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
