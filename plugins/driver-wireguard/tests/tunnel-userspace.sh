# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The part of tunnel.sh that is about wireguard-go and its configuration socket alone.

# The daemon that serves an interface, by its command line.
daemon_of()
{
	local pid
	for pid in $(ip netns pids "$LAB-$1"); do
		[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "wireguard-go $2 " ] && echo "$pid"
	done
}

session_of() { ps -o sid= -p "$1"; }

# As lab_x, but with the /run of another host: two namespaces that share their sockets.
drive_sharing()
{
	local host=$1 run=$2
	shift 2
	printf '%s\n' "$@" | ip netns exec "$LAB-$host" sh -c "$lab_enter" "$LAB_DIR/$run/run" \
		"$probe" "$plugin" "$LAB_DIR/$host/state" wg0 wireguard-go 2>&1
}

echo "--- wireguard-go"
daemon=$(daemon_of h1 wg0)
check_not "the daemon is in a session of its own" test "$(session_of "$daemon")" = "$(session_of $$)"
kill -STOP "$daemon"
since=$SECONDS
check "a daemon that does not answer is reported" refused "Connection timed out" drive h1 up
check "within seconds" test $((SECONDS - since)) -le 8
kill -CONT "$daemon"
check_soon "it goes on when the daemon does" 10 drive h1 up

kill -KILL "$daemon"
check_soon "the interface goes with its daemon" 5 interface_absent h1 wg0
check "its socket stays behind" test -S "$LAB_DIR/h1/run/wireguard/wg0.sock"
check "a new one replaces both" said "adopted=no" drive h1 "up 51820"
lab_address_add "$LAB-h1" wg0 100.100.0.1/24
check "with the peer" drive h1 up "set $key2 10.99.0.2:$port2 0 100.100.0.2/32,200::2/128" apply
check_soon "the tunnel is back" 10 reach h1 100.100.0.2

lab_host h3
mkdir -m 700 "$LAB_DIR/h3/state"
check "a socket of another namespace is refused" refused "in another network namespace" drive_sharing h3 h1 up
check "nothing is made there" interface_absent h3 wg0
drive h3 up >/dev/null
check "even where an interface of that name exists" refused "private key is not this host's" drive_sharing h3 h1 up
check "that interface is removed through its own socket" drive h3 up down
check_same "the other host's key was not touched" "$key1" "$(lab_x h1 wg show wg0 public-key)"

rm "$LAB_DIR/h2/run/wireguard/wg0.sock"
check_soon "a daemon whose socket is removed ends" 5 interface_absent h2 wg0
check "the next life begins anew" said "adopted=no" drive h2 "up $port2"
