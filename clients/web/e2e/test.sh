#!/usr/bin/env bash
# The web chat in a real browser, against the real broker: clients/web/e2e/test.sh [NAME…] runs the files whose name contains a word. What is missing is built; a browser is installed on Debian as root.
# The last line is "N passed, N failed, N skipped"; the exit code is not 0 when something failed. Pictures of what was seen lie in artifacts/web.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

readonly root=../../..
readonly log=$root/artifacts/web/tests.tap
mkdir -p "$root/artifacts/web"

refuse() {
  echo "FAILED: $1"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

# Without Node.js nothing of this can run, and nothing of the broker needs it.
if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
  echo "skipped: Node.js 20.19 or newer is not installed"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

./setup.sh || echo "tests that need a browser are skipped"
[ -f $root/src/Cli/bin/Release/net10.0/FastChat.Cli.dll ] || dotnet build $root/src/Cli/FastChat.Cli.csproj -c Release -v q --nologo || refuse "the broker could not be built"

# A machine without a way to the packages is no mistake of theirs.
needs() {
  npm ping > /dev/null 2>&1 && refuse "$1"
  echo "skipped: the packages that the tests need are not here, and no registry can be reached"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

../build.sh --if-stale || needs "the page could not be built"
install() { [ -f "$1/node_modules/.package-lock.json" ] && [ ! "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ] || (cd "$1" && npm ci --no-audit --no-fund --loglevel=error); }
install . && install ../client && (cd ../client && npm run --silent build) || needs "the test's own packages"

files=()
for file in tests/*.test.mjs; do
  [ $# -eq 0 ] && files+=("$file")
  for word in "$@"; do case "$file" in *"$word"*) files+=("$file") ;; esac; done
done
[ ${#files[@]} -gt 0 ] || refuse "no file's name contains: $*"

# One file after another: each has a broker and browsers of its own, and times mean something.
node --test --test-concurrency=1 --test-reporter=tap "${files[@]}" > "$log" 2>&1
code=$?
grep -E '^ *(not )?ok |^# \{' "$log" | sed -e 's/^ *//' -e 's/^ok [0-9]* - /  passed   /' -e 's/^not ok [0-9]* - /  FAILED   /'
if [ $code -ne 0 ]; then
  grep -A 25 -E '^ *not ok ' "$log" | head -200
fi
count() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$log" | tail -1; }
passed=$(count pass) failed=$(($(count fail) + $(count cancelled))) skipped=$(count skipped)
[ $code -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
echo "${passed:-0} passed, ${failed:-1} failed, ${skipped:-0} skipped"
[ "$failed" -eq 0 ]
