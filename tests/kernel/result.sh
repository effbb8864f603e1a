#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# result.sh RESULTS SCENARIO: what a scenario said in the guest; its exit status
cat "$1/$2.log" 2>/dev/null
[ -s "$1/$2.status" ] || { echo "$2 did not end in the guest; its console is $1/console"; exit 1; }
exit "$(cat "$1/$2.status")"
