#!/usr/bin/env bash
# Builds everything with warnings as errors, checks the formatting, and runs the test projects: all of them, or those whose name contains one of the
# arguments (case does not matter; "web" is the web client and the web page). The last line is "N passed, N failed, N skipped"; the exit code is not 0 when something failed or nothing ran.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
readonly results=artifacts/test-results
passed=0 failed=0 skipped=0

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

# A step that is no test but must hold: it counts as one failure and ends the run.
refuse() {
  echo "FAILED: $1"
  failed=$((failed + 1))
  finish
}

check_sdk() {
  local wanted
  wanted=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' global.json | head -1)
  if ! command -v dotnet > /dev/null; then
    echo "The .NET SDK is not installed. Install version $wanted or a later one of the same major and minor version: https://dotnet.microsoft.com/download"
    refuse "no .NET SDK"
  fi
  if ! dotnet --version > /dev/null 2>&1; then
    echo "global.json asks for .NET SDK $wanted; installed: $(dotnet --list-sdks 2> /dev/null | cut -d' ' -f1 | tr '\n' ' ')"
    echo "Install version $wanted or a later one of the same major and minor version: https://dotnet.microsoft.com/download"
    refuse "no fitting .NET SDK"
  fi
}

# Programs that tests start. A test whose program is missing skips itself and says so; on Debian as root they are installed, by the script that knows how.
install_programs() {
  bench/setup.sh || echo "tests that need what is missing are skipped"

  # Power cuts take a small library that is preloaded into the broker.
  if ! command -v cc > /dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc libc6-dev > /dev/null 2>&1 || echo "no C compiler could be installed"
  fi
}

# Prints a result file for people and sets p, f and s. Reads nothing but lines and attributes that the trx logger has written for ten years.
report() {
  local trx=$1 counts
  counts=$(tr '\n' ' ' < "$trx" | sed -n 's/.*<Counters total="\([0-9]*\)" executed="\([0-9]*\)" passed="\([0-9]*\)".*/\1 \2 \3/p')
  read -r total executed p <<< "${counts:-0 0 0}"
  f=$((executed - p)) s=$((total - executed))
  [ $((f + s)) -eq 0 ] && return
  awk '
    function decoded(text) {
      gsub(/&#xD;|&#xA;/, "\n", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text)
      gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\x27", text); gsub(/&amp;/, "\\&", text)
      return text
    }
    function attribute(name,    value) {
      if (!match($0, " " name "=\"[^\"]*\"")) return ""
      value = substr($0, RSTART, RLENGTH); sub(/^[^"]*"/, "", value); sub(/"$/, "", value)
      return decoded(value)
    }
    function show(    lines, count, i) {
      print (outcome == "NotExecuted" ? "  skipped  " : "  FAILED   ") name
      count = split(decoded(text), lines, "\n")
      for (i = 1; i <= count && i <= 40; i++) if (lines[i] !~ /^[ \t\r]*$/ && lines[i] !~ /^ *(1\) +)?at (NUnit|System)\./) print "           " lines[i]
    }
    /<UnitTestResult / { outcome = attribute("outcome"); name = attribute("testName"); text = ""; reading = 0; open = outcome != "Passed"
                         if (open && /\/>[ \t\r]*$/) { show(); open = 0 } }
    open && /<(Message|StackTrace)>/ { reading = 1 }
    open && reading { line = $0; gsub(/<[^>]*>/, "", line); text = text line "\n" }
    /<\/(Message|StackTrace)>/ { reading = 0 }
    open && /<\/UnitTestResult>/ { show(); open = 0 }
  ' "$trx"
}

run_project() {
  local project=$1 name trx started p=0 f=0 s=0 code=0
  name=$(basename "$(dirname "$project")")
  trx=$results/$name.trx
  started=$SECONDS
  dotnet test "$project" -c Release --no-build --logger "trx;LogFileName=$name.trx" --results-directory "$results" > "$results/$name.log" 2>&1 || code=$?
  [ -f "$trx" ] && report "$trx"
  if [ $((p + f + s)) -eq 0 ] || { [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; }; then
    # No test ran, or the process that ran them broke down: its own words are all there is.
    tail -n 30 "$results/$name.log" | sed 's/^/           /'
    [ $((p + f + s)) -eq 0 ] && echo "  FAILED   $name ran no test" || echo "  FAILED   $name ended with code $code"
    f=$((f + 1))
  fi
  printf '%-24s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" $((SECONDS - started))
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# Tests that are no .NET project: a script whose last line is counts like ours.
run_script() {
  local name=$1 script=$2 started=$SECONDS p=0 f=0 s=0 code=0 words
  "$script" > "$results/$name.log" 2>&1 || code=$?
  read -r -a words <<< "$(tail -n 1 "$results/$name.log")"
  if [ "${words[1]:-}" = passed, ] && [ "${words[3]:-}" = failed, ]; then
    p=${words[0]} f=${words[2]} s=${words[4]}
    [ $((f + s)) -eq 0 ] || grep -vE '^  passed ' "$results/$name.log" | head -n 200 | sed 's/^/  /'
  fi
  if [ $((p + f + s)) -eq 0 ] || { [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; }; then
    tail -n 30 "$results/$name.log" | sed 's/^/           /'
    echo "  FAILED   $name ended with code $code"
    f=$((f + 1))
  fi
  printf '%-24s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" $((SECONDS - started))
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

is_selected() {
  local name=$1 word
  shift
  [ $# -eq 0 ] && return 0
  for word in "$@"; do
    case "${name,,}" in *"${word,,}"*) return 0 ;; esac
  done
  return 1
}

check_sdk
install_programs
rm -rf "$results" && mkdir -p "$results"

started=$SECONDS
# Warnings are errors by Directory.Build.props, which also names the few that are not.
dotnet build FastChat.sln -c Release -v q > "$results/build.log" 2>&1 \
  || { grep -E 'error|warning' "$results/build.log" | sort -u | head -50; refuse "the build ($results/build.log)"; }
echo "built in $((SECONDS - started)) s"

# Style beyond white space is judged by the build (EnforceCodeStyleInBuild); formatting it again takes minutes and finds nothing more.
started=$SECONDS
dotnet format whitespace FastChat.sln --no-restore --verify-no-changes > "$results/format.log" 2>&1 \
  || { head -30 "$results/format.log"; refuse "the formatting: run 'dotnet format whitespace FastChat.sln'"; }
echo "formatting checked in $((SECONDS - started)) s"

selected=0
for project in tests/*.Tests/*.csproj; do
  is_selected "$(basename "$(dirname "$project")")" "$@" || continue
  selected=$((selected + 1))
  run_project "$project"
done
for script in Web.Client:clients/web/client/test.sh Web.Page:clients/web/e2e/test.sh; do
  is_selected "${script%%:*}" "$@" || continue
  selected=$((selected + 1))
  run_script "${script%%:*}" "${script#*:}"
done
[ "$selected" -gt 0 ] || echo "No test project's name contains: $*"
finish
