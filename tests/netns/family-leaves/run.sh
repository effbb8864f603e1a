#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A family is taken away from a service whose agents run, and added again; then the other one. Each time a dry
# run says before what will happen, the agents take the family off their hosts or onto them by themselves, and
# the family that stays loses no ping. A host that cannot do the one says so again when it comes back, and is
# counted as one that has no address left when the other goes.
. "$(dirname "$0")/../scenario.sh"

v4_alone=ipam-v4,relay,driver-wireguard
v6_alone=ipam-v6,relay,driver-wireguard

# change PLUGINS OPTION...: nexodus-server with these plugins on the server's database, to do something and end
change()
{
	local plugins=$1
	shift
	lab_x server "$mesh_server" --state-directory="$LAB_DIR/server/state" --plugin-directory="$mesh_plugins" \
		--plugins="$plugins" "$@"
}

# foresees STATUS FILTER PLUGINS OPTION...: the dry run ends so, and what it says makes the jq filter true
foresees()
{
	local expected=$1 filter=$2 plan status=0
	shift 2
	plan=$(change "$@" --dry-run --json) || status=$?
	[ "$status" = "$expected" ] && jq -e "$filter" <<<"$plan"
}

# nothing_left HOST 4|6: no address, no route, no allowed IP of that family
nothing_left()
{
	local pattern=:
	[ "$2" = 6 ] || pattern=.
	has_no_family "$1" "$2" && [ -z "$(ip -n "$LAB-$1" "-$2" route show dev wg0 | grep -v '^fe80')" ] &&
		mesh_says "$1" peers "all(.[]; .allowed_ips | all(contains(\"$pattern\") | not))"
}

# all_there 4|6: both hosts have an address, and reach each other by it
all_there()
{
	has_family alpha "$1" && has_family router "$1" &&
		pinged alpha router "$1"
}

# pinged FROM TO 4|6
pinged()
{
	ip netns exec "$LAB-$1" ping -qnc1 -W1 "$(mesh_tunnel_address "$2" "$3")"
}

# restart_with PLUGINS
restart_with()
{
	mesh_server_stop && mesh_server_start --plugins="$1"
}

# gamma_has_v4_alone: the service knows
gamma_has_v4_alone()
{
	[ "$(mesh_device gamma ipv6_supported)" = false ] && [ -z "$(mesh_device gamma tunnel_ip_v6)" ]
}

# leaves_and_returns PLUGIN 4|6 OTHER-FAMILY OTHER-PLUGINS LOST BARE: under a flood of the other family; so many
# addresses go, and so many hosts have none then
leaves_and_returns()
{
	local plugin=$1 family=$2 other plugins=$4
	other=$(mesh_tunnel_address router "$3")
	flood_start alpha "$other"
	check "$plugin: the dry run says what goes" foresees 3 \
		".total.addresses_lost == $5 and .total.without_any_address == $6 and .total.child_prefixes_lost == 1" \
		"*" --drop-plugin "$plugin"
	check_not "$plugin: it is not taken away under a server" change "$plugins" --drop-plugin "$plugin" --yes
	check "$plugin: all is as it was" all_there "$family"
	check "$plugin: the server ends in order" mesh_server_stop
	check "$plugin: it is taken away" change "$plugins" --drop-plugin "$plugin" --yes
	need mesh_server_start --plugins="$plugins"
	check_soon "$plugin: nothing of it is left on alpha" 20 nothing_left alpha "$family"
	check_soon "$plugin: nothing of it is left on the router" 20 nothing_left router "$family"
	check "$plugin: the dry run says what comes" foresees 0 \
		'.total.addresses_given == 3 and .total.without_address == 0' "$plugins" --add-plugin "$plugin"
	check "$plugin: the server starts with it" restart_with "*"
	check_soon "$plugin: both hosts have it again" 20 all_there "$family"
	flooded "$plugin" "$other"
}

scenario_begin
need mesh_host alpha 1
need mesh_host router 6
need mesh_host gamma 3 v4-only
mesh_enrol alpha
mesh_enrol gamma
mesh_enrol router --advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64
need mesh_wait_running 2 alpha router gamma
check_soon "IPv4 flows" 10 all_there 4
check_soon "IPv6 flows" 10 all_there 6
check_soon "alpha routes the network behind the router, IPv4" 10 has_route alpha 4 172.17.20.0/24
check_soon "alpha routes the network behind the router, IPv6" 10 has_route alpha 6 2001:db8:abcd:12::/64
index=$(interface_index alpha) agents="${mesh_pid[alpha]} ${mesh_pid[router]} ${mesh_pid[gamma]}"
check_soon "gamma has said that it has IPv4 alone" 10 gamma_has_v4_alone

leaves_and_returns ipam-v6 6 4 "$v4_alone" 2 0
check_soon "gamma says again that it has IPv4 alone" 20 gamma_has_v4_alone
check "the network behind the router stays, IPv4" has_route alpha 4 172.17.20.0/24
check_not "the network behind the router is not advertised by itself again, IPv6" \
	has_route alpha 6 2001:db8:abcd:12::/64
check "the network is advertised again" mesh_nexctl device update "$(device_id router)" \
	--advertise-cidr 172.17.20.0/24,2001:db8:abcd:12::/64
check_soon "alpha routes the network behind the router again, IPv6" 10 has_route alpha 6 2001:db8:abcd:12::/64

leaves_and_returns ipam-v4 4 6 "$v6_alone" 3 1
check_soon "gamma has its only address again" 20 has_family gamma 4
check_soon "gamma reaches alpha" 10 pinged gamma alpha 4
check "the network behind the router stays, IPv6" has_route alpha 6 2001:db8:abcd:12::/64

check_same "alpha's interface is the same" "$index" "$(interface_index alpha)"
# shellcheck disable=SC2086 # process ids
check "all agents ran all along" kill -0 $agents
mesh_finish
