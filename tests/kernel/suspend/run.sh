#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The machine is suspended, with all that is on it, and wakes up again by its clock's alarm: nexd notices how long it
# was, connects anew to the service, and nobody's tunnel, process or way is another one. Twice, for a second sleep
# is told of like the first.
. "$(dirname "$0")/../../netns/scenario.sh"

# Longer than nexd may be held up without taking that for a sleep.
asleep=20
scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
a4=$(mesh_tunnel_address alpha 4) a6=$(mesh_tunnel_address alpha 6)
b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
both_ways()
{
	check_soon "$1: beta reaches alpha over IPv4" 10 mesh_ping beta "$a4" 1
	check_soon "$1: and over IPv6" 10 mesh_ping beta "$a6" 1
	check_soon "$1: alpha reaches beta over IPv4" 10 mesh_ping alpha "$b4" 1
	check_soon "$1: and over IPv6" 10 mesh_ping alpha "$b6" 1
}
# told HOST TIMES: of a sleep of about that long
told() { [ "$(grep -cE 'this host was asleep.*seconds="?(1[5-9]|[2-9][0-9])([^0-9]|$)' "$LAB_DIR/log/$1")" = "$2" ]; }

both_ways "before"
index=$(interface_index alpha) agent=${mesh_pid[alpha]}
for times in 1 2; do
	stream=$(stream_port alpha)
	need [ -n "$stream" ]
	need rtcwake -m mem -s $asleep >/dev/null
	check_same "the machine has slept" "$times" "$(cat /sys/power/suspend_stats/success)"
	check_soon "alpha tells of it" 10 told alpha $times
	check_soon "beta tells of it" 10 told beta $times
	check_soon "its connection to the service is another one" 20 another_stream alpha "$stream"
	check_soon "it is in touch with the service" 20 mesh_is_running alpha 1
	both_ways "after sleep $times"
done
check "nexd is the same process" kill -0 "$agent"
check_same "the interface is the same" "$index" "$(interface_index alpha)"
mesh_finish
