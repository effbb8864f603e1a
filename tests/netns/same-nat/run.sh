#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Hosts behind one NAT use the addresses of their own network: on one segment, and on two that their router
# joins. The NAT does not turn packets around (no hairpin), so nothing else would do, and what it counts shows
# that nobody who has met the other goes on trying. To a host outside they are what the NAT makes of them.
#
#	alpha, beta -- lan -- router -- net -- server, outside
#	      gamma -- lan2 --/
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need lab_host router
need lab_plug net router wan 10.99.0.1/24
for lan in 7 8; do
	need lab_switch lan$lan
	need lab_plug lan$lan router lan$lan 192.168.$lan.1/24
done
# behind HOST NETWORK NUMBER
behind()
{
	need lab_host "$1"
	need lab_plug "lan$2" "$1" eth0 "192.168.$2.$3/24"
	need ip -n "$LAB-$1" route add default via "192.168.$2.1"
}
behind alpha 7 2
behind beta 7 3
behind gamma 8 4
need mesh_host outside 9
need ip netns exec "$LAB-router" sysctl -qw net.ipv4.ip_forward=1
# Each host has its port at the NAT. Tunnel packets from inside that are meant for the outside address are
# counted and dropped; so are those that a host outside did not ask for.
need ip netns exec "$LAB-router" nft -f - <<-NFT
	table ip labnat {
		counter hairpins { }
		counter crossed { }
		chain post {
			type nat hook postrouting priority srcnat; policy accept;
			oifname "wan" masquerade
		}
		chain pre {
			type filter hook prerouting priority raw; policy accept;
			iifname "lan*" ip daddr 10.99.0.1 udp dport != 3478-3479 counter name hairpins drop
		}
		chain in {
			type filter hook input priority filter; policy accept;
			iifname "wan" meta l4proto { tcp, udp } ct state new drop
		}
		chain thru {
			type filter hook forward priority filter; policy accept;
			iifname "wan" ct state new drop
			iifname "lan*" oifname "lan*" counter name crossed
		}
	}
NFT
counted() { ip netns exec "$LAB-router" nft -j list counter ip labnat "$1" | jq '.nftables[] | .counter? // empty | .packets'; }

# peer HOST OTHER FIELD: what nexd on HOST says of OTHER
peer() { mesh_agent "$1" peers | jq -r --arg name "$2" --arg field "$3" '.[] | select(.hostname == $name) | .[$field]'; }
# meets HOST OTHER ENDPOINT: directly, there, and a handshake was completed
meets()
{
	[ "$(peer "$1" "$2" path)" = direct ] && [ "$(peer "$1" "$2" endpoint)" = "$3" ] &&
		[ "$(peer "$1" "$2" last_handshake)" -gt 0 ]
}

# Ports of their own: Linux maps two hosts with the same one to different ports for different destinations.
port=51821
for host in alpha beta gamma outside; do
	mesh_enrol "$host" --listen-port=$port --set=relay.keepalive=5
	port=$((port + 1))
done
need mesh_wait_running 3 alpha beta gamma outside
mapped() { mesh_device "$1" reflexive_ip4; }
behind_the_nat() { [[ $(mapped "$1") == 10.99.0.1:* ]]; }
for host in alpha beta gamma; do
	check_soon "$host is seen at the NAT's address" 30 behind_the_nat "$host"
done
check "at a port of its own" test "$(mapped alpha)" != "$(mapped beta)"

echo "--- one segment"
check_soon "alpha reaches beta at its own address" 60 meets alpha beta 192.168.7.3:51822
check_soon "and beta alpha" 60 meets beta alpha 192.168.7.2:51821
check_soon "in both families" 60 mesh_reaches alpha beta
check_soon "both ways" 60 mesh_reaches beta alpha

echo "--- two segments that the router joins"
check_soon "alpha reaches gamma at its own address" 60 meets alpha gamma 192.168.8.4:51823
check_soon "and gamma alpha" 60 meets gamma alpha 192.168.7.2:51821
check_soon "in both families" 60 mesh_reaches alpha gamma
check_soon "beta reaches gamma at its own address" 60 meets beta gamma 192.168.8.4:51823
check_soon "and gamma beta" 60 meets gamma beta 192.168.7.3:51822

echo "--- what the router has seen"
crossed=$(counted crossed)
hairpins=$(counted hairpins)
b4=$(mesh_tunnel_address beta 4)
flood_start alpha "$b4"
sleep 5
flooded "within the segment" "$b4"
check "and does not pass the router" test $(($(counted crossed) - crossed)) -lt 100
check_same "nothing is sent to the NAT's own address, to be turned around" "$hairpins" "$(counted hairpins)"

echo "--- from outside"
for host in alpha beta gamma; do
	check_soon "a host outside meets $host at the NAT" 60 meets outside "$host" "$(mapped "$host")"
	check_soon "in both families" 60 mesh_reaches outside "$host"
done
mesh_finish
