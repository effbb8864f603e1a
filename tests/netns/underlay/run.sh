#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A host's own network comes and goes: its addresses change, its interface goes down and up, or away and comes
# back, its way out moves from one network to another, the connection to the service dies silently, the host is
# stopped for longer than anybody waits. Without a restart it publishes where it is and how the outside sees it, is in
# touch with the service again, and its tunnels work in both families. STUN servers are asked when the host's own
# network changes, not only when the connection to the service is another one.
. "$(dirname "$0")/../scenario.sh"

published()
{
	[ "$(mesh_device beta "$1")" = "$2:$port" ]
}

# streams_from HOST ADDRESS: its one stream goes from there
streams_from()
{
	ip netns exec "$LAB-$1" ss -Hnt state established dst "$mesh_address" | grep -qF " $2:"
}

# swallow HOST-ADDRESS PORT: whatever comes from there or goes there vanishes
swallow()
{
	ip netns exec "$LAB-server" nft -f - <<-END
		table ip swallow {
			chain in { type filter hook input priority filter; ip saddr $1 tcp sport $2 drop; }
			chain out { type filter hook output priority filter; ip daddr $1 tcp dport $2 drop; }
		}
	END
}

# seen_at HOST ADDRESS [FIELD]: it knows, and has told, how the outside sees it
seen_at()
{
	[[ $(mesh_device "$1" "${3:-reflexive_ip4}") == "$2":* ]]
}

# network NUMBER: with a NAT, on which roam is the only host
network()
{
	need lab_switch "lan$1"
	need lab_host "gate$1"
	need lab_plug net "gate$1" wan "10.99.0.${1}1/24"
	need lab_plug "lan$1" "gate$1" lan "192.168.$1.1/24"
	need lab_nat "gate$1" wan ""
	need lab_plug "lan$1" roam "eth$1" "192.168.$1.2/24"
}

both_ways()
{
	check_soon "$1: alpha reaches beta over IPv4" 15 mesh_ping alpha "$b4" 1
	check_soon "$1: beta reaches alpha over IPv4" 15 mesh_ping beta "$a4" 1
	! lab_has_v6 || check_soon "$1: alpha reaches beta over IPv6" 15 mesh_ping alpha "$b6" 1
	check_soon "$1: beta is in touch with the service" 15 mesh_is_running beta 1
}

stun=$mesh_address
! lab_has_v6 || stun="$mesh_address, fd99::254"
scenario_begin --set stun.listen="$stun" --set stun.advertise="$stun"
need mesh_host alpha 1
need mesh_host beta 2
mesh_enrol alpha
mesh_enrol beta
need mesh_host gamma 3
mesh_enrol gamma
need mesh_wait_running 2 alpha beta gamma
a4=$(mesh_tunnel_address alpha 4) b4=$(mesh_tunnel_address beta 4) b6=$(mesh_tunnel_address beta 6)
port=$(mesh_agent beta status | jq .listen_port) agent=${mesh_pid[beta]}
both_ways "at first"
silent=$(stream_port gamma)
need [ -n "$silent" ]
need swallow 10.99.0.3 "$silent"

need ip -n "$LAB-beta" address del 10.99.0.2/24 dev eth0
need ip -n "$LAB-beta" address replace 10.99.0.12/24 dev eth0
! lab_has_v6 || need ip -n "$LAB-beta" address add fd99::12/64 dev eth0 nodad
! lab_has_v6 || need ip -n "$LAB-beta" address del fd99::2/64 dev eth0
check_soon "another address: it is published" 15 published local_ip 10.99.0.12
! lab_has_v6 || check_soon "another address: in IPv6 too" 15 published local_ip_v6 '[fd99::12]'
check_soon "another address: it is seen there" 15 seen_at beta 10.99.0.12
check_soon "another address: the stream goes from it" 15 streams_from beta 10.99.0.12
both_ways "another address"

need ip -n "$LAB-beta" link set eth0 down
sleep 1
need ip -n "$LAB-beta" link set eth0 up
! lab_has_v6 || need ip -n "$LAB-beta" address replace fd99::12/64 dev eth0 nodad
both_ways "the interface went down and up"

need ip -n "$LAB-beta" link del eth0
check_soon "the interface is gone: the service is out of reach, and that is noticed" 15 \
	mesh_says beta status '.connected | not'
check "nexd says so" mesh_says beta status '.last_error != ""'
need lab_plug net beta eth0 10.99.0.12/24 fd99::12/64
both_ways "the interface is back"

kill -STOP "$agent"
stopped=$SECONDS
need lab_host roam
network 3
network 4
need ip -n "$LAB-roam" route add default via 192.168.3.1
mesh_enrol roam
check_soon "a host with two networks: it goes out through the first" 20 seen_at roam 10.99.0.31
check "its stream as well" streams_from roam 192.168.3.2
check_soon "it reaches alpha" 15 mesh_ping roam "$a4" 1
need ip -n "$LAB-roam" route replace default via 192.168.4.1
need ip -n "$LAB-gate3" link set wan down
check_soon "its way out moves to the second: this is how it is seen" 15 seen_at roam 10.99.0.41
check_soon "the stream goes from there" 15 streams_from roam 192.168.4.2
check_soon "it reaches alpha over IPv4" 15 mesh_ping roam "$a4" 1
! lab_has_v6 || check_soon "and over IPv6" 15 mesh_ping roam "$(mesh_tunnel_address alpha 6)" 1
check_soon "alpha reaches it" 15 mesh_ping alpha "$(mesh_tunnel_address roam 4)" 1
check_soon "it is in touch with the service" 15 mesh_is_running roam 2
while [ $((SECONDS - stopped)) -lt 17 ]; do sleep 0.5; done
kill -CONT "$agent"
check_soon "stopped for longer than anybody waits: nexd notices" 10 grep -q 'this host was asleep' "$LAB_DIR/log/beta"
both_ways "stopped for longer than anybody waits"
if lab_has_v6; then
	stream=$(stream_port alpha)
	need ip -n "$LAB-alpha" address add fd99::11/64 dev eth0 nodad
	need ip -n "$LAB-alpha" address del fd99::1/64 dev eth0
	check_soon "an address in the family that the stream is not in: how it is seen" 15 \
		seen_at alpha '[fd99::11]' reflexive_ip6
	check_same "and the stream is the same" "$stream" "$(stream_port alpha)"
	check_soon "alpha reaches beta over IPv6" 15 mesh_ping alpha "$b6" 1
fi
check_soon "a connection that died silently is made anew" 20 another_stream gamma "$silent"
check "nexd is the same process" kill -0 "$agent"
mesh_finish
