#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Ended by SIGTERM, nexd leaves nothing on the host: no interface, route, rule, firewall table,
# setting or process that was not there before; not even after it was killed in between. Also on a
# relay and on a host that advertises a network, which change settings of the host.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host router 6
need six_hosts_make_behind
# What the host had before is the host's: a firewall of its own, forwarding of one family.
need ip netns exec "$LAB-router" nft add table inet firewall
need ip netns exec "$LAB-router" nft 'add chain inet firewall forward { type filter hook forward priority filter; policy accept; }'
need ip netns exec "$LAB-router" nft add rule inet firewall forward counter accept
need ip netns exec "$LAB-router" sysctl -qw net.ipv4.ip_forward=1

declare -A before
for host in relay alpha router; do before[$host]=$(host_state "$host"); done

join()
{
	mesh_enrol relay --relay-node
	mesh_enrol alpha
	mesh_enrol router --advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64
	need mesh_wait_running 2 relay alpha router
}

# leaves WHAT: all three end, and are as they were
leaves()
{
	local host
	for host in relay alpha router; do
		check "$1: nexd on $host ends in order" mesh_stop "$host"
		check_same "$1: $host is as it was" "${before[$host]}" "$(host_state "$host")"
	done
}

join
check "IPv4 flows" mesh_ping alpha 172.17.20.2 10
check "IPv6 flows" mesh_ping alpha 2001:db8:abcd:12::2 10
leaves "ended"

join
for host in relay alpha router; do
	mesh_stop "$host" KILL
	mesh_start "$host"
done
need mesh_wait_running 2 relay alpha router
leaves "killed, started again, ended"

join
mesh_stop alpha KILL
check "killed, the tunnel stands" has_family alpha 4
mesh_start alpha
need mesh_wait_running 2 alpha
check "and the next nexd takes it over" mesh_ping alpha 172.17.20.2 10
leaves "taken over, ended"
mesh_finish
