#!/usr/bin/env bash
# Runs every test on real parts (PostgreSQL, HAProxy, PgBouncer, Redis, sshd, Chromium) and installs what is missing.
# ./test.sh [PROJECT-WORD]   only the test projects whose name contains the word (Core, Jobs, Web, Fleet, Browser)
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. build/setup.sh
need_dotnet
# shellcheck disable=SC2086
install_packages $FLEET_PACKAGES $TEST_PACKAGES

say "building (Release)"
dotnet build OpsConsole.sln -c Release -v q -nologo || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

passed=0 failed=0 skipped=0 broken= slowest=
for project in tests/*.Tests; do
  name=$(basename "$project")
  case "$name" in *"${1:-}"*) ;; *) continue ;; esac
  program=$project/bin/Release/net10.0/Ops$name
  log=$(mktemp) times=$(mktemp -d)
  started=$SECONDS
  timeout --kill-after=20 1700 "$program" --no-ansi --progress off --minimum-expected-tests 1 --xunit-diagnostics on --long-running 150 --report-xunit-junit --report-xunit-junit-filename times.xml --results-directory "$times" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  count() { sed -n "s/^ *$1: \([0-9]*\).*/\1/p" "$log" | tail -n 1; }
  p=$(count succeeded) f=$(count failed) s=$(count skipped)
  [ "$status" = 0 ] || [ "${f:-0}" != 0 ] || f=$(( ${f:-0} + 1 ))  # ended badly without naming a test
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  broken+=$(grep -A 40 '^failed [A-Za-z]' "$log" | cut -c 1-400 | sed "s/^failed /$name: /")$'\n'
  [ "$status" = 0 ] || broken+="  $name: ended with $status"$'\n'
  say "$name: ${p:-0} passed, ${f:-0} failed, ${s:-0} skipped in $((SECONDS - started)) s"
  slowest+=$(grep -o '<testcase name="[^"]*" time="[^"]*"' "$times/times.xml" 2>/dev/null | sed 's/.*name="OpsConsole\.\([^"]*\)" time="\([0-9]*\).*/\2 s  \1/' | sort -rn | head -n 6)$'\n'
  rm -rf "$log" "$times"
done
[ $((passed + failed)) -gt 0 ] || { say "no test ran"; failed=1; }
printf 'The slowest of each project:\n%s\n' "$(printf '%s' "$slowest" | sed 's/^/  /')"
[ "$failed" = 0 ] || printf 'What failed:\n%s\n' "$broken"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
