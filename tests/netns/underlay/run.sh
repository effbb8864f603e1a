#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A host's own network comes and goes: its addresses change, its interface goes down and up, the host is
# stopped for longer than anybody waits. Without a restart it publishes where it is, is in touch with the
# service again, and its tunnels work in both families.
. "$(dirname "$0")/../scenario.sh"

published()
{
	[ "$(mesh_device beta "$1")" = "$2:$port" ]
}

# The one stream of beta goes from this address.
streams_from()
{
	ip netns exec "$LAB-beta" ss -Hnt state established dst "$mesh_address" | grep -qF " $1:"
}

both_ways()
{
	check_soon "$1: alpha reaches beta over IPv4" 15 mesh_ping alpha "$b4" 1
	check_soon "$1: beta reaches alpha over IPv4" 15 mesh_ping beta "$a4" 1
	! lab_has_v6 || check_soon "$1: alpha reaches beta over IPv6" 15 mesh_ping alpha "$b6" 1
	check_soon "$1: beta is in touch with the service" 15 mesh_is_running beta 1
}

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
a4=$(mesh_tunnel_address alpha 4) b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
port=$(mesh_agent beta status | jq .listen_port) agent=${mesh_pid[beta]}
both_ways "at first"

need ip -n "$LAB-beta" address del 10.99.0.2/24 dev eth0
need ip -n "$LAB-beta" address replace 10.99.0.12/24 dev eth0
! lab_has_v6 || need ip -n "$LAB-beta" address add fd99::12/64 dev eth0 nodad
! lab_has_v6 || need ip -n "$LAB-beta" address del fd99::2/64 dev eth0
check_soon "another address: it is published" 15 published local_ip 10.99.0.12
! lab_has_v6 || check_soon "another address: in IPv6 too" 15 published local_ip_v6 '[fd99::12]'
check_soon "another address: the stream goes from it" 15 streams_from 10.99.0.12
both_ways "another address"

need ip -n "$LAB-beta" link set eth0 down
sleep 1
need ip -n "$LAB-beta" link set eth0 up
! lab_has_v6 || need ip -n "$LAB-beta" address replace fd99::12/64 dev eth0 nodad
both_ways "the interface went down and up"

kill -STOP "$agent"
sleep 16
kill -CONT "$agent"
check_soon "stopped for 16 seconds: nexd notices" 10 grep -q 'this host was asleep' "$LAB_DIR/log/beta"
both_ways "stopped for 16 seconds"
check "nexd is the same process" kill -0 "$agent"
mesh_finish
