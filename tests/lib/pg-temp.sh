#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A throw-away PostgreSQL on a Unix socket only (DIR/sock), without passwords, without fsync
# (PG_FSYNC=on: with it, for measurements).
#
#	pg-temp.sh run CMD [ARG...]    with PGHOST, PGUSER, PGDATABASE set; CMD's exit status
#	eval "$(pg-temp.sh start DIR)"; ...; pg-temp.sh stop DIR
#
# PostgreSQL refuses to run as root: as root everything is done as $PG_USER (postgres, else nobody),
# who must be able to reach DIR, so not below /root. 77 when PostgreSQL is not installed.
set -eu
sync=${PG_FSYNC:-off}
# shellcheck disable=SC2012 # version numbers, nothing that find would sort
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || echo /nonexistent/initdb)")
[ -x "$bin/initdb" ] || { echo 'pg-temp: PostgreSQL is not installed (package postgresql)' >&2; exit 77; }
user=${PG_USER:-$(if getent passwd postgres >/dev/null; then echo postgres; else echo nobody; fi)}

# cd first: the server must not inherit a directory its user cannot read
as_user()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups env -u PGDATA "$@")
	else
		"$@"
	fi
}

start()
{
	mkdir -p "$1"
	[ "$(id -u)" != 0 ] || chown "$user" "$1"
	chmod 711 "$1"
	dir=$(cd "$1" && pwd)
	as_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
		--no-sync --no-instructions >/dev/null
	as_user mkdir -p "$dir/sock"
	as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -s -w -t 60 start -o "-k $dir/sock \
		-c listen_addresses='' -c fsync=$sync -c synchronous_commit=$sync -c full_page_writes=$sync \
		-c shared_buffers=32MB -c max_connections=100" ||
		{ cat "$dir/log" >&2; return 1; }
}

stop()
{
	[ -d "$1" ] || return 0
	dir=$(cd "$1" && pwd)
	as_user "$bin/pg_ctl" -D "$dir/data" -s -m immediate -w stop || :
	rm -rf "$dir"
}

run()
{
	temporary=$(mktemp -d "${TMPDIR:-/tmp}/pg-temp.XXXXXX")
	child=
	trap 'status=$?; trap - EXIT; [ -z "$child" ] || kill "$child" 2>/dev/null || :; stop "$temporary"; exit $status' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
	start "$temporary"
	# In the background, so that a signal ends the wait at once; with our standard input all the same.
	PGHOST=$temporary/sock PGUSER=postgres PGDATABASE=postgres "$@" <&0 &
	child=$!
	status=0
	wait "$child" || status=$?
	child=
	exit "$status"
}

case ${1:-} in
start)
	start "${2:?DIR}"
	echo "export PGHOST='$dir/sock' PGUSER=postgres PGDATABASE=postgres"
	;;
stop) stop "${2:?DIR}" ;;
run)
	shift
	run "$@"
	;;
*)
	sed -n '4,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
