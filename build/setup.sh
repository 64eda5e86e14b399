# Sourced by run.sh and test.sh: brings what is missing onto this machine, and says so while it does.
# No system service is created or started: package scripts are told not to (policy-rc.d, createcluster.conf), and both are put back.

say() { printf '%s\n' "opsconsole: $*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" || { say "'$*' needs root: run it once with sudo, or install by hand"; exit 1; }; fi; }

have_postgres() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }

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
  local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf made_policy= made_cluster=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null; as_root chmod 755 $policy; made_policy=1; fi
  if [ ! -e $cluster ]; then as_root mkdir -p "${cluster%/*}"; echo 'create_main_cluster = false' | as_root tee $cluster >/dev/null; made_cluster=1; fi
  local failed=
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Dpkg::Options::=--force-confold $wanted >/dev/null; } || failed=1
  [ -z "$made_policy" ] || as_root rm -f $policy
  [ -z "$made_cluster" ] || as_root rm -f $cluster
  [ -z "$failed" ] || { say "the installation failed; see above"; exit 1; }
}

need_dotnet() {
  command -v dotnet >/dev/null || { say "the .NET SDK 10 is missing: https://dot.net/download (Debian does not package it)"; exit 1; }
}

FLEET_PACKAGES="postgres=postgresql redis-server=redis-server haproxy=haproxy pgbouncer=pgbouncer sshd=openssh-server ssh=openssh-client setpriv=util-linux setsid=util-linux npm=npm"
TEST_PACKAGES="chromium=chromium fc-list=fontconfig"
