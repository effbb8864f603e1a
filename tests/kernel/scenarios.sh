#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Inside the guest: run each scenario, whatever the one before did. See boot.sh.
set -u
here=$(cd "$(dirname "$0")" && pwd)
results=/run/vm/out

for scenario; do
	run=$here/../netns/$scenario/run.sh
	[ -e "$run" ] || run=$here/$scenario/run.sh
	begin=$SECONDS
	timeout -k 60 900 bash "$run" >"$results/$scenario.log" 2>&1
	status=$?
	echo "$scenario: status $status after $((SECONDS - begin)) s" | tee -a "$results/$scenario.log"
	echo "$status" >"$results/$scenario.status"
done
