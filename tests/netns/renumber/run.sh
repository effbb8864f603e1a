#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# An organization moves to another prefix, first of IPv6, then of IPv4, under floods in both families and with a
# server that is killed after every step: one command each for dry run, start and commit, and no ping lost. Old
# addresses are good until the grace is over, new ones from the start on; a host that was off meanwhile catches up,
# and a rollback after the commit restores all. Under the same floods the networks grow and shrink, and addresses
# are given anew by another strategy.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host beta 3
need mesh_host spoke 4
need mesh_host late 5
mesh_enrol relay --relay-node
need mesh_wait_running 0 relay
mesh_enrol alpha
mesh_enrol beta
mesh_enrol late
mesh_enrol spoke --relay-only
need mesh_wait_running 4 relay alpha
need mesh_wait_running 3 beta spoke late

# of HOST FIELD: from the records as last read; the server need not be there
of()
{
	jq -r --arg host "$1" --arg field "$2" '.[] | select(.hostname == $host) | .[$field]' <<<"$records"
}

# renumber ACTION [OPTION...]: as the owner
renumber()
{
	mesh_nexctl organization renumber "$@"
}

# stands STATE HOSTS: the last one is in it, and that many hosts have taken it up
stands()
{
	renumber status --output json | jq -e --arg state "$1" --argjson hosts "$2" \
		'.[-1] | .state == $state and .acknowledged == $hosts'
}

# online HOSTS: that many have a stream open
online()
{
	mesh_devices | jq -e --argjson hosts "$1" '[.[] | select(.online)] | length == $hosts'
}

server_killed()
{
	mesh_server_stop KILL
	need mesh_server_start
}

records=$(mesh_devices)
b4=$(of beta tunnel_ip) s4=$(of spoke tunnel_ip)
b6=$(of beta tunnel_ip_v6) s6=$(of spoke tunnel_ip_v6)
for address in "$b4" "$s4" "$b6" "$s6"; do
	need mesh_ping alpha "$address" 20
done
mesh_stop late

# --- IPv6 -----------------------------------------------------------------------------------------

flood_start alpha "$b4" "$s4" "$b6" "$s6"
plan=$(renumber --cidr-v6 fd77:1:2:3::/64 --dry-run --output json)
check_same "the dry run: all keep their host parts" "5 0" "$(jq -r '"\(.moved) \(.chosen)"' <<<"$plan")"
check "one command starts it" renumber start --cidr-v6 fd77:1:2:3::/64 --timeout 0
server_killed
check_soon "the four that are there have taken up the new addresses" 30 stands started 4
server_killed
records=$(mesh_devices)
n6=$(of beta tunnel_ip_second_v6) ns6=$(of spoke tunnel_ip_second_v6)
check_same "as the dry run said" "$n6" \
	"$(jq -r '.addresses[] | select(.hostname == "beta") | .new' <<<"$plan")"
check "beta has the old address" has_address beta 6 "$b6/64"
check "and the new one" has_address beta 6 "$n6/64"
check "its nexd shows both" grep -qF "$b6 in 200::/64, and $n6 in fd77:1:2:3::/64" \
	<("$mesh_nexctl" nexd status --socket "$(mesh_socket beta)")
flood_start alpha "$n6" "$ns6"
mesh_stop beta KILL
mesh_start beta
check_soon "all are in touch again, nexd on beta killed and started as well" 30 online 4
check "one command commits it" renumber commit --timeout 0
server_killed
check_soon "the four have taken that up" 30 stands committed 4
records=$(mesh_devices)
check_same "the new address is the first now" "$n6" "$(of beta tunnel_ip_v6)"
check "alpha prefers its new address" sh -c \
	"ip -n '$LAB-alpha' -6 route get '$n6' | grep -qF 'src $(of alpha tunnel_ip_v6) '"
sleep 0.5
flooded "old IPv6 addresses, until after the commit" "$b6" "$s6"
check "another command ends the grace" renumber commit --grace 0 --timeout 0
server_killed
check_soon "it ends" 30 stands ended 0
check_soon "the old address is gone" 20 eval "! has_address beta 6 '$b6/64'"
check_soon "and so is what led to it" 20 eval "! has_route alpha 6 '$b6'"

