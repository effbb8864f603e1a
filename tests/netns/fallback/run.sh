#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two hosts whose direct way is cut go through the relay in both families, within a bounded time, and come
# back to it when it is there again. They say which way they go and why. Without a relay nothing is torn
# down. A way that comes and goes does not make them change their minds each time.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host beta 3
matrix_host relay relay
matrix_host alpha ordinary
matrix_host beta ordinary

# cut HOST NUMBER: nothing that the host with that number on the underlay sends as UDP arrives here
cut()
{
	ip netns exec "$LAB-$1" nft -f - <<-NFT
		table inet cut {
			chain input {
				type filter hook input priority filter - 10; policy accept;
				meta l4proto udp ip saddr 10.99.0.$2 drop
				meta l4proto udp ip6 saddr fd99::$2 drop
			}
		}
	NFT
}
heal() { ip netns exec "$LAB-$1" nft delete table inet cut; }

# peer HOST OTHER FIELD: what nexd on HOST says of OTHER
peer() { mesh_agent "$1" peers | jq -r --arg name "$2" --arg field "$3" '.[] | select(.hostname == $name) | .[$field]'; }
goes() { [ "$(peer alpha beta path)" = "$1" ] && [ "$(peer beta alpha path)" = "$1" ]; }
answers() { mesh_ping alpha "$(mesh_tunnel_address beta 4)" 1 && mesh_ping alpha "$(mesh_tunnel_address beta 6)" 1; }

# after SECONDS WHAT CMD...: wait, and print how long it took
after()
{
	local limit=$1 what=$2 begin=$EPOCHREALTIME
	shift 2
	check "$what" lab_wait "$limit" "$@"
	echo "    after $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
}
turns() { grep -c "cannot be reached directly\|can be reached directly again" "$LAB_DIR/log/alpha"; }

# Seconds between keepalives: three that do not come are the bound of most of what is waited for here.
keepalive=--set=relay.keepalive=6
mesh_enrol alpha $keepalive
mesh_enrol beta $keepalive
need mesh_wait_running 1 alpha beta
after 30 "both reach each other directly" goes direct
check "in both families" lab_wait 10 answers

echo "--- no relay: the way is cut, and nothing is torn down"
need cut alpha 3
need cut beta 2
after 120 "both find that it does not work" grep -q "cannot be reached directly" "$LAB_DIR/log/alpha"
check_same "the peer stands all the same" direct "$(peer alpha beta path)"
check "it says why" test -n "$(peer alpha beta reason)"
heal alpha
heal beta
after 60 "they talk again when it is there again" answers

echo "--- with a relay"
mesh_enrol relay --relay-node $keepalive
need mesh_wait_running 2 relay alpha beta
after 30 "both go directly while that works" goes direct
need cut alpha 3
need cut beta 2
lab_bg alpha "$LAB_DIR/log/ping" ping -n -i 0.2 "$(mesh_tunnel_address beta 4)"
after 120 "both go through the relay" goes relay
after 20 "and reach each other in both families" answers
check_same "the relay is named" relay "$(peer alpha beta via)"
echo "    because: $(peer alpha beta reason)"
check "with the reason" test -n "$(peer alpha beta reason)"
heal alpha
heal beta
after 90 "both go directly again" goes direct
after 20 "and reach each other in both families" answers
scenario_matrix 30

echo "--- a way that comes and goes"
before=$(turns)
for _ in 1 2 3; do
	cut alpha 3
	sleep 4
	heal alpha
	sleep 4
done
check_same "short interruptions change no mind" "$before" "$(turns)"
mesh_finish
