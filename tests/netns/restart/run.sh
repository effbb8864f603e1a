#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# nexd killed and started again loses no ping of a running flood, in either family, and keeps the
# interface. A server away changes nothing: not for a running agent, not for a killed one, and a
# host that boots meanwhile joins the mesh from its last known good state.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
check "IPv4 flows" mesh_ping alpha "$b4" 10
check "IPv6 flows" mesh_ping alpha "$b6" 10

# runs_with_a_peer HOST: as after a start, with the server or without
runs_with_a_peer()
{
	mesh_says "$1" status '.peers.total >= 1'
}

# kill_and_restart HOST...
kill_and_restart()
{
	local host
	for host; do
		mesh_stop "$host" KILL
		mesh_start "$host"
		lab_wait 20 runs_with_a_peer "$host" || return
	done
}

lossless "nexd killed and started again on one side" alpha beta kill_and_restart alpha
lossless "nexd killed and started again on the other side" alpha beta kill_and_restart beta

check "the server ends in order" mesh_server_stop
lossless "the server away, both agents killed and started again" alpha beta kill_and_restart alpha beta

# As after a boot: no interface, no server, only what is on disk.
mesh_stop alpha KILL
need ip -n "$LAB-alpha" link del wg0
mesh_start alpha
check_soon "a host that boots while the server is away has its peer" 20 runs_with_a_peer alpha
check "IPv4 flows from it" mesh_ping alpha "$b4" 10
check "IPv6 flows from it" mesh_ping alpha "$b6" 10

need mesh_server_start
check_soon "the server back: alpha is in touch with it again" 60 mesh_is_running alpha 1
check "IPv4 flows all the same" mesh_ping alpha "$b4"
check "IPv6 flows all the same" mesh_ping alpha "$b6"
mesh_finish
