#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# boot.sh BUILD: the scenario in this folder, in a guest that can be put to sleep because it has nothing of this
# machine's mounted; the exit status is the scenario's.
set -u
build=$1
here=$(cd "$(dirname "$0")" && pwd)
tests=$(cd "$here/../.." && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: sharing this machine's files with a guest needs root"
	exit 77
fi
export PATH=/usr/sbin:/usr/bin:/sbin:/bin # Debian's own programs
copies=$(mktemp "${TMPDIR:-/tmp}/nexodus-copies.XXXXXX")
trap 'rm -f "$copies"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

"$tests/lib/vm-prep.sh" "$build/vm" || exit 1
{
	printf '%s\n' "$build/server/nexodus-server" "$build/agent/nexd" "$build/cli/nexctl" "$build/plugins" \
		"$tests/lib" "$tests/netns" "$here"
	dpkg -L coreutils | grep -E '^(/usr)?/s?bin/.'
	for program in bash sh awk grep ip jq modprobe mount ping rtcwake sed ss sysctl umount unshare; do
		command -v "$program" || { echo "boot: no $program here" >&2; exit 1; }
	done
} >"$copies" || exit 1
"$tests/lib/vm-run.sh" -m 2048 -t 800 -c "$copies" "$build/vm" \
	env NEXODUS_BUILD="$build" LAB_TIME_FACTOR=20 bash "$here/run.sh"
