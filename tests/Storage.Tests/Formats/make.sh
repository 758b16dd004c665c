#!/usr/bin/env bash
# Writes a small store with the broker of a released format and packs it for UpgradeTests: make.sh CLI_DLL FORMAT, where CLI_DLL is FastChat.Cli.dll of that time (README.md). Two archives: the store as
# it was closed in order, and as a killed broker left it, with commits that are in no table yet; and beside each what the broker of that time itself read from it.
set -euo pipefail
cli=$(realpath "$1") format=$2 here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
all=()
if ((format >= 3)); then all=(--hidden); fi # What somebody has hidden is a record like any other.
trap 'kill -9 "$broker" 2> /dev/null || true; rm -rf "$work"' EXIT
export FASTCHAT_HOME=$work/home XDG_RUNTIME_DIR=$work FASTCHAT_PASSWORD='correct horse battery'

start() {
  : > "$work/ready"
  dotnet "$cli" serve --data "$work/data" --listen 127.0.0.1:0 --http 127.0.0.1:0 > "$work/ready" 2> "$work/log" &
  broker=$!
  until grep -q ready "$work/ready"; do sleep 0.1; done
  server=$(sed 's/.*"tcp":"\([^"]*\)".*/\1/' "$work/ready")
}

stop() { kill "-$1" "$broker"; wait "$broker" || true; }

run() { dotnet "$cli" "$@" --server "$server" --json; }

as() { local user=$1; shift; run "$@" --user "$user"; }

# What the archive is compared with: every record as the broker of that time served it.
list() { for room in '#lobby' '#plans' '#quiet' ${chat:-}; do as ada history "$room" --after 0 --limit 500 "${all[@]}" | { grep sequence || true; }; done > "$here/format-$format-$1.jsonl"; }

# The store's own files: no token, no log of RocksDB, which names this machine's paths.
pack() { tar -C "$work/data" --exclude='LOG*' --exclude=lock --exclude=operator.token --exclude=server.json --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - . | gzip -9n > "$here/format-$format-$1.tar.gz"; }

# What format 3 adds: everything that people do to messages, with a program beside this script, and to one another, with the verbs of its time.
fill() {
  dotnet run "$here/Fill.cs" -- "$server" "$1" > "$work/out"
  chat="#chat $(as ada direct bob | sed 's/.*"conversation":"\([0-9a-f]*\)".*/\1/')"
}

people() {
  as ada set '#chat' --topic 'what this is about' --slow-mode 1 > "$work/out"
  as bob send '#chat' 'slowly' > "$work/out"
  as ada rename '#chat' 'Chat & more' > "$work/out"
  as ada invite '#chat' eve --ask > "$work/out"
  as ada link '#chat' > "$work/out"
  as ada role '#chat' bob moderator > "$work/out"
  as ada mute '#plans' bob --for 30s > "$work/out"
  as eve block bob > "$work/out"
  as eve profile --display-name 'Eve' > "$work/out"
  as eve presence --set away --status 'out' > "$work/out"
  as ada mark-read '#lobby' > "$work/out"
}

start
for user in ada bob eve; do run register "$user" > "$work/out"; done
seq -f 'first %g: größer, 漢字, 🙂' 40 | as ada send '#lobby' - > "$work/out"
as ada create plans --title 'Plans & dates' > "$work/out"
as ada create quiet > "$work/out"
as ada invite '#plans' bob > "$work/out"
as ada invite '#plans' eve > "$work/out"
as bob send '#plans' 'I am in' > "$work/out"
stop TERM
start
as ada kick '#plans' eve > "$work/out"
seq -f 'second %g' 30 | as bob send '#plans' - > "$work/out"
printf '[00:01] <née [away]> brought along\n[00:02] <ann> so am I\n' > "$work/lobby.txt"
run replay "$work/lobby.txt" --data "$work/data" > "$work/out"
stop TERM
start
head -c 6000 /dev/zero | tr '\0' 'x' | as bob send '#lobby' - > "$work/out"
stop TERM
start
if ((format >= 3)); then
  fill 1
  people
  sleep 20 # A pass comes ten seconds after the first deletion: what is packed as closed has tombstones, and what was killed notes as well.
fi
list closed
stop TERM
pack closed
start
as ada invite '#plans' eve > "$work/out"
seq -f 'third %g' 25 | as eve send '#plans' - > "$work/out"
as ada send '#quiet' 'the first and last' > "$work/out"
if ((format >= 3)); then fill 2; fi
list killed
stop KILL
pack killed
