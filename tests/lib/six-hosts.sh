# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The mesh that the quickstart shows and the scenario "mesh" tests: two ordinary hosts, a relay, a
# spoke that is reached through the relay only, a host with IPv6 switched off, and a router that
# advertises a network of each family with a host behind it. Source it after mesh.sh and matrix.sh.

six_hosts_v4=172.17.20
six_hosts_v6=2001:db8:abcd:12

# six_hosts_make: hosts and cables
six_hosts_make()
{
	mesh_host alpha 1 && mesh_host beta 2 && mesh_host relay 3 && mesh_host spoke 4 &&
		mesh_host v4only 5 v4-only && mesh_host router 6 && six_hosts_make_behind || return
	matrix_host alpha ordinary
	matrix_host beta ordinary
	matrix_host relay relay
	matrix_host spoke spoke
	matrix_host v4only ordinary v4-only
	matrix_host router ordinary
	matrix_host_behind behind router "$six_hosts_v4.2" "$six_hosts_v4.0/24" "$six_hosts_v6::2" "$six_hosts_v6::/64"
}

# A segment of its own behind the router, where nobody has heard of the mesh.
six_hosts_make_behind()
{
	lab_switch lan && lab_host behind &&
		lab_plug lan router lan0 "$six_hosts_v4.1/24" "$six_hosts_v6::1/64" &&
		lab_plug lan behind eth0 "$six_hosts_v4.2/24" "$six_hosts_v6::2/64" &&
		ip -n "$LAB-behind" route add default via "$six_hosts_v4.1" || return
	! lab_has_v6 || ip -n "$LAB-behind" -6 route add default via "$six_hosts_v6::1"
}

# six_hosts_enrol: one after the other, the relay first, as an administrator would
six_hosts_enrol()
{
	six_hosts_join relay --relay-node && six_hosts_join alpha && six_hosts_join beta &&
		six_hosts_join spoke --relay-only && six_hosts_join v4only &&
		six_hosts_join router --advertise-cidr="$six_hosts_v4.0/24,$six_hosts_v6::/64" &&
		mesh_wait_running 5 "${matrix_rows[@]}"
}

# six_hosts_join HOST [OPTION...]
six_hosts_join()
{
	mesh_enrol "$@"
	mesh_wait_running 0 "$1"
}
