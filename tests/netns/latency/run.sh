#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `nexctl nexd peers` tells how long packets to each peer take and how many get lost, in each family that both have:
# to hosts that are reached directly, through a relay, or not at all, and where some packets get lost.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host beta 3
need mesh_host spoke 4
need mesh_host v4only 5 v4-only
mesh_enrol relay --relay-node
mesh_enrol alpha
mesh_enrol beta
mesh_enrol spoke --relay-only
mesh_enrol v4only
need mesh_wait_running 4 relay alpha beta spoke v4only

# measures HOST OTHER: "IPv4 SENT RECEIVED, IPv6 SENT RECEIVED", as nexd on HOST has just measured; and each that
# came back took some time
measures()
{
	mesh_agent "$1" peers | jq -r --arg other "$2" '.[] | select(.hostname == $other) | .latency |
		if all(if .received > 0 then .microseconds > 0 and .microseconds < 5000000 else .microseconds == 0 end)
		then map("\(.label) \(.sent) \(.received)") | sort | join(", ") else "times that cannot be: \(.)" end'
}
measured() { [ "$(measures "$1" "$2")" = "$3" ]; }

all="IPv4 5 5, IPv6 5 5"
check_soon "a host that is reached directly" 20 measured alpha beta "$all"
check_soon "the relay" 20 measured alpha relay "$all"
check_soon "a spoke, through the relay" 20 measured alpha spoke "$all"
check_soon "the other way" 20 measured spoke beta "$all"
check_soon "a host without IPv6, in the family that it has" 20 measured alpha v4only "IPv4 5 5"
check_soon "and from there" 20 measured v4only alpha "IPv4 5 5"

echo "--- what a person sees"
table() { "$mesh_nexctl" nexd peers --socket "$(mesh_socket alpha)" "$@" | sed 's/ *$//'; }
table
row_has() { table "${@:2}" | grep -E "^beta .*$1"; }
check_soon "latency and loss in both families" 20 row_has 'IPv4 [0-9.]+ ms, IPv6 [0-9.]+ ms +IPv4 0 %, IPv6 0 %'
check_soon "endpoint, family outside and last handshake" 20 \
	row_has 'direct +- +(10\.99\.0\.3|\[fd99::3\]):[0-9]+ +IPv[46] +[0-9]+ s ago '
counted() { mesh_says alpha peers 'any(.[]; .hostname == "beta" and .received_bytes > 500 and .sent_bytes > 500)'; }
check_soon "bytes both ways" 20 counted
check_not "nothing is measured where that is not wanted" row_has ' ms' --quick
begin=$EPOCHREALTIME
askers=()
for n in 1 2 3; do
	table >"$LAB_DIR/table.$n" &
	askers+=($!)
done
wait "${askers[@]}"
check_same "those who ask at one time share a measurement" "1 1 1" \
	"$(for n in 1 2 3; do grep -c '^beta .* ms' "$LAB_DIR/table.$n"; done | paste -sd ' ')"
echo "    after $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"

echo "--- losses"
drop() # RULE...: at beta, of what comes out of the tunnel
{
	ip netns exec "$LAB-beta" nft -f - <<-NFT
		table inet lossy {
			chain input {
				type filter hook input priority filter; policy accept;
				$*
			}
		}
	NFT
}
keep() { ip netns exec "$LAB-beta" nft delete table inet lossy; }
need drop 'iifname "wg0" icmp type echo-request numgen inc mod 5 < 2 drop'
check_soon "two of five lost in one family" 20 measured alpha beta "IPv4 5 3, IPv6 5 5"
check_soon "and a person sees it" 20 row_has 'IPv4 40 %, IPv6 0 %'
keep
need drop 'iifname "wg0" icmpv6 type echo-request drop'
check_soon "all of them in the other" 20 measured alpha beta "IPv4 5 5, IPv6 5 0"
check_soon "and a person sees it" 20 row_has 'IPv4 [0-9.]+ ms +IPv4 0 %, IPv6 100 %'
keep
check_soon "none when it is over" 20 measured alpha beta "$all"

echo "--- a peer that is not there"
kill -STOP "${mesh_pid[beta]}"
ip -n "$LAB-beta" link set eth0 down
check_same "nothing comes back" "IPv4 5 0, IPv6 5 0" "$(measures alpha beta)"
check_soon "the others are measured all the same" 20 measured alpha relay "$all"
ip -n "$LAB-beta" link set eth0 up
ip -n "$LAB-beta" address add fd99::3/64 dev eth0 nodad 2>/dev/null
kill -CONT "${mesh_pid[beta]}"
check_soon "it is there again" 60 measured alpha beta "$all"

echo "--- nexd ends while somebody waits"
table >"$LAB_DIR/table.end" 2>&1 &
asker=$!
sleep 0.3
check "nexd ends in order" mesh_stop alpha
wait "$asker"
check "who asked is told" grep -E '^nexctl: (nexd did not answer|cannot reach nexd)' "$LAB_DIR/table.end"
mesh_finish
