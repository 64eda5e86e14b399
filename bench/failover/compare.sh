#!/usr/bin/env bash
# The console and Patroni (Debian's packages, with etcd) under the same independent client, in one run, and one table at its end:
# switchover, kill -9, and a hang of every process with a thaw.
#   bench/failover/compare.sh [RUNS] [PORT-BASE]
# Patroni runs at its defaults (ttl 30, loop_wait 10, retry_timeout 10) and at the least that its documentation allows (20, 1, 3): three nodes,
# synchronous_mode on, HAProxy in front as Patroni documents it, but asking each 200 ms, so that its own cadence does not count.
# A node is crashed or hung whole: PostgreSQL and its Patroni. Needs a Release build. Everything is on loopback and ends with the script.
# SYSTEMS="console defaults minimum" chooses among them, RESULTS=FILE keeps the lines and adds to what is there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
runs=${1:-5} base=${2:-29000} systems=${SYSTEMS:-console defaults minimum}
. "$root/build/setup.sh"
bench="$root/bench/Console.Bench/bin/Release/net10.0/OpsConsole.Bench"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
pids=() nodes="1 2 3"
dir=$(mktemp -d /tmp/opsconsole-compare-XXXXXX); chmod 755 "$dir"
results=${RESULTS:-$dir/results}; touch "$results"
as=(); if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid postgres --regid postgres --clear-groups --); chown postgres "$dir"; fi
etcd=$base write_port=$((base + 40))
write="Host=127.0.0.1;Port=$write_port;Username=postgres;Password=bench;Database=postgres;Pooling=false;Timeout=5;Command Timeout=120;No Reset On Close=true"

cleanup() {
    for n in $nodes; do signal_node "$n" KILL; done
    for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap cleanup EXIT

started() { pids+=("$1"); disown "$1"; } # its end is no news

# Every process of a node: its Patroni, the server that it started, and the server's children.
processes() {
    local patroni postmaster
    patroni=$(cat "$dir/n$1.pid" 2>/dev/null) || true
    postmaster=$(head -n 1 "$dir/n$1/postmaster.pid" 2>/dev/null) || true
    echo $patroni $postmaster ${postmaster:+$(pgrep -P "$postmaster" || true)}
}
signal_node() { local all; all=$(processes "$1"); [ -z "$all" ] || kill -"$2" $all 2>/dev/null || true; }
rest() { echo "http://127.0.0.1:$((base + 20 + $1))"; }
start_node() {
    "${as[@]}" sh -c "echo \$\$ > $dir/n$1.pid; exec patroni $dir/n$1.yml >>$dir/n$1.log 2>&1" &
    started $!
}
leader() {
    for n in $nodes; do
        if [ "$(curl -s -m 1 -o /dev/null -w '%{http_code}' "$(rest "$n")/primary")" = 200 ]; then echo "$n"; return; fi
    done
}
whole() { # one leader, two replicas that stream, one of them synchronous
    python3 -c '
import json, sys
members = json.load(sys.stdin)["members"]
replicas = [m for m in members if m["role"] in ("replica", "sync_standby") and m["state"] in ("running", "streaming")]
sys.exit(0 if sum(m["role"] in ("leader", "master") for m in members) == 1 and len(replicas) == 2 and any(m["role"] == "sync_standby" for m in replicas) else 1)' 2>/dev/null
}
settled() {
    local first
    for _ in $(seq 240); do
        first=$(leader)
        if [ -n "$first" ] && curl -s -m 1 "$(rest "$first")/cluster" | whole; then sleep 3; leader; return; fi
        sleep 0.5
    done
    echo "The cluster did not settle." >&2; tail -n 5 "$dir"/n*.log >&2; exit 1
}

start_cluster() { # ttl loop_wait retry_timeout
    "${as[@]}" etcd --name bench --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
        --listen-peer-urls "http://127.0.0.1:$((etcd + 1))" >"$dir/etcd.log" 2>&1 &
    started $!
    for n in $nodes; do
        cat >"$dir/n$n.yml" <<YML
scope: bench
name: n$n
restapi: {listen: "127.0.0.1:$((base + 20 + n))", connect_address: "127.0.0.1:$((base + 20 + n))"}
etcd3: {host: "127.0.0.1:$etcd"}
bootstrap:
  dcs:
    ttl: $1
    loop_wait: $2
    retry_timeout: $3
    synchronous_mode: true
    postgresql: {use_pg_rewind: true, use_slots: true, parameters: {wal_log_hints: "on", max_wal_senders: 10, max_replication_slots: 10, wal_keep_size: 64MB, wal_retrieve_retry_interval: 100ms}}
  initdb: [{encoding: UTF8}, {locale: C}, {wal-segsize: "4"}, data-checksums]
  pg_hba: ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
postgresql:
  listen: "127.0.0.1:$((base + 30 + n))"
  connect_address: "127.0.0.1:$((base + 30 + n))"
  data_dir: $dir/n$n
  bin_dir: $bin
  pgpass: $dir/n$n.pgpass
  authentication: {superuser: {username: postgres, password: bench}, replication: {username: replicator, password: bench}}
  parameters: {unix_socket_directories: "$dir", cluster_name: n$n, password_encryption: scram-sha-256, shared_buffers: 32MB}
YML
        start_node "$n"
        [ "$n" != 1 ] || for _ in $(seq 120); do [ "$(leader)" = 1 ] && break; sleep 0.5; done
    done
    {
        printf 'defaults\n mode tcp\n retries 0\n timeout connect 3s\n timeout client 1h\n timeout server 1h\nlisten write\n bind 127.0.0.1:%s\n option httpchk GET /primary\n http-check expect status 200\n default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions\n' "$write_port"
        for n in $nodes; do printf ' server n%s 127.0.0.1:%s check port %s\n' "$n" $((base + 30 + n)) $((base + 20 + n)); done
    } >"$dir/haproxy.cfg"
    haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
    started $!
}

stop_cluster() {
    for n in $nodes; do signal_node "$n" KILL; done
    for p in "${pids[@]}"; do kill -KILL "$p" 2>/dev/null || true; while kill -0 "$p" 2>/dev/null; do sleep 0.1; done; done
    pids=()
    rm -rf "$dir"/n? "$dir"/n?.* "$dir/etcd"
}

peer() { "$bench" peer --results "$results" --system "$system" --write "$write" "$@"; }

beside_patroni() { # words of the system, ttl, loop_wait, retry_timeout; a function named as the program would pass for it
    system=$1
    install_packages patroni=patroni etcd=etcd-server haproxy=haproxy postgres=postgresql
    start_cluster "$2" "$3" "$4"
    for _ in $(seq "$runs"); do
        old=$(settled)
        peer --name "switchover" --happen "patronictl -c $dir/n$old.yml switchover bench --master n$old --force >/dev/null 2>&1"
        old=$(settled)
        peer --name "kill -9" --happen "kill -KILL $(processes "$old")"
        start_node "$old"
        old=$(settled)
        peer --name "hang and thaw" --happen "kill -STOP $(processes "$old")" --later "kill -CONT $(processes "$old")" --later-seconds $(($2 + $3))
    done
    stop_cluster
}

for each in $systems; do
    case $each in
        console) "$bench" failover --runs "$runs" --port "$base" --results "$results" ;;
        defaults) beside_patroni "Patroni, defaults (30, 10, 10)" 30 10 10 ;;
        minimum) beside_patroni "Patroni, minimum (20, 1, 3)" 20 1 3 ;;
        *) echo "unknown system $each" >&2; exit 64 ;;
    esac
done
"$bench" table --results "$results"
