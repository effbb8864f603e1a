#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# external.sh PROGRAM PLUGIN PYTHON SERVICE: the strategy that asks a service passes every check with the reference
# service, and says why it cannot be checked without one.
set -u
program=$1 plugin=$2 python=$3 service=$4
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/nexodus-check.XXXXXX")
server=
cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null
	wait
	rm -rf "$LAB_DIR"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
. "$(dirname "$0")/../lib/check.sh"

"$program" --seed=1 "$plugin" >"$LAB_DIR/said" 2>&1
check_same "without a service it does not fail" 0 $?
check "it is said what is missing" \
	grep -q "^skipped: strategy/external.proposals: what it asks is away (no service is configured" "$LAB_DIR/said"

mkfifo "$LAB_DIR/port"
"$python" "$service" --state "$LAB_DIR/book" >"$LAB_DIR/port" 2>/dev/null &
server=$!
read -t 60 -r line <"$LAB_DIR/port"
check "the service listens" test "${line%% *}" = listening
"$program" --seed=1 --set="url=http://${line##* }/" "$plugin" >"$LAB_DIR/said" 2>&1
check_same "with one it passes" 0 $?
check_same "all checks but that of growth were made" "strategy/external.growth" \
	"$(sed -n 's/^skipped: \([^:]*\):.*/\1/p' "$LAB_DIR/said")"
check_same "and nothing was worth a note" "" "$(grep '^note: strategy' "$LAB_DIR/said")"
check_report
