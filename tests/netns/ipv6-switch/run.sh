#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# IPv6 that one interface does without: switched off for the tunnel alone, by the host's default for new
# interfaces, lost because somebody made the tunnel's packets too small, or refused by the kernel where no setting is
# to be seen. Each time the host goes on with
# IPv4 alone, says so, loses nothing, and is dual-stack again by itself when the cause is gone.
. "$(dirname "$0")/../scenario.sh"

# tunnel_v6 HOST on|off: the switch of its tunnel alone
tunnel_v6()
{
	ip netns exec "$LAB-$1" sysctl -qw "net.ipv6.conf.wg0.disable_ipv6=$([ "$2" = off ] && echo 1 || echo 0)"
}

flagged()
{
	[ "$(mesh_device beta ipv6_supported)" = "$1" ]
}

alpha_routes_v6()
{
	mesh_says alpha peers '.[] | select(.hostname == "beta") | .allowed_ips | any(contains(":"))'
}

alpha_routes_no_v6()
{
	! alpha_routes_v6
}

says_why()
{
	mesh_says beta status ".families[] | select(.label == \"IPv6\") | (.supported | not) and (.reason | contains(\"$1\"))"
}

reached_v6()
{
	local address
	address=$(mesh_tunnel_address beta 6)
	[ -n "$address" ] && ip netns exec "$LAB-alpha" ping -qnc1 -W1 "$address"
}

# v4_only WHAT REASON: beta has become a host with IPv4 alone
v4_only()
{
	check_soon "$1: beta says so to the service" 20 flagged false
	check_soon "$1: alpha routes no IPv6 to it" 15 alpha_routes_no_v6
	check "$1: its status says why" says_why "$2"
	check "$1: it has no IPv6 address on its tunnel" has_no_family beta 6
}

# dual_stack WHAT
dual_stack()
{
	check_soon "$1: it has its IPv6 address again" 20 has_family beta 6
	check_soon "$1: it says so to the service" 15 flagged true
	check_soon "$1: alpha reaches it over IPv6" 15 reached_v6
}

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
# What will be made there from now on is to do without IPv6.
need ip netns exec "$LAB-beta" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
a4=$(mesh_tunnel_address alpha 4)
check "beta reaches alpha over IPv4" mesh_ping beta "$a4"
v4_only "IPv6 off for new interfaces" disable_ipv6

index=$(interface_index beta) agent=${mesh_pid[beta]}
flood_start beta "$a4"
tunnel_v6 beta on
dual_stack "IPv6 on for the tunnel"
v6=$(mesh_tunnel_address beta 6)
tunnel_v6 beta off
v4_only "IPv6 off for the tunnel" net.ipv6.conf.wg0.disable_ipv6
tunnel_v6 beta on
dual_stack "IPv6 on for the tunnel once more"
check_same "it has the address that it had" "$v6" "$(mesh_tunnel_address beta 6)"
flooded "IPv4 all that while" "$a4"
check_same "the interface is the same" "$index" "$(interface_index beta)"
check "nexd is the same process" kill -0 "$agent"

need mesh_stop beta
need ip netns exec "$LAB-beta" sysctl -qw net.ipv6.conf.default.disable_ipv6=0
mesh_enrol beta --mtu=1200
check_soon "packets too small for IPv6: beta runs" 20 mesh_is_running beta 1
v4_only "packets too small for IPv6" "below 1280"
check "packets too small for IPv6: IPv4 works" mesh_ping beta "$a4"

# As in a container: what tells of IPv6 is out of sight, so that the kernel's refusal is all there is.
need mesh_stop beta
need ip netns exec "$LAB-beta" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
cat >"$LAB_DIR/nexd" <<-END
	#!/bin/sh
	mount -t tmpfs none /proc/sys/net/ipv6 && exec $mesh_nexd "\$@"
END
chmod 700 "$LAB_DIR/nexd"
mesh_nexd=$LAB_DIR/nexd mesh_enrol beta
check_soon "refused by the kernel: beta runs" 20 mesh_is_running beta 1
v4_only "refused by the kernel" "the kernel refused"
check "refused by the kernel: IPv4 works" mesh_ping beta "$a4"
tunnel_v6 beta on
dual_stack "the kernel takes it"
tunnel_v6 beta off
v4_only "refused by the kernel once more" "the kernel refused"
mesh_finish
