#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two relays. One is drained: its spokes move to the other one while it goes on relaying, and a flood of pings
# between a spoke and an ordinary host, each way and in each family, goes on. How long it took and how many
# pings were lost is printed. The same when a relay is merely told to stop. A host that is no relay, and a
# relay that is the only one, are not drained.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
spokes="s1 s2"
number=1
for host in r1 r2 plain $spokes; do
	need mesh_host "$host" $number
	number=$((number + 1))
done

# relay_of SPOKE: the relay it uses
relay_of() { mesh_agent "$1" status | jq -r .relay_peer; }
relays_of_all() { for host in $spokes; do relay_of "$host"; done | sort -u | tr '\n' ' '; }
all_use() { [ "$(relays_of_all)" = "$1 " ]; }
drain() { "$mesh_nexctl" nexd drain --socket "$(mesh_socket "$1")" "${@:2}" 2>&1; }
# drain_ends CODE HOST [OPTION...]: what it says is in $said
drain_ends()
{
	local code=0
	said=$(drain "${@:2}") || code=$?
	check_same "draining $2 ${*:3} ends with exit code $1" "$1" "$code"
	[ "$check_result" = passed ] || echo "$said"
}
record_draining() { [ "$(mesh_device "$1" relay_draining)" = "$2" ]; }

floods_begin()
{
	begin=$EPOCHREALTIME
	plain4=$(mesh_tunnel_address plain 4) s1_6=$(mesh_tunnel_address s1 6)
	flood_start s1 "$plain4"
	flood_start plain "$s1_6"
}
# The hosts change their minds at one moment, but for the milliseconds in which they hear of it: what is on its
# way then is lost. A tenth of a second is a bound for a busy machine.
floods_judge()
{
	echo "    after $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
	sleep 3 # a loss may come late
	flood_end "$plain4" "$s1_6"
	local address sent answered
	for address in "$plain4" "$s1_6"; do
		IFS=/ read -r sent answered <<<"$(flood_result "$address")"
		echo "    to $address: $sent/$answered pings answered, one each 10 ms"
		check "at most a tenth of a second of it is lost" [ $((sent - answered)) -le $((10 * LAB_TIME_FACTOR)) ]
		check "and most of it is not" [ "$answered" -gt $((sent / 2)) ]
	done
}

mesh_enrol r1 --relay-node
mesh_enrol r2 --relay-node --drain-timeout=20
need mesh_wait_running 1 r1 r2
mesh_enrol plain
for host in $spokes; do
	mesh_enrol "$host" --relay-only
done
need mesh_wait_running 4 r1 r2 plain $spokes
# Two tunnels that ask each other at once may take half a minute until they work: this is not what is to be
# measured. Send all spokes to the one relay, then to the other.
for relays in "r1 r2" "r2 r1"; do
	read -r old new <<<"$relays"
	drain_ends 0 "$old"
	check_soon "the spokes use $new" 30 all_use "$new"
	for host in $spokes; do
		check_soon "$host reaches the ordinary host in both families" 60 mesh_reaches "$host" plain
	done
	drain_ends 0 "$old" --undo
done
check_soon "the relays reach each other" 60 mesh_reaches r1 r2

echo "--- a host that is no relay"
drain_ends 1 plain
check "it says so" grep -q "no relay" <<<"$said"

echo "--- a relay is drained"
floods_begin
drain_ends 0 r1
check_same "its spokes use the other relay" "r2 " "$(relays_of_all)"
floods_judge
check "it says that it drains" mesh_says r1 status '.draining and .spokes_behind == 0'
check "and so do others of it" mesh_says plain peers '.[] | select(.hostname == "r1") | .draining'
check "and its record" record_draining r1 true
check_soon "it is still reached, through the other one" 60 mesh_reaches s1 r1
drain_ends 0 r1 --undo
check_soon "it no longer drains" 20 record_draining r1 false
check_same "nobody moves back without need" "r2 " "$(relays_of_all)"

echo "--- a relay is told to stop"
floods_begin
check "it lets its spokes go first, and ends" mesh_stop r2
check_same "its spokes use the other relay" "r1 " "$(relays_of_all)"
floods_judge
check_not "its tunnel is gone" ip -n "$LAB-r2" link show wg0
for host in $spokes; do
	check_soon "$host reaches the ordinary host in both families" 60 mesh_reaches "$host" plain
done
mesh_start r2
need mesh_wait_running 4 r2
check_soon "when it is back, it drains no more" 20 record_draining r2 false

echo "--- the last relay"
drain_ends 0 r2 --timeout 0
drain_ends 1 r1
check "it says that there is no other" grep -q "no other relay" <<<"$said"
check "and does not drain" mesh_says r1 status '.draining == false'
drain_ends 3 r1 --force --timeout 1
check "it says how many are left" grep -q "2 still are behind" <<<"$said"
check_same "nobody moves" "r1 " "$(relays_of_all)"
check "everybody is reached" mesh_reaches s1 plain
mesh_finish
