#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The wall clock of a host jumps, by days and both ways, while packets go to and from it: none is lost, nexd goes on as
# the same process over the same connection, and does not take the jump for a sleep. One that is killed and started
# again after a jump takes its tunnel over, although the clock no longer tells how old its sessions are. Where the
# machine is ours to set, in the guest, it is the machine's own clock; elsewhere what nexd on that host reads is moved.
. "$(dirname "$0")/../scenario.sh"

day=86400
scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
need mesh_host relay 3
mesh_enrol relay --relay-node
mesh_enrol beta

if [ -d /run/vm ]; then
	echo "the machine's clock is set"
	moved=0
	# clock_move SECONDS: from the right time
	clock_move()
	{
		date -s "@$(($(date +%s) + $1 - moved))" && moved=$1
	}
	mesh_enrol alpha
else
	echo "what nexd on alpha reads is moved"
	clock_move()
	{
		# In place: it is mapped.
		python3 -c 'import struct, sys; open(sys.argv[2], "r+b").write(struct.pack("=q", int(sys.argv[1]) * 10**9))' \
			"$1" "$LAB_DIR/alpha/clock"
	}
	head -c 8 /dev/zero >"$LAB_DIR/alpha/clock"
	cat >"$LAB_DIR/nexd" <<-END
		#!/bin/sh
		LD_PRELOAD=$NEXODUS_BUILD/tests/faults/libclock.so NEXODUS_TEST_CLOCK=$LAB_DIR/alpha/clock \\
			ASAN_OPTIONS=verify_asan_link_order=0 exec $mesh_nexd "\$@"
	END
	chmod +x "$LAB_DIR/nexd"
	mesh_nexd=$LAB_DIR/nexd mesh_enrol alpha
fi
start_again() { mesh_nexd=$([ -d /run/vm ] && echo "$mesh_nexd" || echo "$LAB_DIR/nexd") mesh_start alpha; }
need mesh_wait_running 2 alpha beta relay
# seen_day: of the latest line of nexd's log there
seen_day() { tail -n 1 "$LAB_DIR/log/alpha" | sed -nE 's/^time=([0-9-]+)T.*/\1/p'; }
# proven HOST OTHER: by a handshake, not merely hoped for
proven() { mesh_says "$1" peers --arg other "$2" 'any(.[]; .hostname == $other and .path == "direct" and .reason == "")'; }
a4=$(mesh_tunnel_address alpha 4) b6=$(mesh_tunnel_address beta 6)
check_soon "beta reaches alpha" 20 mesh_ping beta "$a4" 1
check_soon "alpha reaches beta" 20 mesh_ping alpha "$b6" 1
# A session that nexd meets with a clock that is wrong is made anew, for it cannot tell its age.
for other in beta relay; do check_soon "alpha has seen its handshake with $other" 30 proven alpha $other; done
agent=${mesh_pid[alpha]} stream=$(stream_port alpha) today=$(seen_day)
need [ -n "$stream" ]

flood_start beta "$a4"
flood_start alpha "$b6"
for jump in "2 days ahead:$((2 * day))" "back:0" "2 days behind:$((-2 * day))" "back:0"; do
	echo "--- ${jump%:*}"
	need clock_move "${jump#*:}"
	sleep 4
	# A line of the log tells what time it is there.
	kill -HUP "$agent"
	check_soon "nexd goes on" 10 mesh_is_running alpha 2
	if [ "${jump#*:}" = 0 ]; then
		check_soon "it sees today" 10 sh -c 'tail -n 1 "$0" | grep -q "^time=$1T"' "$LAB_DIR/log/alpha" "$today"
	else
		check_soon "it sees another day" 10 sh -c '! tail -n 1 "$0" | grep -q "^time=$1T"' "$LAB_DIR/log/alpha" "$today"
	fi
	check_not "its peers do not look younger than they are" sh -c '"$@" | grep -E " -[0-9]+ s ago"' sh \
		"$mesh_nexctl" nexd peers --quick --socket "$(mesh_socket alpha)"
done
sleep 3 # a loss may come late
flooded "to the host" "$a4"
flooded "from the host" "$b6"
check "nexd is the same process" kill -0 "$agent"
check_same "its connection to the service is the same" "$stream" "$(stream_port alpha)"
check_not "nobody thinks that the host was asleep" grep -h "was asleep" "$LAB_DIR/log/alpha" "$LAB_DIR/log/beta"

for jump in "2 days ahead:$((2 * day))" "2 days behind:$((-2 * day))"; do
	echo "--- killed, and started again ${jump%:*}"
	mesh_stop alpha KILL
	need clock_move "${jump#*:}"
	index=$(interface_index alpha)
	need start_again
	check_soon "it is in touch with the service" 30 mesh_is_running alpha 2
	check_same "the interface is the same" "$index" "$(interface_index alpha)"
	check_soon "its way to beta works, and it knows" 40 proven alpha beta
	check_soon "beta reaches it" 10 mesh_ping beta "$a4" 1
	check_soon "it reaches beta" 10 mesh_ping alpha "$b6" 1
	need clock_move 0
done
mesh_finish
