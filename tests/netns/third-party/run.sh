#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A driver of somebody else's: examples/driver-vxlan/, away from the source tree, is built against what is
# installed and nothing else, put beside the other plugins, and chosen by --driver. It carries the six hosts as
# WireGuard does, by the same paths, and a host whose underlay is IPv6 alone. Killed, it leaves a tunnel that works
# and that the next nexd takes over; stopped, nothing; what has the interface's name and is not its own, it refuses.
. "$(dirname "$0")/../scenario.sh"

plugins='ipam-v4 ipam-v6 relay driver-wireguard driver-vxlan'
source_tree=$(cd "$(dirname "$0")/../../.." && pwd)
echo "$scenario on Linux $(uname -r)"
mesh_begin

# kernel_has KIND...: it can make devices of that kind, loading its module if need be
kernel_has()
{
	ip -n "$LAB-server" link add probe0 type "$@" && ip -n "$LAB-server" link delete probe0
}
for kind in bridge "vxlan id 1 dstport 4789"; do
	# shellcheck disable=SC2086 # words of ip-link
	if ! kernel_has $kind 2>"$LAB_DIR/probe"; then
		echo "SKIPPED: this kernel makes no device of kind ${kind%% *}: $(tail -n 1 "$LAB_DIR/probe")"
		exit 77
	fi
done

# --- as a third party and an operator would ---------------------------------------------------

root=$LAB_DIR/root
# logged CMD...: what it says is of interest only when it fails
logged()
{
	"$@" >"$LAB_DIR/build.log" 2>&1 || { cat "$LAB_DIR/build.log"; return 1; }
}
need logged cmake --install "$NEXODUS_BUILD" --prefix "$root"
need cp -r "$source_tree/examples" "$LAB_DIR/examples"
package=$(dirname "$(find "$root" -name nexodus-plugin-config.cmake)")
mesh_plugins=$(dirname "$(dirname "$(find "$root" -path '*/agent/relay.so')")")
mesh_server=$root/sbin/nexodus-server mesh_nexd=$root/sbin/nexd mesh_nexctl=$root/bin/nexctl
flags=-Werror
# What the agent is checked for, the driver in it is as well.
! grep -qF __asan_init "$mesh_nexd" || flags+=' -fsanitize=address,undefined -fno-sanitize-recover=undefined'
need logged cmake -S "$LAB_DIR/examples/driver-vxlan" -B "$LAB_DIR/built" -DCMAKE_BUILD_TYPE=Release \
	-DCMAKE_C_FLAGS="$flags" -Dnexodus-plugin_DIR="$package" -DNEXODUS_PLUGIN_DIR="$mesh_plugins"
need logged cmake --build "$LAB_DIR/built"
check "the example's own tests pass" ctest --test-dir "$LAB_DIR/built"
need logged cmake --install "$LAB_DIR/built"
for role in server agent; do
	check "it is installed beside the $role's other plugins" [ -f "$mesh_plugins/$role/driver-vxlan.so" ]
done
check "it was built with the headers that are installed" \
	grep -rqF --include='*.d' "$root/include/nexodus/driver.h" "$LAB_DIR/built"
check_not "and with none of the source tree" grep -rlF --include='*.d' "$source_tree/" "$LAB_DIR/built"

# judged HALF CHECK: nexodus-plugin-check has nothing to say against it, and that check was one of those
judged()
{
	logged "$root/bin/nexodus-plugin-check" --operations=20000 --netns \
		"$LAB_DIR/built/plugins/$1/driver-vxlan.so" && grep -x "ok: $2" "$LAB_DIR/build.log"
}
check "its server half passes what a driver is checked for" judged server driver/vxlan.canonical
check "its agent half too, on a real kernel" judged agent driver/vxlan.netns

need mesh_server_start --listen="$mesh_address:8080, [fd99::254]:8080" --plugins="$plugins"
need mesh_key_create

# join HOST [OPTION...]: with the driver that this is about
join()
{
	mesh_enrol "$@" --plugins="$plugins" --driver=vxlan
	mesh_wait_running 0 "$1"
}
# As six_hosts_enrol calls it.
six_hosts_join()
{
	join "$@"
}

# --- everyone reaches everyone -----------------------------------------------------------------

