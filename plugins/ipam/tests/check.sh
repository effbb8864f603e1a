# SPDX-License-Identifier: Apache-2.0
# Source me (POSIX sh): a network namespace of this test's own, and assertions. Set `space` first.
#
# `expect WHAT EXPECTED ACTUAL` compares texts, `check_end` tells the sum and gives the exit status.

checks_failed=0
directory=$(mktemp -d)

check_cleanup() {
	ip netns del "$space" 2>/dev/null
	rm -rf "$directory"
}
trap check_cleanup EXIT
trap 'exit 1' INT TERM HUP PIPE

if [ "$(id -u)" != 0 ]; then
	echo "this test needs root: it works in a network namespace of its own" >&2
	exit 1
fi
ip netns del "$space" 2>/dev/null
ip netns add "$space" || exit 1

inside() {
	ip netns exec "$space" "$@"
}

# squeeze: one space between words, none at the end of a line
squeeze() {
	sed 's/[ \t][ \t]*/ /g; s/^ //; s/ $//'
}

expect() {
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
		return
	fi
	checks_failed=$((checks_failed + 1))
	echo "FAIL: $1"
	printf 'expected:\n%s\nfound:\n%s\n' "$2" "$3"
}

check_end() {
	echo "$checks_failed failed"
	[ "$checks_failed" = 0 ]
}
