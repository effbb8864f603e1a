#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nspawn-run.sh [-t SECONDS] [-b HOST-PATH:GUEST-PATH]... ROOT CMD [ARG...]
#
# Boot ROOT, a Debian tree, in a container with systemd as process 1, run CMD there as root after
# sysinit.target, and end it. ROOT stays as it is (an overlay on a tmpfs takes what is written), the network
# namespace is new and empty, the -b paths are read-only. Exit status is CMD's; 125 is this script's own.
# Needs the package systemd-container, and no systemd on this machine.
set -eu
limit=60 binds=
while getopts t:b: option; do
	case $option in
	t) limit=$OPTARG ;;
	b) binds="$binds --bind-ro=$OPTARG" ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
root=$(cd "$1" && pwd)
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/nspawn-run.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 125' HUP INT TERM

quote()
{
	for word; do printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
}

# systemd.run= is split at spaces: it is given the path of a script instead of a command line.
cat >"$work/command" <<END
#!/bin/sh
cd /
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
($(quote "$@")) </dev/null >/run/nspawn-run/output 2>&1
echo \$? >/run/nspawn-run/status
END
chmod 755 "$work/command"

result=0
# shellcheck disable=SC2086 # a list
timeout -k 5 "$limit" systemd-nspawn -q -D "$root" --volatile=overlay --register=no --keep-unit \
	--private-network --console=pipe --bind="$work:/run/nspawn-run" $binds --boot -- \
	systemd.run=/run/nspawn-run/command systemd.run_success_action=exit \
	systemd.run_failure_action=exit systemd.show_status=no </dev/null >"$work/console" 2>&1 || result=$?
cat "$work/output" 2>/dev/null || :
if [ ! -s "$work/status" ]; then
	echo "nspawn-run: the command did not end (systemd-nspawn: $result)" >&2
	tail -n 20 "$work/console" >&2
	exit 125
fi
exit "$(cat "$work/status")"
