#!/usr/bin/env bash
# Builds the load-test harness and runs it; the broker it starts builds itself: bench/load.sh SCENARIO … (see bench/README.md).
# With --history FILE fastchat's clients are recorded, and ./fastchat check-history FILE judges the run; several --runs make FILE.1, FILE.2, ….
set -euo pipefail
root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
command -v dotnet > /dev/null || { echo "bench/load.sh: the .NET SDK of global.json is needed" >&2; exit 1; }
log="$(mktemp)"
dotnet build "$root/bench/Load" -c Release --nologo -v quiet -clp:NoSummary > "$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
# As many open files as the system allows: a connection is one.
ulimit -n "$(ulimit -Hn)"
exec dotnet "$root/bench/Load/bin/Release/net10.0/FastChat.Bench.Load.dll" "$@"
