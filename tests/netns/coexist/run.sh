#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A relay that also advertises a network, on a host whose firewall drops what is forwarded, in each way that
# firewalls do: it forwards for the mesh in both families, for nobody else, leaves the rules of others alone,
# keeps the default route that a router advertised, and takes everything back. Source NAT, where it is wished.
#
#	alpha, spoke, server -- net -- gate -- lan -- behind
#	                               gate -- uplink -- isp, which advertises itself
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host alpha 1
need mesh_host gate 2
need mesh_host spoke 3
need lab_switch lan
need lab_host behind
need lab_plug lan gate lan0 172.17.20.1/24 2001:db8:abcd:12::1/64
need lab_plug lan behind eth0 172.17.20.2/24 2001:db8:abcd:12::2/64
need lab_switch uplink
need lab_host isp
need lab_plug uplink gate eth1
need lab_plug uplink isp eth0
on() { ip netns exec "$LAB-$1" "${@:2}"; }
behind_routes()
{
	on behind ip route "$1" default via 172.17.20.1 && on behind ip -6 route "$1" default via 2001:db8:abcd:12::1
}
need behind_routes add
# So that answers of the server would find their way, if gate let the questions through.
need on server ip route add 172.17.20.0/24 via 10.99.0.2
need on gate sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth1.accept_ra=1
lab_bg isp "$LAB_DIR/log/isp" python3 "$(dirname "$0")/advertise.py" eth0

# Who asks what is behind: gate itself, as with source NAT, or another one.
need on behind nft -f - <<-NFT
	table inet seen {
		counter v4 { }
		counter v6 { }
		chain input {
			type filter hook input priority filter; policy accept;
			ip saddr 172.17.20.1 icmp type echo-request counter name v4
			ip6 saddr 2001:db8:abcd:12::1 icmpv6 type echo-request counter name v6
		}
	}
NFT
seen() { on behind nft -j list counter inet seen "$1" | jq '.nftables[] | .counter? // empty | .packets'; }

advertised() { on gate ip -6 route show default dev eth1 | grep -q 'proto ra'; }
# All that could have been changed, but for what counts down.
state()
{
	host_state gate | sed 's/ expires [0-9]*sec//'
	on gate sh -c 'iptables-legacy-save; ip6tables-legacy-save' | sed -E '/^#/d; s/\[[0-9:]+\]//'
}

# --- firewalls ------------------------------------------------------------------------

# as_docker KEEPER: FORWARD drops, and goes to chains of Docker's; KEEPER is "nft" or "legacy"
as_docker()
{
	local program
	for program in "iptables-$1" "ip6tables-$1"; do
		on gate sh -ec "$program -P FORWARD DROP
			$program -N DOCKER-USER; $program -A DOCKER-USER -j RETURN; $program -A FORWARD -j DOCKER-USER
			$program -N DOCKER; $program -A FORWARD -o docker0 -j DOCKER
			$program -A FORWARD -i docker0 ! -o docker0 -j ACCEPT" || return
	done
}
docker_again()
{
	local program
	for program in "iptables-$1" "ip6tables-$1"; do
		on gate "$program" -F DOCKER-USER && on gate "$program" -A DOCKER-USER -j RETURN || return
	done
}
policy_alone() { on gate "iptables-$1" -P FORWARD DROP && on gate "ip6tables-$1" -P FORWARD DROP; }
native()
{
	on gate nft -f - <<-NFT
		table inet filter {
			chain forward {
				type filter hook forward priority filter; policy accept;
				ct state established,related accept
				tcp dport 25 counter drop
				reject with icmpx type admin-prohibited
			}
		}
	NFT
}
firewall_clear()
{
	local program
	on gate nft flush ruleset
	[ "${1:-}" = legacy ] || return 0
	for program in iptables-legacy ip6tables-legacy; do
		on gate sh -ec "$program -F; $program -X; $program -P FORWARD ACCEPT"
	done
}

