# Sourced by run.sh and test.sh: installs Debian packages whose programs are missing. No system service is started, none stays
# enabled, and no PostgreSQL cluster is created: everything runs from the sandbox's own directory.

present() {
    case $1 in
        postgresql) for bin in /usr/lib/postgresql/*/bin/postgres; do
            [ -x "$bin" ] && version=${bin#/usr/lib/postgresql/} && [ "${version%%/*}" -ge 15 ] && return 0
        done; return 1 ;;
        openssh-server) [ -x /usr/sbin/sshd ] ;;
        nodejs) command -v node >/dev/null ;;
        procps) command -v pgrep >/dev/null ;;
        haproxy | pgbouncer) [ -x "/usr/sbin/$1" ] || command -v "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

install_missing() {
    local missing=() package
    for package in "$@"; do present "$package" || missing+=("$package"); done
    [ ${#missing[@]} -eq 0 ] && return 0

    echo "Installing ${missing[*]} (no service is started)."
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Not root, and there is no sudo. Ask an administrator for: apt-get install ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" env PACKAGES="${missing[*]}" DEBIAN_FRONTEND=noninteractive bash -euo pipefail -c '
        policy=/usr/sbin/policy-rc.d
        clusters=/etc/postgresql-common/createcluster.conf
        undo() {
            [ -z "${made_policy:-}" ] || rm -f "$policy"
            [ ! -e "$clusters.opsconsole" ] || mv -f "$clusters.opsconsole" "$clusters"
        }
        trap undo EXIT
        if [ ! -e "$policy" ]; then
            made_policy=yes
            printf "#!/bin/sh\nexit 101\n" >"$policy"
            chmod 755 "$policy"
        fi
        apt-get -qq update
        case " $PACKAGES " in *" postgresql "*)
            apt-get -qq -y --no-install-recommends install postgresql-common >/dev/null
            cp -p "$clusters" "$clusters.opsconsole"
            sed -i "/^ *#* *create_main_cluster/d" "$clusters"
            echo "create_main_cluster = false" >>"$clusters" ;;
        esac
        apt-get -qq -y --no-install-recommends install $PACKAGES >/dev/null
        for package in $PACKAGES; do
            case $package in
                postgresql | redis-server | haproxy | pgbouncer) units=$package ;;
                openssh-server) units="ssh" ;;
                *) units= ;;
            esac
            for unit in $units; do
                ! command -v systemctl >/dev/null || systemctl --quiet disable "$unit" 2>/dev/null || echo "Note: could not disable the service $unit; it was not started."
            done
        done
    '
}

require_dotnet() {
    command -v dotnet >/dev/null || { echo "The .NET SDK 10 is missing: https://dotnet.microsoft.com/download" >&2; exit 1; }
}
