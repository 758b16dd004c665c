#!/usr/bin/env bash
# Runs every scenario with its peers, one after the other, and makes the report: bench/all.sh [--quick] [--corpus DIR] [NAME…]
# Results go to artifacts/bench/NAME.json, the page to artifacts/bench/report.html; with --quick, which only shows that everything works, to artifacts/bench/quick.
# NAMEs choose among the scenarios. One that fails does not stop the rest; the exit code is 1 when any failed, 130 when interrupted.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1

# Name, then what bench/load.sh is given; --quick adds what follows the bar. The shapes are those that the goals were set for (bench/Report/Goals).
readonly scenarios=(
  "durable      durable --vs limit --vs redis --vs rabbitmq --vs nats |"
  "durable-one  durable --connections 1 --outstanding 1 --vs limit --vs redis --vs rabbitmq --vs nats |"
  "latency      latency --rate 10000 --vs limit --vs redis |"
  "fanout       fanout --connections 1000 --vs limit --vs nats-core --vs redis --vs mosquitto --vs signalr |"
  "fanout-100   fanout --connections 100 --vs limit --vs nats-core --vs redis |"
  "fanout-5000  fanout --connections 5000 --vs limit --vs nats-core --vs redis |"
  "lone         fanout --connections 1000 --rate 20 --vs limit --vs nats-core --vs redis --vs mosquitto --vs signalr |"
  "rooms        rooms --vs nats-core --vs ejabberd --vs redis --vs mosquitto --vs signalr | --connections 200 --conversations 10"
  "idle         idle --vs limit --vs nats-core --vs redis --vs mosquitto --vs signalr --vs ejabberd | --connections 400"
  "idle-ws      idle --transport ws --vs signalr | --connections 400"
  "catchup      catchup --vs limit --vs redis --vs nats | --messages 50000 --readers 4"
  "storm        storm --vs nats-core --vs redis --vs mosquitto --vs signalr --vs ejabberd | --connections 400"
  "corpus       corpus --vs redis |"
  "growth       growth --vs redis | --largest 2000"
  "presence     presence | --connections 400"
  "inbox        inbox | --conversations 300"
  "channel      channel | --largest 2000"
  "quiet        quiet | --largest 10000"
)

quick=0 corpus="" chosen=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --corpus)
      [ $# -gt 1 ] || { echo "bench/all.sh: --corpus DIR" >&2; exit 2; }
      corpus=$2
      shift
      ;;
    -*)
      sed -n '2,4s/^# //p' "bench/all.sh" >&2
      exit 2
      ;;
    *) chosen+=("$1") ;;
  esac
  shift
done
for name in "${chosen[@]}"; do
  printf '%s\n' "${scenarios[@]}" | grep -q "^$name " || { echo "bench/all.sh: there is no '$name' among: $(printf '%s\n' "${scenarios[@]}" | cut -d' ' -f1 | tr '\n' ' ')" >&2; exit 2; }
done

# Three turns of ten seconds each; quick ones only prove that a scenario runs.
output=artifacts/bench common=(--seconds 10 --warm-up 3 --runs 3)
[ "$quick" -eq 0 ] || { output=artifacts/bench/quick common=(--seconds 1 --warm-up 1 --runs 1); }
mkdir -p "$output"

is_chosen() {
  [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $1 "* ]]
}

# True when a system needs no program, or its program is here.
has_system() {
  local program
  case $1 in
    redis) program=redis-server ;;
    nats | nats-core) program=nats-server ;;
    rabbitmq) program=rabbitmq-server ;;
    mosquitto) program=mosquitto ;;
    ejabberd) program=ejabberdctl ;;
    *) return 0 ;;
  esac
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null
}

# Sets words to a scenario's arguments without the peers that are not installed: one missing peer does not cost the others their figures.
choose_words() {
  local given=($1) i
  words=()
  for ((i = 0; i < ${#given[@]}; i++)); do
    if [ "${given[i]}" = --vs ] && ! has_system "${given[i + 1]}"; then
      echo "bench/all.sh: ${given[i + 1]} is not installed and takes no part (bench/setup.sh installs it)" >&2
      i=$((i + 1))
    else
      words+=("${given[i]}")
    fi
  done
}

failed=() files=()
for line in "${scenarios[@]}"; do
  name=${line%% *} arguments=${line#* } file=$output/${line%% *}.json
  if is_chosen "$name"; then
    choose_words "${arguments%%|*}"
    [ "$quick" -eq 0 ] || words+=(${arguments#*|})
    [ "$name" != corpus ] || [ -z "$corpus" ] || words+=(--corpus "$corpus")
    # What an earlier run left would pass for this one's.
    rm -f "$file"
    echo "== $name: bench/load.sh ${words[*]} ${common[*]}" >&2
    bench/load.sh "${words[@]}" "${common[@]}" --json "$file" > /dev/null
    code=$?
    [ "$code" -ne 130 ] || exit 130
    if [ "$code" -ne 0 ] || [ ! -f "$file" ]; then
      echo "== $name failed with code $code" >&2
      failed+=("$name")
    fi
  fi
  [ ! -f "$file" ] || files+=("$file")
done

if [ ${#files[@]} -gt 0 ]; then
  bench/report "${files[@]}" -o "$output/report.html" || failed+=(report)
fi
[ ${#failed[@]} -eq 0 ] && exit 0
echo "bench/all.sh: failed: ${failed[*]}" >&2
exit 1