# --- what must be true ----------------------------------------------------------------

reaches_behind() { mesh_reaches_address alpha 172.17.20.2 && mesh_reaches_address alpha 2001:db8:abcd:12::2; }
mesh_reaches_address() { on "$1" ping -qnc1 -W1 "$2"; }
behind_reaches()
{
	mesh_reaches_address behind "$(mesh_tunnel_address alpha 4)" &&
		mesh_reaches_address behind "$(mesh_tunnel_address alpha 6)"
}
# A spoke comes to its relay, which a relay that was away cannot ask it to.
gate_start()
{
	mesh_start gate
	mesh_stop spoke
	mesh_start spoke
	mesh_wait_running 2 gate spoke
}
forwards()
{
	check_soon "alpha reaches the spoke through the relay" 60 mesh_reaches alpha spoke
	check_soon "alpha reaches what is behind" 60 reaches_behind
	check_soon "and is reached from there" 60 behind_reaches
	check_not "what is not the mesh's is dropped as before" mesh_reaches_address behind 10.99.0.254
}
stops_clean()
{
	check "nexd ends in order" mesh_stop gate
	check_same "everything is as it was" "$before" "$(state)"
}

check_soon "the router's advertisement gives a default route" 30 advertised
mesh_enrol alpha
mesh_enrol spoke --relay-only

echo "--- iptables-nft, as Docker sets it"
need as_docker nft
before=$(state)
mesh_enrol gate --relay-node --advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64
need mesh_wait_running 2 gate alpha spoke
forwards
check "the advertised default route stays" advertised
need on gate ip -6 route del default dev eth1
check_soon "and further advertisements are taken" 30 advertised
check_same "without --snat, what is behind sees who asks" "0 0" "$(seen v4) $(seen v6)"
need docker_again nft
check_soon "Docker sets its chain anew: our rules come back" 60 reaches_behind
need on gate sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth1.accept_ra=1
check_soon "somebody turns forwarding off: it comes back, in both families" 60 reaches_behind
check "nexd says so" grep -q "somebody turned forwarding off" "$LAB_DIR/log/gate"
check "the advertised default route stays" advertised
stops_clean
firewall_clear

echo "--- iptables-nft, without Docker; killed, and started again"
need policy_alone nft
before=$(state)
need gate_start
forwards
mesh_stop gate KILL
need gate_start
forwards
stops_clean
firewall_clear

echo "--- iptables-legacy, as Docker sets it"
need as_docker legacy
before=$(state)
need gate_start
forwards
need docker_again legacy
check_soon "Docker sets its chain anew: our rules come back" 60 reaches_behind
stops_clean
firewall_clear legacy

echo "--- iptables-legacy, without Docker; killed, and not to forward at the next start"
need policy_alone legacy
before=$(state)
need gate_start
forwards
mesh_stop gate KILL
id=$(device_id gate)
need mesh_nexctl device update "$id" --advertise-cidr ""
mesh_options[gate]=
mesh_start gate
need mesh_wait_running 0 gate
forwards_nothing() { [ "$(on gate sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | tr -d '\n')" = 00 ]; }
check_soon "the host forwards no more" 30 forwards_nothing
stops_clean
firewall_clear legacy

echo "--- nftables, a rule that rejects; source NAT"
need native
before=$(state)
need mesh_nexctl device update "$id" --advertise-cidr 172.17.20.0/24,2001:db8:abcd:12::/64
mesh_options[gate]=$(printf '%s\n' --snat --advertise-cidr=172.17.20.0/24,2001:db8:abcd:12::/64)
need behind_routes del
mesh_start gate
check_soon "what is behind answers without a route to the mesh" 60 reaches_behind
check "it sees gate as the source, IPv4" [ "$(seen v4)" -gt 0 ]
check "it sees gate as the source, IPv6" [ "$(seen v6)" -gt 0 ]
stops_clean
mesh_finish
