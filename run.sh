#!/usr/bin/env bash
# Runs OpsConsole with an embedded fleet: installs what is missing, builds what has changed, then becomes the sandbox, so that
# Ctrl-C or a SIGTERM to this process ends everything.
#   ./run.sh [--dir DIR] [--port-base N] [--consoles N] [--set Section:Key=value]...
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$root/build/setup.sh"
need_dotnet
# shellcheck disable=SC2086
install_packages $FLEET_PACKAGES

stamp="$root/src/Console.Sandbox/obj/run.stamp"
program="$root/src/Console.Sandbox/bin/Release/net10.0/OpsConsole.Sandbox.dll"
changed() {
    [ ! -e "$stamp" ] || [ ! -e "$program" ] || [ -n "$(find "$root/src" "$root"/*.props "$root"/*.json "$root/.editorconfig" -type f -newer "$stamp" \
        -not -path '*/bin/*' -not -path '*/obj/*' -not -path '*/node_modules/*' -not -path '*/wwwroot/lib/*' -print -quit)" ]
}
build() {
    if changed; then
        say "building (the first time this takes a few minutes: packages are fetched)"
        started=$(mktemp)
        dotnet build "$root/src/Console.Sandbox" -c Release -v quiet -nologo
        dotnet build "$root/src/Console.Web" -c Release -v quiet -nologo
        mkdir -p "$(dirname "$stamp")" && touch -r "$started" "$stamp" && rm -f "$started"
    fi
}
mkdir -p "$root/src/Console.Sandbox/obj"
(flock 9; build) 9>"$root/src/Console.Sandbox/obj/run.lock"

# A script that starts us in the background makes us ignore SIGINT; the sandbox shall hear it all the same.
exec env --default-signal=INT,TERM dotnet "$program" --dir "$root/.sandbox" "$@"
