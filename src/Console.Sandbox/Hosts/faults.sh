#!/bin/sh
# Pressure on this host for experiments: faults.sh SCRATCH cpu|memory|disk TAG SECONDS AMOUNT, look TAG, revert TAG.
# Each fault is one session of processes whose id is in SCRATCH/TAG.pid; it ends by itself after SECONDS, and on revert.
set -u
scratch=$1 verb=$2 tag=$3 seconds=${4:-0} amount=${5:-0}
case $tag in ''|*[!A-Za-z0-9-]*) echo "a tag has letters, digits and dashes" >&2; exit 2 ;; esac
pidfile=$scratch/$tag.pid fill=$scratch/$tag.fill
mkdir -p "$scratch"

# A zombie presses nothing; whoever has to reap it may take its time.
alive() { [ -s "$pidfile" ] && ps -o stat= -s "$(cat "$pidfile")" 2>/dev/null | grep -qv '^Z'; }

begin() {
  alive && exit 0
  rm -f "$pidfile"
  setsid sh "$0" "$scratch" "run-$verb" "$tag" "$seconds" "$amount" >/dev/null 2>&1 </dev/null &
  i=0
  while [ ! -s "$pidfile" ]; do
    i=$((i + 1)); [ $i -le 100 ] || { echo "the fault did not begin" >&2; exit 1; }
    sleep 0.05
  done
}

# The marker stands before anything is pressed, so that a revert finds what has begun.
run() { echo $$ > "$pidfile.new" && mv "$pidfile.new" "$pidfile"; }

case $verb in
  cpu|memory) begin ;;
  disk)
    free=$(df -Pm "$scratch" | awk 'NR == 2 { print $4 }')
    [ "$free" -gt $((amount * 2 + 100)) ] || { echo "only $free MB are free: $amount MB are not filled" >&2; exit 1; }
    begin
    fallocate -l "${amount}M" "$fill" || { echo "the scratch area cannot be filled" >&2; exit 1; } ;;
  run-cpu)
    run
    busy=$((($(nproc) * amount + 99) / 100)) i=0
    while [ $i -lt $busy ]; do
      timeout "$seconds" sh -c 'while :; do :; done' &
      i=$((i + 1))
    done
    wait
    rm -f "$pidfile" ;;
  run-memory)
    run
    # tail keeps a line without an end in memory.
    { head -c "${amount}M" /dev/zero; sleep "$seconds"; } | tail > /dev/null
    rm -f "$pidfile" ;;
  run-disk)
    run
    sleep "$seconds"
    rm -f "$fill" "$pidfile" ;;
  look)
    processes=0 memory=0 disk=0 marker=0
    [ ! -e "$pidfile" ] || marker=1
    if alive; then
      session=$(cat "$pidfile")
      processes=$(ps -o stat= -s "$session" | grep -cv '^Z')
      memory=$(ps -o rss= -s "$session" | awk '{ sum += $1 } END { print int(sum / 1024) }')
    fi
    [ ! -e "$fill" ] || disk=$(du -m "$fill" | cut -f 1)
    echo "processes=$processes memory=$memory disk=$disk marker=$marker" ;;
  revert)
    rm -f "$fill"
    i=0
    while alive; do
      pkill -KILL -s "$(cat "$pidfile")"
      i=$((i + 1)); [ $i -le 100 ] || { echo "processes of $tag do not end" >&2; exit 1; }
      sleep 0.02
    done
    rm -f "$fill" "$pidfile" "$pidfile.new" ;;
  *) echo "unknown: $verb" >&2; exit 2 ;;
esac
