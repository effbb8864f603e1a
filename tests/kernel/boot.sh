#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# boot.sh BUILD RESULTS KERNEL-ARGUMENTS SCENARIO... [alone SCENARIO...]
#
# Run scenarios in a guest with Debian's cloud kernel. RESULTS gets a
# SCENARIO.log and a SCENARIO.status of each. Fails only if the guest did not get through; whether
# a scenario passed is for result.sh to say.
set -u
build=$1 results=$2 arguments=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2086 # a list
[ -z "${NEXODUS_SCENARIOS:-}" ] || set -- $NEXODUS_SCENARIOS
if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: sharing this machine's files with a guest needs root"
	exit 77
fi

rm -rf "$results"
mkdir -p "$results"
"$here/../lib/vm-prep.sh" "$build/vm" || exit 1
# Debian's own programs: a wrapper that a machine has before them may take many seconds in emulation.
exec "$here/../lib/vm-run.sh" -m 2048 -t 3400 -a "$arguments" -o "$results" -l "$results/console" \
	"$build/vm" env PATH=/usr/sbin:/usr/bin:/sbin:/bin NEXODUS_BUILD="$build" LAB_TIME_FACTOR=20 \
	bash "$here/scenarios.sh" "$@"
