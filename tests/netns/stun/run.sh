#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A host learns how the outside sees its tunnel, from the tunnel's own port and while that carries
# traffic: behind a NAT that maps independently of the destination (and to another port), behind a
# symmetric one, and where there is none. It publishes what it finds, also when it changes. Without
# answers it says that it does not know, and leaves its record alone, also where the other family has answers. A
# further server, at another address, shows a NAT that maps by the destination's address alone.
#
#	alpha -- lan -- router -- net -- server, beta
#
# IPv4 is translated by the router, IPv6 is not.
. "$(dirname "$0")/../scenario.sh"

server6=fd99::254 further=10.99.0.253
echo "$scenario on Linux $(uname -r)"
mesh_begin
need ip -n "$LAB-server" address add $further/24 dev eth0
need mesh_server_start --set stun.listen="$mesh_address, $server6, $further" \
	--set stun.advertise="$mesh_address, $server6" --set stun.servers=$further:3478
need mesh_key_create

# nat WAN-ADDRESS UDP-RULE: what the router does from now on. That its address goes makes it forget
# the mappings it has.
nat()
{
	ip -n "$LAB-router" -4 address flush dev wan
	need ip netns exec "$LAB-router" nft -f - <<END
table ip labnat
delete table ip labnat
table ip labnat {
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan" meta l4proto udp $2
		oifname "wan" masquerade
	}
	chain in {
		type filter hook input priority filter; policy accept;
		iifname "wan" meta l4proto udp ct state new drop
	}
	chain thru {
		type filter hook forward priority filter; policy accept;
		iifname "wan" ct state new drop
	}
}
END
	need ip -n "$LAB-router" address add "$1/24" dev wan
}

# stun_block HOST [MATCH]: no STUN gets out of there any more, or none that matches
stun_block()
{
	ip netns exec "$LAB-$1" nft -f - <<END
table inet labblock {
	chain out {
		type filter hook output priority filter; policy accept;
		${2:-} udp dport { 3478, 3479 } drop
	}
}
END
}

record() { mesh_device "$1" "$2"; }
# says HOST FIELD VALUE: its record does
says() { [ "$(record "$1" "$2")" = "$3" ]; }
# found HOST FAMILY MAPPING: the last that it found out
found()
{
	grep 'how the outside sees this host' "$LAB_DIR/log/$1" | grep "family=$2 " | tail -n 1 |
		grep -q "mapping=$3\>"
}

need mesh_host beta 2
need lab_switch lan
need lab_host alpha
need lab_host router
need lab_plug net router wan fd99::1/64
need lab_plug lan router lan 192.168.7.1/24 fd97::1/64
need lab_plug lan alpha eth0 192.168.7.2/24 fd97::2/64
need ip netns exec "$LAB-router" sysctl -eqw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
need ip -n "$LAB-alpha" route add default via 192.168.7.1
if lab_has_v6; then
	need ip -n "$LAB-alpha" route add default via fd97::1
	need ip -n "$LAB-server" route add fd97::/64 via fd99::1
	need ip -n "$LAB-beta" route add fd97::/64 via fd99::1
fi

nat 10.99.0.1 'udp sport 51820 masquerade to :40007'
mesh_enrol alpha --listen-port=51820 --stun-interval=2
mesh_enrol beta --listen-port=51820 --stun-interval=2
need mesh_wait_running 1 alpha beta
check_soon "behind a NAT: the address and port that the NAT gives" 30 says alpha reflexive_ip4 10.99.0.1:40007
check "which is one for every destination" found alpha IPv4 endpoint-independent
check_soon "without a NAT: the host's own" 30 says beta reflexive_ip4 10.99.0.2:51820
check_same "as it knows it itself" "$(record beta local_ip)" "$(record beta reflexive_ip4)"
if lab_has_v6; then
	check_soon "IPv6, routed: the host's own" 30 says alpha reflexive_ip6 '[fd97::2]:51820'
	check_same "as it knows it itself" "$(record alpha local_ip_v6)" "$(record alpha reflexive_ip6)"
fi
check_same "no host takes itself for one behind a symmetric NAT" "false false" \
	"$(record alpha symmetric_nat) $(record beta symmetric_nat)"

# The tunnel holds the port, and carries a ping every 10 ms, while the questions go out.
check "the tunnel works" mesh_ping alpha "$(mesh_tunnel_address beta 4)" 20
asked=$(grep -c 'how the outside sees this host' "$LAB_DIR/log/alpha")
b4=$(mesh_tunnel_address beta 4)
flood_start alpha "$b4"
sleep 5
flooded "questions through the tunnel's own port" "$b4"
check_same "and tell nothing new" "$asked" "$(grep -c 'how the outside sees this host' "$LAB_DIR/log/alpha")"

# beta is cut off from STUN, and takes its time to find out, while alpha's NAT changes.
before=$(mesh_devices | jq -S '.[] | select(.hostname == "beta") | del(.online)')
need stun_block beta

nat 10.99.0.1 'masquerade fully-random'
check_soon "behind a NAT that maps each destination to another port: a spoke" 40 says alpha symmetric_nat true
check "which it found to be symmetric" found alpha IPv4 symmetric
check_soon "it has no endpoint to offer" 20 says alpha reflexive_ip4 ''
# Not even for a moment, and not after a start: each change of the record is a line in the log.
need stun_block alpha 'meta nfproto ipv4'
check_soon "without answers in IPv4 that is unknown" 60 found alpha IPv4 unknown
check "nexd ends" mesh_stop alpha
need ip netns exec "$LAB-alpha" nft delete table inet labblock
mesh_start alpha
check_soon "with answers it is found symmetric, after a start" 60 found alpha IPv4 symmetric
check_soon "nexd is in touch" 30 mesh_is_running alpha
check_same "what IPv6 tells has not made it an ordinary host meanwhile" 0 \
	"$(grep -c 'symmetric_nat\\":false' "$LAB_DIR/log/alpha")"

nat 10.99.0.9 'udp sport 51820 masquerade to :40007'
check_soon "the NAT is another one again, at another address" 40 says alpha reflexive_ip4 10.99.0.9:40007
check_soon "and the host no spoke any more" 20 says alpha symmetric_nat false
check_soon "nexd does not wait for the end of the stream, which no longer comes through" 30 \
	grep -q 'the stream does not tell what the service has taken' "$LAB_DIR/log/alpha"
check_soon "the tunnel works again" 40 ip netns exec "$LAB-alpha" ping -qnc1 -W1 "$(mesh_tunnel_address beta 4)"

nat 10.99.0.1 "ip daddr $further masquerade to :40008
		oifname \"wan\" udp sport 51820 masquerade to :40007"
check_soon "a NAT that tells addresses apart, not ports, is shown by the further server" 40 \
	says alpha symmetric_nat true

check_soon "without answers nothing is known" 60 found beta IPv4 unknown
check_same "and the record stays as it was" "$before" \
	"$(mesh_devices | jq -S '.[] | select(.hostname == "beta") | del(.online)')"

check_same "the servers are kept for a start without the service" 5 \
	"$(jq '.servers | length' "$LAB_DIR/alpha/state/stun.json")"
mesh_finish
