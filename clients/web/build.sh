#!/usr/bin/env bash
# Builds the web page into clients/web/dist, which the broker serves: clients/web/build.sh [--if-stale]. Needs Node.js 20.19 or newer. Two builds at once take turns.
set -euo pipefail

web="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
stamp="$web/dist/index.html"

# Newer than the last build: anything that the page is made of.
is_stale() {
  [[ ! -f "$stamp" ]] && return 0
  local newer
  newer="$(find "$web/app" "$web/client" \( -name node_modules -o -name test -o -name dist -o -name tests -o -name dist-tests \) -prune -o -type f -newer "$stamp" -print -quit)"
  [[ -n "$newer" ]]
}

has_node() {
  command -v node > /dev/null && command -v npm > /dev/null &&
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

build() {
  local started
  started="$(mktemp)"
  cd "$web/app"
  # What npm installed says for which lock file it did.
  if [[ ! -f node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    npm ci --no-audit --no-fund --loglevel=error
  fi
  npm run --silent build
  # The result is as old as the beginning: a file that changed during the build counts as newer.
  touch -r "$started" "$stamp"
  rm -f "$started"
}

has_node || { echo "the web page needs Node.js 20.19 or newer, with npm, to be built: https://nodejs.org" >&2; exit 1; }
[[ "${1:-}" == "--if-stale" ]] && ! is_stale && exit 0
exec 9> "$web/.build.lock"
flock 9
if [[ "${1:-}" != "--if-stale" ]] || is_stale; then
  build 9>&-
fi
