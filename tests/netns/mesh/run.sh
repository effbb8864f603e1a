#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The six hosts of the quickstart: everyone reaches everyone, in each family that both have, by the
# path that the specification names; and what an administrator sees on a host is as documented.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need six_hosts_make
need six_hosts_enrol
scenario_matrix 30

a4=$(mesh_device alpha tunnel_ip) a6=$(mesh_device alpha tunnel_ip_v6)
b4=$(mesh_device beta tunnel_ip) b6=$(mesh_device beta tunnel_ip_v6)
check "alpha has its IPv4 address with 32 bits" has_address alpha 4 "$a4/32"
check "alpha has its IPv6 address with the prefix's length" has_address alpha 6 "$a6/64"
check "the IPv4 address is of the default prefix" [ "${a4#100.100.}" != "$a4" ]
check "the IPv6 address is of the default prefix" [ "${a6#200::}" != "$a6" ]
check "alpha has a host route to beta, IPv4" has_route alpha 4 "$b4"
check "alpha has a host route to beta, IPv6" has_route alpha 6 "$b6"
check "alpha has the supernet route, IPv4" has_route alpha 4 100.100.0.0/16
check "alpha has the supernet route, IPv6" has_route alpha 6 200::/64
check "alpha routes the router's network, IPv4" has_route alpha 4 172.17.20.0/24
check "alpha routes the router's network, IPv6" has_route alpha 6 2001:db8:abcd:12::/64
check "v4only has no IPv6 address" has_no_family v4only 6
check_same "nobody has a host route to v4only but for IPv4" "" \
	"$(mesh_device v4only tunnel_ip_v6 | grep .)"
check_same "the spoke has one peer" relay "$(mesh_direct spoke)"
check_not "the spoke has no host route to beta, IPv4" has_route spoke 4 "$b4"
check_not "the spoke has no host route to beta, IPv6" has_route spoke 6 "$b6"
check_same "allowed addresses of a device are its own, with all bits" "$a4/32 $a6/128" \
	"$(mesh_devices | jq -r '.[] | select(.hostname == "alpha") | .allowed_ips | join(" ")')"
mesh_finish