need six_hosts_make
declare -A before
for host in "${matrix_rows[@]}"; do before[$host]=$(host_state "$host"); done
need six_hosts_enrol
scenario_matrix 30
check_same "the server has recorded the driver" vxlan "$(mesh_devices | jq -r '[.[].driver] | unique | join(" ")')"
check_same "keys are the driver's" "" \
	"$(mesh_devices | jq -r '.[].public_key | select(test("^[0-9a-f]{32}$") | not)')"
check "they are kept where nobody else reads them" [ "$(stat -c %a "$LAB_DIR/alpha/state/vxlan.key")" = 600 ]
check_same "the spoke has one peer" relay "$(mesh_direct spoke)"

# key_refused KEY WORDS: the server, asked by hand, does not take it
key_refused()
{
	local body
	body=$(jq -n --arg key "$1" '{public_key: $key, driver: "vxlan", hostname: "by-hand", os: "linux"}')
	# shellcheck disable=SC2016 # expanded over there
	ip netns exec "$LAB-server" bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf \
		"POST /api/devices HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" \
		"$1" application/json "${#2}" "$2" >&3 && cat <&3' "$mesh_address" "$mesh_token" "$body" |
		tee /dev/stderr | grep -F "$2"
}
check "a key that is none is refused by the driver's other half" key_refused wg0 \
	"public_key must be 32 hexadecimal digits"
check "as is one that nobody draws" key_refused "$(printf '0%.0s' {1..32})" "public_key is all zeros"

# peer HOST OTHER FILTER: what nexd on HOST says of OTHER
peer()
{
	mesh_agent "$1" peers | jq -r --arg name "$2" ".[] | select(.hostname == \$name) | $3"
}
check_same "nexd does not pretend to know what this tunnel does not" "false false" \
	"$(peer alpha beta '"\(has("last_handshake")) \(has("received_bytes"))"')"
check_same "and says so" "taken to work: this tunnel has no handshakes that would show it" \
	"$(peer alpha beta .reason)"
check_same "the doctor warns of a tunnel that is open" warning "$(lab_x alpha env \
	NEXD_PLUGIN_DIRECTORY="$mesh_plugins" NEXD_PLUGINS="$plugins" NEXD_DRIVER=vxlan NEXD_SERVICE_URL="$mesh_url" \
	NEXD_STATE_DIRECTORY="$LAB_DIR/alpha/state" \
	"$mesh_nexctl" nexd doctor --socket "$(mesh_socket alpha)" --nexd "$mesh_nexd" --output json |
	jq -r '.[] | select(.check == "tunnel-secrecy") | .verdict')"
check_same "no host of the mesh is taken for a router" 0 \
	"$(ip netns exec "$LAB-alpha" sysctl -n net.ipv6.conf.wg0.accept_ra)"
# longest_packet FROM ADDRESS: that the interface takes, as a ping that must not be fragmented
longest_packet()
{
	local mtu
	mtu=$(ip -n "$LAB-$1" -j link show wg0 | jq '.[0].mtu')
	case $2 in
	*:*) ip netns exec "$LAB-$1" ping -qnc1 -W2 -M do -s $((mtu - 48)) "$2" ;;
	*) ip netns exec "$LAB-$1" ping -qnc1 -W2 -M do -s $((mtu - 28)) "$2" ;;
	esac
}
for family in 4 6; do
	check "the largest IPv$family packet arrives" longest_packet alpha "$(mesh_tunnel_address beta $family)"
	check "through the relay too" longest_packet alpha "$(mesh_tunnel_address spoke $family)"
done

# Packets leave from the port that they are received at, or a stateful firewall would not let a peer's in.
ports_probe()
{
	ip netns exec "$LAB-beta" nft "$@"
}
ports_probe -f - <<-NFT
	table inet probe {
		counter same {}
		counter other {}
		chain in {
			type filter hook input priority filter; policy accept;
			udp dport 4789 udp sport 4789 counter name same
			udp dport 4789 udp sport != 4789 counter name other
		}
	}
NFT
check "packets flow" mesh_reaches alpha beta
check_same "from one port to the same one, none from another" "some 0" \
	"$(ports_probe -j list counters | jq -r '[.nftables[].counter // empty | {(.name): .packets}] | add |
		"\(if .same > 0 then "some" else 0 end) \(.other)"')"
ports_probe delete table inet probe

# --- the other underlay ----------------------------------------------------------------------------

