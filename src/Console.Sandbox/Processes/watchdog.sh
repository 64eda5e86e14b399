# Ends what a sandbox started, when the sandbox itself is gone: its end of our standard input closes, however it died.
# usage: sh -c SCRIPT watchdog LOCKFILE MARKER RUN SITES
# Reads "PID STARTTIME" lines of direct children. A child is recognised by its start time (pids are used again), by the run's
# marker in its environment, or as a PostgreSQL process by its working directory (backends overwrite their environment).
trap '' INT TERM HUP
lock=$1 marker=$2 run=$3 sites=$4
exec 9>"$lock"
flock -w 15 9 || { echo busy; exit 1; }

# $1: what the marker of those to be ended begins with. True when some were found. (dash's kill knows no "--".)
sweep() {
    prefix=$1
    found=
    for child in $children; do
        pid=${child%%:*}
        set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
        if [ "${20}" = "${child#*:}" ]; then found="$found $pid -$pid"; fi
    done
    for file in $(grep -lsz "^OPSCONSOLE_SANDBOX=$prefix" /proc/[0-9]*/environ); do
        pid=${file#/proc/}
        found="$found ${pid%/environ}"
    done
    for link in $(find /proc -maxdepth 2 -name cwd -lname "$sites/*/postgres*" 2>/dev/null); do
        if [ "$(cat "${link%/cwd}/comm" 2>/dev/null)" = postgres ]; then pid=${link#/proc/}; found="$found ${pid%/cwd}"; fi
    done
    for pid in $found; do kill -9 "$pid" 2>/dev/null; done
    [ -n "$found" ]
}

children=
tries=0
while sweep "$marker-" && [ $tries -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
echo ready
while read -r pid start; do children="$children $pid:$start"; done
tries=0
while sweep "$marker-$run" && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
exit 0
