#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A host advertises a network of each family: the others route it to that host and reach what is
# behind. Advertised prefixes can change while agents run, and go with the device.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host alpha 1
need mesh_host router 6
need six_hosts_make_behind
matrix_host alpha ordinary
matrix_host router ordinary
matrix_host_behind behind router 172.17.20.2 172.17.20.0/24 2001:db8:abcd:12::2 2001:db8:abcd:12::/64

routed() { has_route alpha 4 172.17.20.0/24 && has_route alpha 6 2001:db8:abcd:12::/64; }
routed_v4_alone() { has_route alpha 4 172.17.20.0/24 && ! has_route alpha 6 2001:db8:abcd:12::/64; }
routed_none() { ! has_route alpha 4 172.17.20.0/24 && ! has_route alpha 6 2001:db8:abcd:12::/64; }

mesh_enrol alpha
mesh_enrol router --advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64
need mesh_wait_running 1 alpha router
scenario_matrix 20
check "alpha routes both networks into the tunnel" routed
check "what is behind reaches alpha, IPv4" mesh_ping behind "$(mesh_tunnel_address alpha 4)"
check "what is behind reaches alpha, IPv6" mesh_ping behind "$(mesh_tunnel_address alpha 6)"

id=$(device_id router)
check "the IPv6 network is taken back" mesh_nexctl device update "$id" --advertise-cidr 172.17.20.0/24
check_soon "alpha keeps the IPv4 network alone" 10 routed_v4_alone
check "what is behind still answers, IPv4" mesh_ping alpha 172.17.20.2
check "the IPv6 network is advertised again" mesh_nexctl device update "$id" \
	--advertise-cidr 172.17.20.0/24,2001:db8:abcd:12::/64
check_soon "alpha routes both again" 10 routed
check "what is behind answers again, IPv6" mesh_ping alpha 2001:db8:abcd:12::2 10
check "the device is deleted" mesh_nexctl device delete "$id"
check_soon "alpha routes neither" 10 routed_none
mesh_finish
