# Sourced by run.sh and test.sh: brings what is missing onto this machine, and says so while it does.
# No system service is created or started: package scripts are told not to (policy-rc.d, createcluster.conf), and both are put back.

say() { printf '%s\n' "opsconsole: $*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" || { say "'$*' needs root: run it once with sudo, or install by hand"; exit 1; }; fi; }

have_postgres() { # 15 or newer
  local bin version
  for bin in /usr/lib/postgresql/*/bin/postgres; do
    version=${bin#/usr/lib/postgresql/}
    [ -x "$bin" ] && [ "${version%%/*}" -ge 15 ] && return 0
  done
  return 1
}

missing_packages() { # arguments: command=package ...
  local pair
  for pair in "$@"; do
    case "${pair%%=*}" in
      postgres) have_postgres || echo "${pair#*=}" ;;
      *) PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null 2>&1 || echo "${pair#*=}" ;;
    esac
  done
}

install_packages() { # arguments: command=package ...
  local wanted
  wanted=$(missing_packages "$@" | sort -u | tr '\n' ' ')
  [ -n "${wanted// /}" ] || return 0
  command -v apt-get >/dev/null || { say "missing: $wanted. This system has no apt-get: install them and run again."; exit 1; }
  say "installing Debian packages: $wanted"
  as_root env DEBIAN_FRONTEND=noninteractive WANTED="$wanted" bash -euo pipefail -c "$INSTALL" || { say "the installation failed; see above"; exit 1; }
}

# Runs as root. postgresql-common comes first, so that its own createcluster.conf is there to be changed and put back.
INSTALL='
  policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.conf made=
  undo() {
    [ -z "$made" ] || rm -f "$policy"
    [ ! -e "$clusters.kept" ] || mv -f "$clusters.kept" "$clusters"
  }
  trap undo EXIT
  get() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
  if [ ! -e "$policy" ]; then
    made=1
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq
  case " $WANTED " in *" postgresql "*)
    get postgresql-common
    cp -p "$clusters" "$clusters.kept"
    sed -i "/^[ #]*create_main_cluster/d" "$clusters"
    echo "create_main_cluster = false" >>"$clusters" ;;
  esac
  get $WANTED
  # A package also enables its service for the next boot; what was not there before shall not run then.
  for unit in $WANTED; do
    case $unit in openssh-server) unit=ssh ;; etcd-server) unit=etcd ;; postgresql | redis-server | haproxy | pgbouncer | patroni) ;; *) continue ;; esac
    ! command -v systemctl >/dev/null || systemctl --quiet disable "$unit" 2>/dev/null || echo "could not disable the service $unit; it was not started" >&2
  done
'

need_dotnet() {
  command -v dotnet >/dev/null || { say "the .NET SDK 10 is missing: https://dot.net/download (Debian does not package it)"; exit 1; }
}

FLEET_PACKAGES="postgres=postgresql redis-server=redis-server haproxy=haproxy pgbouncer=pgbouncer sshd=openssh-server ssh=openssh-client setpriv=util-linux setsid=util-linux pgrep=procps pgbackrest=pgbackrest npm=npm"
TEST_PACKAGES="chromium=chromium fc-list=fontconfig"
