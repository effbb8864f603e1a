#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The tunnel's packets are as large as the ways out of a host carry, less what the tunnel adds over the family that
# they go over; they follow the links and routes at run time, and whatever is chosen, packets of that size pass in
# both families without being cut inside the tunnel.
. "$(dirname "$0")/../scenario.sh"

tunnel_mtu()
{
	ip -n "$LAB-$1" -j link show wg0 | jq '.[0].mtu'
}

mtu_is()
{
	[ "$(tunnel_mtu "$1")" = "$2" ]
}

# full_size FROM ADDRESS BYTES: a packet of that many bytes, not to be cut, is answered
full_size()
{
	local header=28
	[[ $2 != *:* ]] || header=48
	ip netns exec "$LAB-$1" ping -qnc1 -W1 -M "do" -s $(($3 - header)) "$2"
}

too_large()
{
	full_size "$1" "$2" $(($3 + 1))
}

# expect WHAT MTU: alpha has it, and its packets pass
expect()
{
	check_soon "$1: the MTU is $2" 10 mtu_is alpha "$2"
	check "$1: the status says so" mesh_says alpha status ".mtu == $2"
	check_soon "$1: packets of that size pass over IPv4" 10 full_size alpha "$b4" "$2"
	check_not "$1: larger ones do not" too_large alpha "$b4" "$2"
	! lab_has_v6 || check_soon "$1: packets of that size pass over IPv6" 10 full_size alpha "$b6" "$2"
}

# underlay MTU: of the link between the two hosts, as their own ends and the switch have it
underlay()
{
	local host
	for host in alpha beta; do
		need ip -n "$LAB-net" link set "$host.eth0" mtu "$1"
		need ip -n "$LAB-$host" link set eth0 mtu "$1"
	done
}

# advertise MTU: the router, which the server's host plays, tells everyone on the link (RFC 4861 §4.2, §4.6.4). It
# offers no route (lifetime 0).
advertise()
{
	ip netns exec "$LAB-server" python3 - "$1" <<-'END'
		import socket, struct, sys
		out = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
		out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
		link = socket.if_nametoindex("eth0")
		advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0)
		option = struct.pack("!BBHI", 5, 1, 0, int(sys.argv[1]))
		out.sendto(advertisement + option, ("ff02::1", 0, 0, link))
	END
}

# over FAMILY: whatever packets alpha and beta send each other go over it
over()
{
	mesh_says alpha peers ".[0].endpoint | startswith(\"$1\")" && mesh_says beta peers ".[0].endpoint | startswith(\"$1\")"
}

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
if lab_has_v6; then
	for host in alpha beta; do
		need ip -n "$LAB-$host" -6 address flush dev eth0 scope global
	done
	need ip -n "$LAB-alpha" address add 2001:db8:99::1/64 dev eth0 nodad
	need ip -n "$LAB-beta" address add 2001:db8:99::2/64 dev eth0 nodad
fi
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta
b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
index=$(interface_index alpha)

if lab_has_v6; then
	check_soon "the tunnel runs over IPv6" 15 over '[2001:db8:99:'
	expect "1500 over IPv6" 1420
	underlay 1492
	expect "1492 over IPv6" 1412
	underlay 1400
	expect "1400 over IPv6" 1320
	underlay 1500
	check_soon "1500 again over IPv6" 10 mtu_is alpha 1420
	need advertise 1460
	expect "a router advertises 1460" 1380
	need advertise 1500
	for host in alpha beta; do
		need ip -n "$LAB-$host" -6 address flush dev eth0 scope global
	done
fi
check_soon "the tunnel runs over IPv4" 15 over 10.99.0.
expect "1500 over IPv4" 1420
underlay 1492
expect "1492 over IPv4" 1420
underlay 1400
expect "1400 over IPv4" 1340
underlay 1500

need ip -n "$LAB-alpha" route add 10.99.0.2/32 dev eth0 mtu 1380
expect "a route to the other host with an MTU of 1380" 1320
need ip -n "$LAB-alpha" route del 10.99.0.2/32
expect "without that route" 1420

underlay 1300
check_soon "1300 over IPv4: the MTU is the least that IPv6 takes" 10 mtu_is alpha 1280
check_soon "1300 over IPv4: nexd says what that means" 5 grep -q 'too narrow .*way=1300 tunnel=1280' "$LAB_DIR/log/alpha"
check_soon "1300 over IPv4: packets of 1280 bytes pass over IPv4" 10 full_size alpha "$b4" 1280
! lab_has_v6 || check_soon "1300 over IPv4: packets of 1280 bytes pass over IPv6" 10 full_size alpha "$b6" 1280
underlay 1500
expect "wide again" 1420
check_soon "nexd says that it is" 5 grep -q 'wide enough' "$LAB_DIR/log/alpha"

check_same "all of that on the same interface" "$index" "$(interface_index alpha)"
need ip -n "$LAB-alpha" route add default via 10.99.0.254
need ip -n "$LAB-alpha" link set eth0 mtu 1400
check_soon "1400 again" 10 mtu_is alpha 1340
mesh_stop alpha KILL
lines=$(wc -l <"$LAB_DIR/log/alpha")
need mesh_start alpha
need mesh_wait_running 1 alpha
check_same "an interface that is adopted keeps its size" 1340 "$(tunnel_mtu alpha)"
check_same "and is the same" "$index" "$(interface_index alpha)"
check_not "it had no other size meanwhile" grep -q 'mtu=1420' <(tail -n +$((lines + 1)) "$LAB_DIR/log/alpha")
check "nexd ends in order" mesh_stop alpha
# shellcheck disable=SC2034 # mesh.sh reads it
mesh_options[alpha]=--mtu=1380
need mesh_start alpha
need mesh_wait_running 1 alpha
check_same "an MTU that is configured wins" 1380 "$(tunnel_mtu alpha)"

check "nexd ends in order" mesh_stop alpha
underlay 1300
# shellcheck disable=SC2034 # mesh.sh reads it
mesh_options[alpha]=--plugins=driver-wireguard,ipam-v4,relay
need mesh_start alpha
need mesh_wait_running 1 alpha
check_soon "1300 over IPv4, and no IPv6 in the tunnel: the MTU is 1240" 10 mtu_is alpha 1240
check_soon "packets of that size pass" 10 full_size alpha "$b4" 1240
mesh_finish
