#!/usr/bin/env bash
# Long proofs on the real process: tests/campaigns/run.sh NAME [--cycles N] [--seed S] [--minutes M] [--readers N] [--with LIST]
#   kill         kill -9 at random moments
#   failpoints   the process dies at a named step of the commit path
#   power-cut    what was not synced is lost or torn; takes a C compiler
#   bit-flip     something in a file of the store is not what was written
#   simulation   brokers and clients in one process, on virtual time, in an order and with faults that follow from the seed; --cycles worlds, --threads T
#   community    the same with 200 people in 50 conversations who do everything that can be done, for ten minutes of virtual time: --cycles towns, --threads T
#   io-error     the disk answers EIO, to any call on any kind of file; takes a C compiler
#   disk-full    the disk of the store fills up and has room again; takes leave to mount a file system (unshare)
#   slow-disk    each sync takes 50–500 ms for a while; takes a C compiler
#   pause        the process stands still for 0.1–60 s
#   stalled-readers   of --readers N (10,000) a tenth stops reading, --cycles times in turn with none
#   fuzz         any bytes for every decoder; --inputs N for each target, --target NAME, --threads T instead of --cycles
# --with tls,encryption,limits runs the broker of any of these but stalled-readers with TLS, with bodies encrypted on the disk, and with rates that the chat exceeds all the time.
# The last line of stdout is one JSON object with what was found; the exit code is 1 when something was lost, duplicated, reordered, violated or served wrong.
# Progress goes to stderr. What a campaign leaves lies in artifacts/campaigns/NAME-SEED: an interrupted one goes on from there, a failed one keeps store and histories.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." || exit 1

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
if [ "${1:-}" = simulation ] || [ "${1:-}" = community ]; then
  if [ "$1" = simulation ]; then
    shift
  fi
  dotnet build tests/Simulation/FastChat.Simulation.csproj -c Release -v q >&2
  # Worlds are short and leave much: with a larger first generation most of it is gone before it is looked at.
  export DOTNET_GCgen0size=${DOTNET_GCgen0size:-0x4000000}
  exec dotnet tests/Simulation/bin/Release/net10.0/FastChat.Simulation.dll "$@"
fi
if [ "${1:-}" = fuzz ]; then
  shift
  dotnet build tests/Fuzz/FastChat.Fuzz.csproj -c Release -v q >&2
  exec dotnet tests/Fuzz/bin/Release/net10.0/FastChat.Fuzz.dll "$@"
fi
dotnet build tests/campaigns/FastChat.Campaigns.csproj -c Release -v q >&2
exec dotnet tests/campaigns/bin/Release/net10.0/FastChat.Campaigns.dll "$@"