mesh_start late
need mesh_wait_running 4 late
records=$(mesh_devices)
check "a host that was off has its new address" has_address late 6 "$(of late tunnel_ip_v6)/64"
check_not "and not its old one" grep -q 'inet6 200:' <(ip -n "$LAB-late" -6 address show dev wg0)
check "it reaches others" mesh_ping late "$n6" 10
check "through the relay too" mesh_ping late "$ns6" 10

# --- IPv4: committed, rolled back, committed -----------------------------------------------------------

check_soon "all are in touch with the server that was killed last" 30 online 5
plan=$(renumber --cidr 10.44.0.0/16 --dry-run --output json)
check_same "the dry run for IPv4: all keep their host parts" "5 0" "$(jq -r '"\(.moved) \(.chosen)"' <<<"$plan")"
check "IPv4 starts" renumber start --cidr 10.44.0.0/16
records=$(mesh_devices)
n4=$(of beta tunnel_ip_second) ns4=$(of spoke tunnel_ip_second)
check "and is committed" renumber commit
records=$(mesh_devices)
check_same "the new address is the first" "$n4" "$(of beta tunnel_ip)"
check "alpha uses its new address" sh -c \
	"ip -n '$LAB-alpha' -4 route get '$n4' | grep -qF 'src $(of alpha tunnel_ip) '"
check "and is rolled back" renumber rollback
records=$(mesh_devices)
check_same "the old address is the first again" "$b4" "$(of beta tunnel_ip)"
check_soon "and the only one" 20 eval "! has_address beta 4 '$n4/32'"
check "IPv4 starts once more" renumber start --cidr 10.44.0.0/16
flood_start alpha "$n4" "$ns4"
sleep 0.5
flooded "old IPv4 addresses, through a commit and back" "$b4" "$s4"
# The server that comes back sees nobody at first, and has old addresses to take away at once.
check "and is committed for no longer than it takes" renumber commit --grace 0 --timeout 0
server_killed
check_soon "it ends" 30 stands ended 0
check_soon "the old address is gone" 20 eval "! has_address beta 4 '$b4/32'"

# --- growing, shrinking, another strategy: the same floods go on --------------------------------------

# renumbered WHAT OPTION...: all of it, start to end
renumbered()
{
	local what=$1
	shift
	check "$what: starts" renumber start "$@"
	check "$what: is committed" renumber commit
	check "$what: ends its grace" renumber commit --grace 0 --timeout 0
	check_soon "$what: ends" 30 stands ended 0
	records=$(mesh_devices)
}

renumbered "IPv4 from /16 to /10" --cidr 10.0.0.0/10
check_same "IPv4 from /16 to /10: nobody's address changes" "$n4 $ns4" "$(of beta tunnel_ip) $(of spoke tunnel_ip)"
check "IPv4 from /16 to /10: the spoke routes all of it" has_route spoke 4 10.0.0.0/10
renumbered "IPv6 from /64 to /56" --cidr-v6 fd77:1:2::/56
check_same "IPv6 from /64 to /56: nobody's address changes" "$n6 $ns6" \
	"$(of beta tunnel_ip_v6) $(of spoke tunnel_ip_v6)"
check "IPv6 from /64 to /56: the spoke routes all of it" has_route spoke 6 fd77:1:2::/56
renumbered "IPv4 from /10 to /24" --cidr 10.44.0.0/24
check_same "IPv4 from /10 to /24: nobody's address changes" "$n4 $ns4" "$(of beta tunnel_ip) $(of spoke tunnel_ip)"
check_not "IPv4 from /10 to /24: the spoke routes no more than it" has_route spoke 4 10.0.0.0/10
sleep 0.5
flooded "new IPv4 addresses, from before their commit until the network has shrunk" "$n4" "$ns4"
check "another strategy: starts" renumber start --strategy ipv6=stable
check "another strategy: is committed" renumber commit
records=$(mesh_devices)
t6=$(of beta tunnel_ip_v6)
check "another strategy: another address, $t6" test "$t6" != "$n6"
check "another strategy: it answers" mesh_ping alpha "$t6" 10
sleep 0.5
flooded "new IPv6 addresses, from before their commit until after another strategy's" "$n6" "$ns6"
mesh_finish
