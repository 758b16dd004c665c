#!/usr/bin/env bash
# Installs the systems that the broker is compared with, and what its tests put in front of it: all of them, or those named (redis-server mosquitto nats-server rabbitmq-server ejabberd haproxy strace). Debian,
# as root. What is there already stays as it is, so the script may run again and again. No service is left running by what it installs: the harness starts its
# own processes with its own settings, and a second server in the background would be measured along with them.
#
# nats-server syncs every write only from 2.10 on (sync_interval: always). Where the installed suite has an older one, a newer one is unpacked from a
# later suite of the same mirror into artifacts/bench/programs/nats-server; the system's packages are not touched.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

readonly programs=$PWD/artifacts/bench/programs
readonly guard=/usr/sbin/policy-rc.d
guarded=0 updated=0 missing=0

say() { echo "setup: $1"; }

lift_guard() {
  [ "$guarded" -eq 1 ] && rm -f "$guard"
  guarded=0
}
trap lift_guard EXIT

# Package scripts ask this file whether they may start a service; 101 means no. One that somebody else put there is left alone.
raise_guard() {
  [ -e "$guard" ] && return
  printf '#!/bin/sh\nexit 101\n' > "$guard" && chmod 755 "$guard" && guarded=1
}

has_program() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" > /dev/null; }

# The program that tells whether a package is installed.
program_of() {
  case $1 in
    ejabberd) echo ejabberdctl ;;
    *) echo "$1" ;;
  esac
}

# A unit that systemd would start at the next boot is switched off, too: policy-rc.d guards the installation only.
disable_service() {
  command -v systemctl > /dev/null && systemctl disable "$1" > /dev/null 2>&1
  command -v update-rc.d > /dev/null && update-rc.d "$1" disable > /dev/null 2>&1
  return 0
}

install_package() {
  local name=$1 had_guard
  if has_program "$(program_of "$name")"; then
    say "$name is installed"
    return
  fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    say "$name is not installed; this script installs it on Debian as root only"
    missing=$((missing + 1))
    return
  fi
  if [ "$updated" -eq 0 ]; then
    apt-get update -qq > /dev/null 2>&1 || say "apt-get update failed: trying with the package lists that are there"
    updated=1
  fi
  had_guard=$guarded
  raise_guard
  if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$name" > /dev/null 2>&1; then
    disable_service "$name"
    say "$name is now installed, its service is off"
  else
    say "$name could not be installed: apt-get install $name says why"
    missing=$((missing + 1))
  fi
  [ "$had_guard" -eq 0 ] && lift_guard
}

nats_version() { "$1" --version 2> /dev/null | sed -n 's/.*v\([0-9][0-9.]*\).*/\1/p'; }

# True when a program of this version can sync every write.
syncs_each_write() { [ -n "$1" ] && [ "$(printf '2.10\n%s\n' "$1" | sort -V | head -1)" = 2.10 ]; }

# The mirror that the machine itself uses, so that none is written here.
mirror() {
  local found
  found=$(awk '/^URIs:/ && $2 !~ /security/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2> /dev/null)
  [ -n "$found" ] || found=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' /etc/apt/sources.list 2> /dev/null | head -1)
  echo "$found"
}

unpack_newer_nats() {
  local unpacked=$programs/nats-server installed uri suite state package
  for installed in "$unpacked"/usr/sbin/nats-server "$unpacked"/usr/bin/nats-server; do
    if [ -x "$installed" ] && syncs_each_write "$(nats_version "$installed")"; then
      say "nats-server $(nats_version "$installed") is unpacked"
      return
    fi
  done
  if has_program nats-server; then
    installed=$(nats_version "$(PATH=$PATH:/usr/sbin command -v nats-server)")
    syncs_each_write "$installed" && return
  else
    installed=none
  fi
  uri=$(mirror)
  if [ -z "$uri" ] || ! command -v apt-get > /dev/null; then
    say "no mirror found for a nats-server that syncs every write: JetStream runs as '$installed' and is reported as not durable"
    return
  fi
  # An apt of its own: sources, lists and cache lie in one directory that is thrown away.
  state=$(mktemp -d) || return
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts" "$state/download"
  : > "$state/status"
  chmod 755 "$state" && chmod 777 "$state/download"
  for suite in trixie sid; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" > "$state/sources.list"
    local private=(-o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts="$state/parts" -o Dir::State="$state"
      -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/status" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root
      -o Acquire::Languages=none)
    timeout 120 apt-get "${private[@]}" update -qq > /dev/null 2>&1 || continue
    (cd "$state/download" && timeout 120 apt-get "${private[@]}" download -qq nats-server > /dev/null 2>&1) || continue
    package=$(find "$state/download" -name 'nats-server_*.deb' | head -1)
    [ -n "$package" ] || continue
    rm -rf "$unpacked" && mkdir -p "$unpacked" && dpkg -x "$package" "$unpacked" || continue
    for installed in "$unpacked"/usr/sbin/nats-server "$unpacked"/usr/bin/nats-server; do
      if [ -x "$installed" ] && syncs_each_write "$(nats_version "$installed")"; then
        say "nats-server $(nats_version "$installed") from $suite is unpacked"
        rm -rf "$state"
        return
      fi
    done
    rm -rf "$unpacked" "$state"/download/*
  done
  rm -rf "$state"
  say "no nats-server that syncs every write can be fetched or run here: JetStream runs as '$installed' and is reported as not durable"
}

[ $# -gt 0 ] || set -- redis-server mosquitto nats-server rabbitmq-server ejabberd haproxy strace
for name in "$@"; do
  case $name in
    redis-server | mosquitto | rabbitmq-server | ejabberd | haproxy | strace) install_package "$name" ;;
    nats-server)
      install_package "$name"
      unpack_newer_nats
      ;;
    *)
      say "nothing is known of '$name': redis-server mosquitto nats-server rabbitmq-server ejabberd haproxy strace"
      missing=$((missing + 1))
      ;;
  esac
done
[ "$missing" -eq 0 ]
