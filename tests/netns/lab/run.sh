#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The laboratory itself, without the product: hosts on a segment, a tunnel made by hand with both
# families inside, over both families outside. If this one fails, look at the machine first.
. "$(dirname "$0")/../scenario.sh"

echo "$scenario on Linux $(uname -r)"
umask 077
need lab_begin
need lab_switch net

keys=$LAB_DIR/keys
mkdir "$keys"
for n in 1 2; do
	need mesh_host "h$n" "$n"
	wg genkey >"$keys/$n" && wg pubkey <"$keys/$n" >"$keys/$n.pub"
	need lab_tunnel "h$n" wg0 "100.100.0.$n/24" "200::$n/64"
	need lab_x "h$n" wg set wg0 listen-port 51820 private-key "$keys/$n"
	need ip -n "$LAB-h$n" link set wg0 mtu 1420 up
done
echo "tunnels of kind $(ip -n "$LAB-h1" -d link show wg0 | grep -oE 'wireguard|tun type' | head -n 1)"
for underlay in 10.99.0.%d '[fd99::%d]'; do
	for n in 1 2; do
		peer=$((3 - n))
		# shellcheck disable=SC2059 # the formats above
		need lab_x "h$n" wg set wg0 peer "$(cat "$keys/$peer.pub")" \
			endpoint "$(printf "$underlay" "$peer"):51820" \
			allowed-ips "100.100.0.$peer/32,200::$peer/128"
	done
	check "IPv4 over $underlay" mesh_ping h1 100.100.0.2
	check "IPv6 over $underlay" mesh_ping h1 200::2
done
check "each host has a /run of its own" lab_x h1 test ! -e "/run/netns/$LAB-h1"
# shellcheck disable=SC2016 # expanded over there
check_not "a second lab of this name is refused" bash -c 'LAB=$0; . "$1"; lab_begin' "$LAB" "$mesh_lib/netlab.sh"
check "and this one still stands" mesh_ping h1 200::2
check_report
