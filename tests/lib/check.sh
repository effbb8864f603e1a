# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Assertions of scenarios: each says in words what must be true, and what was seen when it is not.
# A scenario goes on after a failure, so that one run shows all of them.

checks_passed=0
checks_failed=0

# check WHAT CMD...: CMD must succeed
check()
{
	local what=$1
	shift
	if "$@" >"$LAB_DIR/check.out" 2>&1; then
		check_passed "$what"
	else
		check_failed "$what" "$* failed" "$(tail -n 20 "$LAB_DIR/check.out")"
	fi
}

# check_not WHAT CMD...: CMD must fail
check_not()
{
	local what=$1
	shift
	if "$@" >"$LAB_DIR/check.out" 2>&1; then
		check_failed "$what" "$* succeeded" "$(tail -n 20 "$LAB_DIR/check.out")"
	else
		check_passed "$what"
	fi
}

# check_soon WHAT SECONDS CMD...: CMD must succeed before that many seconds have passed
check_soon()
{
	local what=$1
	shift
	check "$what" lab_wait "$@"
	[ "$check_result" = passed ] || "${@:2}" 2>&1 | tail -n 20 | sed 's/^/    last: /'
}

# check_same WHAT EXPECTED FOUND
check_same()
{
	if [ "$2" = "$3" ]; then
		check_passed "$1"
	else
		check_failed "$1" "not as expected (<), but (>)" "$(diff <(echo "$2") <(echo "$3"))"
	fi
}

check_passed()
{
	check_result=passed
	checks_passed=$((checks_passed + 1))
	echo "ok: $1"
}

# check_failed WHAT WHY [DETAILS]
check_failed()
{
	check_result=failed
	checks_failed=$((checks_failed + 1))
	echo "FAILED: $1: $2"
	[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/    /'
}

# The scenario's last command: its exit status.
check_report()
{
	echo "$checks_passed passed, $checks_failed failed"
	[ "$checks_failed" = 0 ] && [ "$checks_passed" -gt 0 ]
}
