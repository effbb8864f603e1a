#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Another prefix in the server's configuration, or at an organization's creation, is all it takes to
# leave the default: hosts, relay and spoke of both organizations follow, prefix length included.
. "$(dirname "$0")/../scenario.sh"

scenario_begin --set ipam-v6.prefix=fd00:aaaa::/64

# organization_of NAME FIELD
organization_of()
{
	mesh_nexctl organization list --output json |
		jq -r --arg name "$1" --arg field "$2" '.[] | select(.name == $name) | .[$field]'
}

# members SUFFIX: a relay, a spoke and an ordinary host of the organization of the present key
members()
{
	mesh_enrol "relay$1" --relay-node
	need mesh_wait_running 0 "relay$1"
	mesh_enrol "alpha$1"
	mesh_enrol "spoke$1" --relay-only
	need mesh_wait_running 2 "relay$1" "alpha$1" "spoke$1"
}

number=0
for host in relay1 alpha1 spoke1 relay2 alpha2 spoke2; do
	number=$((number + 1))
	need mesh_host "$host" "$number"
done

need mesh_key_create --organization "$(organization_of admin id)"
members 1
check_same "the first organization has the configured prefix" fd00:aaaa::/64 "$(organization_of admin cidr_v6)"
check "its host has an address of it" has_address alpha1 6 "$(mesh_device alpha1 tunnel_ip_v6)/64"
check "and the supernet route" has_route alpha1 6 fd00:aaaa::/64

need mesh_nexctl organization create --name other --cidr 10.77.0.0/20 --cidr-v6 fd00:bbbb:0:7700::/56 --hub-zone
need mesh_key_create --organization "$(organization_of other id)"
members 2
check_same "the second has the prefix asked for" fd00:bbbb:0:7700::/56 "$(organization_of other cidr_v6)"
check "its host has an address of it, length 56" has_address alpha2 6 "$(mesh_device alpha2 tunnel_ip_v6)/56"
check "and the supernet route, IPv4" has_route alpha2 4 10.77.0.0/20
check "and the supernet route, IPv6" has_route alpha2 6 fd00:bbbb:0:7700::/56

for n in 1 2; do
	for family in 4 6; do
		alpha=$(mesh_tunnel_address "alpha$n" "$family") spoke=$(mesh_tunnel_address "spoke$n" "$family")
		check "spoke$n reaches alpha$n through the relay, IPv$family" mesh_ping "spoke$n" "$alpha" 10
		check "alpha$n reaches spoke$n through the relay, IPv$family" mesh_ping "alpha$n" "$spoke" 10
	done
done
check_not "the organizations do not reach each other, IPv4" \
	ip netns exec "$LAB-alpha1" ping -qnc1 -W1 "$(mesh_tunnel_address alpha2 4)"
check_not "the organizations do not reach each other, IPv6" \
	ip netns exec "$LAB-alpha1" ping -qnc1 -W1 "$(mesh_tunnel_address alpha2 6)"
check_same "nobody has an address of the default prefix" "" \
	"$(for host in "${!mesh_pid[@]}"; do ip -n "$LAB-$host" -6 address show dev wg0; done | grep 'inet6 200:')"
mesh_finish