need lab_host six
need lab_plug net six eth0 fd99::7/64
before[six]=$(host_state six)
need join six --service-url='http://[fd99::254]:8080'
check_soon "a host with nothing but IPv6 outside is reached over it" 20 mesh_reaches six alpha
check_soon "both ways" 20 mesh_reaches alpha six
check_same "at its address there" "[fd99::7]:4789" "$(peer alpha six .endpoint)"
check_soon "a spoke is reached from there through the relay" 20 mesh_reaches six spoke

# --- killed, and taken over --------------------------------------------------------------------------

# entries HOST: what the kernel has of its peers, in order
entries()
{
	bridge -n "$LAB-$1" fdb show br wg0 | grep -E ' (static|dst) ?' | sort
	ip -n "$LAB-$1" neighbour show dev wg0 nud permanent | sort
}
# has_entries_of HOST OTHER: a forwarding entry for it, and a neighbour entry that leads there
has_entries_of()
{
	local mac
	mac=$(ip -n "$LAB-$2" -j link show wg0 | jq -r '.[0].address')
	entries "$1" | grep -F " $mac" && entries "$1" | grep "^$mac "
}
kill_and_restart()
{
	mesh_stop "$1" KILL
	mesh_start "$1"
	lab_wait 20 mesh_is_running "$1" 6
}
entries_before=$(entries alpha)
lossless "nexd killed and started again" alpha beta kill_and_restart alpha
check_same "the kernel has what it had" "$entries_before" "$(entries alpha)"
lossless "on a spoke" spoke router kill_and_restart spoke
lossless "on the relay between them" spoke router kill_and_restart relay

mesh_stop alpha KILL
check "killed, the tunnel stands" mesh_reaches beta alpha
check "alpha has entries of beta" has_entries_of alpha beta
check "beta leaves the mesh meanwhile" mesh_nexctl device delete "$(device_id beta)"
check "and takes its tunnel away" lab_wait 20 eval '! ip -n "$LAB-beta" link show wg0'
mesh_stop beta # which it does by itself, with an exit code that says why
check_same "beta is as it was" "${before[beta]}" "$(host_state beta)"
mesh_start alpha
need mesh_wait_running 5 alpha
check_soon "started again, it has none of beta" 10 eval '! has_entries_of alpha beta'
check "but all the others" mesh_reaches alpha relay

# --- mended --------------------------------------------------------------------------------------------

ip -n "$LAB-alpha" link delete wg0-4
check_soon "a device that was removed by hand comes back" 20 mesh_reaches alpha relay
for device in wg0-4 wg0; do
	ip -n "$LAB-alpha" link set "$device" down
	check_soon "$device, set down by hand, is set up" 20 mesh_reaches alpha relay
done
ipv6_again()
{
	lab_v6 alpha off
	lab_wait 20 eval '! ip -n "$LAB-alpha" -6 address show dev wg0 | grep -q inet6' || return
	lab_v6 alpha on && lab_address_add "$LAB-alpha" eth0 fd99::1/64 # which it has lost
}
check "IPv6 is switched off and on again" ipv6_again
check_soon "its neighbours come back" 30 mesh_reaches alpha relay
check_soon "also those that the kernel asks for" 20 mesh_reaches alpha spoke

# --- what is not its own -----------------------------------------------------------------------------

need mesh_host stranger 8
need ip -n "$LAB-stranger" link add wg0 type bridge
need ip -n "$LAB-stranger" link set wg0 up
stranger_before=$(ip -n "$LAB-stranger" link show wg0)
mesh_enrol stranger --plugins="$plugins" --driver=vxlan
refused()
{
	grep -F "interface wg0 exists and is not ours: its Ethernet address is not made of this host's key" \
		"$LAB_DIR/log/stranger"
}
check_soon "another's bridge of the same name is refused, with words" 20 refused
check_same "and left as it is" "$stranger_before" "$(ip -n "$LAB-stranger" link show wg0)"
mesh_stop stranger
check_same "also at the end" "$stranger_before" "$(ip -n "$LAB-stranger" link show wg0)"

# --- stopped -------------------------------------------------------------------------------------------

for host in "${!mesh_pid[@]}"; do
	check "nexd on $host ends in order" mesh_stop "$host"
	check_same "$host is as it was" "${before[$host]}" "$(host_state "$host")"
done
mesh_finish
