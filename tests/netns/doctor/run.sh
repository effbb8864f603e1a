#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The doctor: each thing that it can find is caused on a host, and it must find that one, in the running
# mesh and while nexd is not there; and nothing once all is well.
. "$(dirname "$0")/../scenario.sh"

scenario_begin --set stun.listen="$mesh_address" --set stun.advertise="$mesh_address"
need mesh_host a 1
need mesh_host b 2

# doctor HOST [NAME=VALUE...]: what it finds there, as JSON; its exit code is in the file "code"
doctor()
{
	local host=$1
	shift
	lab_x "$host" env NEXD_SERVICE_URL="$mesh_url" NEXD_STATE_DIRECTORY="$LAB_DIR/$host/state" \
		NEXD_PLUGIN_DIRECTORY="$mesh_plugins" "$@" "$mesh_nexctl" nexd doctor \
		--socket "$(mesh_socket "$host")" --nexd "$mesh_nexd" --output "$form"
	echo $? >"$LAB_DIR/code"
}
form=json
# verdict FINDINGS CHECK: the worst
verdict() { jq -r --arg check "$2" '[.[] | select(.check == $check) | .verdict] |
	if index("problem") then "problem" elif index("warning") then "warning" else .[0] // "none" end' <<<"$1"; }
# finds CHECK VERDICT WORDS HOST [NAME=VALUE...]: with these words, and something to do
finds()
{
	local check=$1 verdict=$2 words=$3 found
	shift 3
	found=$(doctor "$@")
	check_same "$check on $1: $verdict" "$verdict" "$(verdict "$found" "$check")"
	check "... which it says in words: $words" jq -e --arg check "$check" --arg words "$words" \
		'any(.[]; .check == $check and (.what | test($words)) and (.remedy != "" or .verdict == "unknown"))' \
		<<<"$found"
	[ "$check_result" = passed ] || jq -c '.[]' <<<"$found"
}

echo "--- nexd is not running"
finds nexd problem "not running" a
check_same "the exit code tells of problems" 5 "$(cat "$LAB_DIR/code")"

echo "--- all is well"
mesh_enrol a
mesh_enrol b --advertise-cidr=192.168.77.0/24
need mesh_wait_running 1 a b
well=$(doctor a)
check_same "nothing is a problem" "" "$(jq -r '.[] | select(.verdict == "problem") | .check' <<<"$well")"
check_same "the service answers" ok "$(verdict "$well" service)"
check_same "the clocks agree" ok "$(verdict "$well" clock)"
check_same "UDP gets through" ok "$(verdict "$well" udp)"
check_same "nexd and nexctl are of one version" ok "$(verdict "$well" version)"
check_same "IPv6 is there" ok "$(verdict "$well" ipv6)"
# wireguard-go is slower than a kernel's WireGuard.
expected=0
[ "$(verdict "$well" wireguard)" = ok ] || expected=4
check_same "the exit code tells of warnings alone" "$expected" "$(cat "$LAB_DIR/code")"

echo "--- the way to the service"
check "nexd on a ends" mesh_stop a
finds service problem "refuses" a NEXD_SERVICE_URL=http://$mesh_address:8099
finds service problem "no route|no way" a NEXD_SERVICE_URL=http://198.51.100.7:8080
finds service problem "DNS" a NEXD_SERVICE_URL=http://no-such-host.invalid:8080
finds service problem "TLS" a NEXD_SERVICE_URL=https://$mesh_address:8080
finds service problem "status 404" a NEXD_SERVICE_URL=http://$mesh_address:8080/nowhere
finds configuration problem "listen-port" a NEXD_LISTEN_PORT=99999
form=column
check "a person reads it, and what to do" grep -Pzq \
	"problem +service .* it refuses the connection .*\n +Check that the service runs" \
	<(doctor a NEXD_SERVICE_URL=http://$mesh_address:8099)
form=json

echo "--- the wall clock"
# clock_of HOST SECONDS: what is run there with the variables in $clock sees a clock that is so far from the right one
clock_of()
{
	local file=$LAB_DIR/$1/clock
	python3 -c 'import struct, sys; sys.stdout.buffer.write(struct.pack("=q", int(sys.argv[1]) * 10**9))' "$2" >"$file"
	clock=(LD_PRELOAD="$NEXODUS_BUILD/tests/faults/libclock.so" NEXODUS_TEST_CLOCK="$file"
		ASAN_OPTIONS=verify_asan_link_order=0)
}
clock_of a 3600
finds clock problem "ahead" a "${clock[@]}"
clock_of a -3600
finds clock problem "behind" a "${clock[@]}"
clock_of a 90
finds clock warning "ahead" a "${clock[@]}"

echo "--- nothing to carry the tunnel"
# with_mount WHAT WHERE: the doctor's findings on a, in a mount namespace of its own with that mount
with_mount()
{
	# shellcheck disable=SC2016 # expanded over there
	lab_x a env NEXD_SERVICE_URL="$mesh_url" NEXD_STATE_DIRECTORY="$LAB_DIR/a/state" \
		NEXD_PLUGIN_DIRECTORY="$mesh_plugins" sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$@" \
		"$mesh_nexctl" nexd doctor --socket "$(mesh_socket a)" --nexd "$mesh_nexd" --output json
}
found=$(with_mount /dev/null /usr/bin/wireguard-go)
if ip -n "$LAB-a" link add probe type wireguard 2>/dev/null; then
	ip -n "$LAB-a" link delete probe
	check_same "this kernel has WireGuard itself" ok "$(verdict "$found" wireguard)"
else
	check_same "wireguard on a: problem" problem "$(verdict "$found" wireguard)"
	check "... which it says in words" jq -e \
		'any(.[]; .check == "wireguard" and (.what | test("not installed")) and (.remedy | test("wireguard-go")))' \
		<<<"$found"
	check_same "with wireguard-go there is one" warning "$(verdict "$(doctor a)" wireguard)"
fi

echo "--- UDP is blocked"
ip netns exec "$LAB-a" nft -f - <<END
table inet block {
	chain out {
		type filter hook output priority filter; policy accept;
		meta l4proto udp drop
	}
}
END
finds udp problem "blocked" a
need ip netns exec "$LAB-a" nft delete table inet block

echo "--- the port is taken"
# By whom is known: the server answers STUN there.
finds port problem "3478.*held by nexodus-server .*process $mesh_server_pid" server NEXD_LISTEN_PORT=3478

echo "--- another interface has the name"
need ip -n "$LAB-a" link add wg0 type bridge
finds interface problem "wg0 exists and is of kind bridge" a
need ip -n "$LAB-a" link delete wg0

echo "--- IPv6"
finds mtu problem "1200" a NEXD_MTU=1200
need lab_v6 a off
finds ipv6 warning "net.ipv6.conf.all.disable_ipv6" a
mkdir "$LAB_DIR/sysctl.d"
echo "net.ipv6.conf.all.disable_ipv6 = 1" >"$LAB_DIR/sysctl.d/70-no-ipv6.conf"
echo "net.ipv6.conf.eth9.disable_ipv6 = 1" >"$LAB_DIR/sysctl.d/60-another.conf"
check "... and the file that does it" jq -e 'any(.[]; .check == "ipv6" and (.remedy | test("/etc/sysctl.d/70-no-ipv6")))' \
	<<<"$(with_mount "$LAB_DIR/sysctl.d" /etc/sysctl.d)"
need lab_v6 a on

echo "--- a host that is to forward"
finds forwarding problem "net.ipv4.ip_forward" a NEXD_ADVERTISE_CIDR=192.168.78.0/24
check_same "b forwards" ok "$(verdict "$(doctor b)" forwarding)"
ip netns exec "$LAB-a" nft -f - <<END
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
END
finds firewall problem "table ip filter drops" a NEXD_RELAY_NODE=true
need ip netns exec "$LAB-a" nft add rule ip filter FORWARD iifname wg0 accept comment '"nexodus wg0"'
check_same "with an opening of ours it is fine" ok \
	"$(verdict "$(doctor a NEXD_RELAY_NODE=true)" firewall)"
need ip netns exec "$LAB-a" nft delete table ip filter
need ip netns exec "$LAB-a" iptables-legacy -P FORWARD DROP
finds firewall problem "FORWARD of iptables-legacy drops" a NEXD_RELAY_NODE=true
need ip netns exec "$LAB-a" iptables-legacy -P FORWARD ACCEPT

echo "--- a tunnel whose packets are too small for IPv6"
need ip -n "$LAB-b" link set wg0 mtu 1200
finds mtu problem "wg0 is 1200" b
check_not "which is no switch to be turned" jq -e 'any(.[]; .remedy | test("sysctl"))' <<<"$(doctor b)"

echo "--- a symmetric NAT"
need lab_switch lan
need lab_host router
need lab_plug net router wan 10.99.0.9/24
need lab_plug lan router lan0 192.168.7.1/24
need lab_host sym
need lab_plug lan sym eth0 192.168.7.2/24
need ip -n "$LAB-sym" route add default via 192.168.7.1
need lab_nat router wan fully-random
mesh_enrol sym
need mesh_wait_running 0 sym # which reaches nobody as soon as it knows of its NAT
symmetric() { mesh_says sym status 'any(.families[]; .mapping == "symmetric")'; }
check_soon "nexd finds out" 30 symmetric
finds nat problem "symmetric NAT.*no relay" sym
need lab_host only
need lab_plug net only eth0 10.99.0.4/24
mesh_enrol only --relay-only
spoke() { mesh_says only status .spoke; }
check_soon "a spoke by its operator's wish" 30 spoke
finds nat problem "through a relay only.*no relay" only
mesh_enrol a --relay-node
need mesh_wait_running 1 a
relayed() { mesh_says sym status '.relay_peer == "a"'; }
check_soon "a relay comes" 30 relayed
check_same "with a relay it is fine" ok "$(verdict "$(doctor sym)" nat)"
need lab_host hidden
need lab_plug lan hidden eth0 192.168.7.3/24
need ip -n "$LAB-hidden" route add default via 192.168.7.1
mesh_enrol hidden --relay-node
hidden() { mesh_says hidden status '.relay and any(.families[]; .mapping == "symmetric")'; }
check_soon "a relay that nobody finds" 30 hidden
finds nat warning "a relay, but behind a symmetric NAT" hidden
mesh_finish
