#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A host with IPv6 switched off joins with IPv4 alone, without a flag; its peers route no IPv6 to it.
# Switched on while nexd runs, it becomes dual-stack by itself; switched off again, IPv4-only again.
# Its IPv4 never stops.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host alpha 1
need mesh_host v4only 2 v4-only
mesh_enrol alpha
mesh_enrol v4only
need mesh_wait_running 1 alpha v4only
a4=$(mesh_tunnel_address alpha 4) a6=$(mesh_tunnel_address alpha 6)
v4=$(mesh_tunnel_address v4only 4)

# any prefix of IPv6 in what alpha lets through to v4only
routes_v6_to_v4only()
{
	mesh_says alpha peers '.[] | select(.hostname == "v4only") | .allowed_ips | any(contains(":"))'
}

routes_no_v6_to_v4only()
{
	mesh_says alpha peers '.[] | select(.hostname == "v4only") | .allowed_ips | all(contains(":") | not)'
}

flagged()
{
	[ "$(mesh_device v4only ipv6_supported)" = "$1" ]
}

reached_v6()
{
	local address
	address=$(mesh_tunnel_address v4only 6)
	[ -n "$address" ] && ip netns exec "$LAB-alpha" ping -qnc1 -W1 "$address" &&
		ip netns exec "$LAB-v4only" ping -qnc1 -W1 "$a6"
}

check "alpha is dual-stack" [ -n "$a6" ]
check "v4only is flagged on its record" flagged false
check_same "v4only has no IPv6 address on its record" "" "$(mesh_device v4only tunnel_ip_v6)"
check "v4only has no IPv6 address on its interface" has_no_family v4only 6
check "alpha's driver gets no IPv6 prefix for it" routes_no_v6_to_v4only
check "alpha reaches it over IPv4" mesh_ping alpha "$v4"
check "it reaches alpha over IPv4" mesh_ping v4only "$a4"

index=$(interface_index v4only) agent=${mesh_pid[v4only]}
flood_start v4only "$a4"
lab_v6 v4only on
check_soon "IPv6 switched on: it gets an address" 15 has_family v4only 6
check_soon "it is no longer flagged" 15 flagged true
check_soon "alpha's driver gets its IPv6 address" 15 routes_v6_to_v4only
check_soon "IPv6 flows both ways" 15 reached_v6
v6=$(mesh_tunnel_address v4only 6)

lab_v6 v4only off
check_soon "IPv6 switched off again: it is flagged again" 15 flagged false
check_soon "alpha's driver no longer has its IPv6 address" 15 routes_no_v6_to_v4only
check "its IPv6 address is gone from the interface" has_no_family v4only 6
check_not "nothing answers there" ip netns exec "$LAB-alpha" ping -qnc1 -W1 "$v6"
flooded "IPv4 all that while" "$a4"
check_same "the interface is the same" "$index" "$(interface_index v4only)"
check "nexd is the same process" kill -0 "$agent"
mesh_finish
