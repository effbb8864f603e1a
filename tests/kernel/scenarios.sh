#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scenarios.sh SCENARIO... [alone SCENARIO...]
#
# Inside the guest: run each scenario, whatever the others do. See boot.sh. One more at a time
# than it has processors, because much of one is waiting; those after "alone" count the packets of a
# flood, and have the guest to themselves.
set -u
here=$(cd "$(dirname "$0")" && pwd)
results=/run/vm/out
processors=$(nproc)

run()
{
	local scenario=$1 begin=$SECONDS script=$here/../netns/$1/run.sh status
	[ -e "$script" ] || script=$here/$scenario/run.sh
	timeout -k 60 1200 bash "$script" >"$results/$scenario.log" 2>&1
	status=$?
	echo "$scenario: status $status after $((SECONDS - begin)) s" | tee -a "$results/$scenario.log"
	echo "$status" >"$results/$scenario.status"
}

# A scenario may set the clock, so nothing here counts seconds but what is told.
while [ $# -gt 0 ] && [ "$1" != alone ]; do
	run "$1" &
	shift
	while [ "$(jobs -rp | wc -l)" -gt "$processors" ]; do wait -n; done
done
wait
[ $# = 0 ] || shift
for scenario; do run "$scenario"; done
