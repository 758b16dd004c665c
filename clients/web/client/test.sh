#!/usr/bin/env bash
# Installs what package-lock.json says if it is not there, compiles, and runs the tests: all of them, or those whose file's name contains one of the arguments. The last line is "N passed, N failed, N skipped"; the exit code is
# not 0 when something failed. Tests that need a broker start ./fastchat of this project (or what FASTCHAT names) with data directories and ports of their own; those that lack a program skip themselves and say which.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

finish() {
  echo "$1 passed, $2 failed, $3 skipped"
  [ "$2" -eq 0 ]
  exit
}

# A step that is no test but must hold: it counts as one failure and ends the run.
refuse() {
  echo "FAILED: $1"
  finish 0 1 0
}

if ! command -v npm > /dev/null || ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
  echo "The web client's tests need Node.js 20 or later and npm: https://nodejs.org"
  finish 0 0 1
fi

if ! cmp -s package-lock.json node_modules/.fastchat-lock; then
  if npm ci --no-audit --no-fund --loglevel=error > /dev/null; then
    cp package-lock.json node_modules/.fastchat-lock
  elif npm ping > /dev/null 2>&1; then
    refuse "npm ci"
  else
    echo "skipped: the packages that the tests need are not here, and no registry can be reached"
    finish 0 0 1
  fi
fi

rm -rf dist dist-tests
npx --no-install tsc -p tsconfig.json || refuse "the build"
node scripts/readme.js && npx --no-install tsc -p tests/tsconfig.json || refuse "the build of the tests"

files=()
for file in dist-tests/tests/*.test.js; do
  if [ $# -eq 0 ]; then files+=("$file"); fi
  for word in "$@"; do
    case "$(basename "$file")" in *"$word"*) files+=("$file") ;; esac
  done
done
[ ${#files[@]} -gt 0 ] || refuse "no test file's name contains: $*"

# Once, and not by each test that starts a broker.
[ -n "${FASTCHAT:-}" ] || ../../../fastchat --version > /dev/null 2>&1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
node --test --test-reporter=tap "${files[@]}" > "$log" 2>&1
code=$?
# What failed with its reason, and what was skipped; not the hundreds that passed.
awk '
  { line = $0; sub(/^ +/, "", line) }
  line ~ /^not ok / { print "  FAILED   " substr(line, index(line, " - ") + 3); showing = 40; next }
  line ~ /^ok .*# SKIP/ { print "  skipped  " substr(line, index(line, " - ") + 3); showing = 0; next }
  line ~ /^ok / || line ~ /^# Subtest/ { showing = 0; next }
  showing > 0 && line !~ /^(---|\.\.\.|duration_ms|type|location)/ { print "           " line; showing-- }
' "$log"
count() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$log" | tail -1; }
passed=$(count pass) failed=$(($(count fail) + $(count cancelled))) skipped=$(grep -c "^ *ok .*# SKIP" "$log")
if [ -z "$passed" ] || { [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
  tail -n 30 "$log"
  refuse "the test runner ended with code $code"
fi
finish "$passed" "$failed" "$skipped"
