#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two hosts with public IPv6 meet over it, though they have IPv4 as well, and the mesh's IPv4 runs through it.
# A host that has nothing but IPv6 outside enrols at the service over it, and reaches hosts with both
# families in both families of the mesh; a host that has nothing but IPv4 outside, through a relay that has
# both.
#
#	alpha, beta	public IPv6; IPv4 behind a NAT each
#	relay		public addresses in both families
#	six, four	one family each
. "$(dirname "$0")/../scenario.sh"

if ! lab_has_v6; then
	echo "SKIPPED: $scenario needs a kernel with IPv6"
	exit 77
fi
server4=203.0.113.254 server6=2001:db8:99::254
echo "$scenario on Linux $(uname -r)"
mesh_begin
need ip -n "$LAB-server" address add $server4/24 dev eth0
need ip -n "$LAB-server" address add $server6/64 dev eth0 nodad
need mesh_server_start --listen="$mesh_address:8080, $server4:8080, [$server6]:8080" \
	--set "stun.advertise=$server4, $server6"
need mesh_key_create

# dual HOST NUMBER: IPv6 from the router, which translates IPv4
dual()
{
	need lab_switch "lan$2"
	need lab_host "$1"
	need lab_host "gate$2"
	need lab_plug net "gate$2" wan "203.0.113.$2/24" "2001:db8:99::$2/64"
	need lab_plug "lan$2" "gate$2" lan 192.168.7.1/24 "2001:db8:$2::1/64"
	need lab_plug "lan$2" "$1" eth0 192.168.7.2/24 "2001:db8:$2::2/64"
	need ip -n "$LAB-$1" route add default via 192.168.7.1
	need ip -n "$LAB-$1" route add default via "2001:db8:$2::1"
	need ip netns exec "$LAB-gate$2" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	need ip netns exec "$LAB-gate$2" nft -f - <<-NFT
		table ip labnat {
			chain post {
				type nat hook postrouting priority srcnat; policy accept;
				oifname "wan" masquerade
			}
			chain in {
				type filter hook input priority filter; policy accept;
				iifname "wan" udp dport 51820 ct state new drop
			}
			chain thru {
				type filter hook forward priority filter; policy accept;
				iifname "wan" ct state new drop
			}
		}
	NFT
}
# outside HOST ADDRESS...
outside()
{
	local host=$1
	shift
	need lab_host "$host"
	need lab_plug net "$host" eth0 "$@"
}
dual alpha 11
dual beta 12
outside relay 203.0.113.3/24 2001:db8:99::3/64
outside four 203.0.113.4/24
outside six 2001:db8:99::6/64
# Everybody on the outside network knows the way to both.
for host in server relay six gate11 gate12; do
	for number in 11 12; do
		[ $host = gate$number ] ||
			need ip -n "$LAB-$host" route add "2001:db8:$number::/64" via "2001:db8:99::$number"
	done
done

# peer HOST OTHER FIELD: what nexd on HOST says of OTHER
peer() { mesh_agent "$1" peers | jq -r --arg name "$2" --arg field "$3" '.[] | select(.hostname == $name) | .[$field]'; }
# meets HOST OTHER ENDPOINT: directly, there, and a handshake was completed
meets()
{
	[ "$(peer "$1" "$2" path)" = direct ] && [ "$(peer "$1" "$2" endpoint)" = "$3" ] &&
		[ "$(peer "$1" "$2" last_handshake)" -gt 0 ]
}
# table_has HOST PATTERN: a line of what `nexctl nexd peers` prints for a person there
table_has() { "$mesh_nexctl" nexd peers --socket "$(mesh_socket "$1")" | sed 's/ *$//' | grep -E "$2"; }
relayed() { [ "$(peer "$1" "$2" path)" = relay ] && [ "$(peer "$2" "$1" path)" = relay ]; }

mesh_enrol relay --service-url="http://$server4:8080" --listen-port=51820 --set=relay.keepalive=5 --relay-node
need mesh_wait_running 0 relay
for host in alpha beta four; do
	mesh_enrol $host --service-url="http://$server4:8080" --listen-port=51820 --set=relay.keepalive=5
done
mesh_enrol six --service-url="http://[$server6]:8080" --listen-port=51820 --set=relay.keepalive=5
need mesh_wait_running 4 relay alpha beta four six

echo "--- both have public IPv6"
check_same "the record has the IPv6 endpoint" "[2001:db8:12::2]:51820" "$(mesh_device beta local_ip_v6)"
check_same "beside that of IPv4, behind the NAT" 192.168.7.2:51820 "$(mesh_device beta local_ip)"
check_soon "alpha meets beta over IPv6" 60 meets alpha beta "[2001:db8:12::2]:51820"
check_soon "and beta alpha" 60 meets beta alpha "[2001:db8:11::2]:51820"
check_soon "in both families of the mesh" 90 mesh_reaches alpha beta
check_soon "as with the relay" 60 meets alpha relay "[2001:db8:99::3]:51820"

echo "--- one has nothing but IPv6"
check_same "its record has an endpoint in IPv6 alone" "[2001:db8:99::6]:51820 " \
	"$(mesh_device six local_ip_v6) $(mesh_device six local_ip)"
check "and an address in both families of the mesh" has_family six 4
check_soon "it meets alpha over IPv6" 60 meets six alpha "[2001:db8:11::2]:51820"
check_soon "and alpha it" 60 meets alpha six "[2001:db8:99::6]:51820"
check_soon "in both families of the mesh" 90 mesh_reaches six alpha
check_soon "both ways" 90 mesh_reaches alpha six
check_same "nexd tells the underlay's family" "IPv6 IPv6" "$(peer alpha six underlay) $(peer six alpha underlay)"

echo "--- the other has nothing but IPv4"
check_same "its record has an endpoint in IPv4 alone" " 203.0.113.4:51820" \
	"$(mesh_device four local_ip_v6) $(mesh_device four local_ip)"
check_soon "they go through the relay" 90 relayed six four
check_soon "in both families of the mesh" 90 mesh_reaches six four
check_soon "both ways" 90 mesh_reaches four six
check_soon "the one with IPv4 meets alpha at its NAT" 60 meets four alpha "$(mesh_device alpha reflexive_ip4)"
check_same "nexd tells the underlay's family" IPv4 "$(peer four alpha underlay)"
check "the table too, and why the other goes through the relay" \
	table_has four '^six .* relay +relay .* no handshake with any of its .* endpoints?$'
check_soon "in both families of the mesh" 90 mesh_reaches four alpha
mesh_finish
