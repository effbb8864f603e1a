#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two relays. Spokes with different relays reach each other and everybody else in both families. A relay is
# killed and its tunnel with it: its spokes move to the other, and nobody has to do anything; how long that
# took is printed. When it comes back nobody moves without need. A spoke whose relay dies while the service is away, so
# that nobody can be told, returns to it.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
spokes="s1 s2 s3 s4"
need mesh_host r1 1
need mesh_host r2 2
need mesh_host plain 3
number=4
for host in $spokes; do
	need mesh_host "$host" $number
	number=$((number + 1))
done
matrix_host r1 relay
matrix_host r2 relay
matrix_host plain ordinary
for host in $spokes; do
	matrix_host "$host" spoke
done

# relay_of SPOKE: the relay it says it uses
relay_of() { mesh_agent "$1" status | jq -r .relay_peer; }
uses() { [ "$(relay_of "$1")" = "$2" ]; }
spokes_of() { for host in $spokes; do [ "$(relay_of "$host")" = "$1" ] && echo -n "$host "; done; }
everybody_reaches()
{
	local host
	for host in $spokes plain; do
		[ "$host" = "$1" ] || mesh_reaches "$1" "$host" || return
	done
}
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

mesh_enrol r1 --relay-node
mesh_enrol r2 --relay-node
need mesh_wait_running 1 r1 r2
mesh_enrol plain
for host in $spokes; do
	mesh_enrol "$host" --relay-only
done
need mesh_wait_running 6 r1 r2 plain $spokes
echo "behind r1: $(spokes_of r1); behind r2: $(spokes_of r2)"
for host in $spokes; do
	check_soon "$host reaches everybody in both families" 30 everybody_reaches "$host"
done
check_same "nobody had to be told which relay is whose" "" \
	"$(mesh_devices | jq -r '.[].relay_id' | tr -d '\n')"

echo "--- a relay dies"
victim=$(relay_of s1)
other=$([ "$victim" = r1 ] && echo r2 || echo r1)
echo "the relay of s1 is $victim; the other one is $other"
orphans=$(spokes_of "$victim")
lab_bg s1 "$LAB_DIR/log/ping" ping -n -i 0.2 "$(mesh_tunnel_address plain 6)"
begin=$EPOCHREALTIME
mesh_stop "$victim" KILL
need ip -n "$LAB-$victim" link delete wg0
moved() { [ "$(relay_of s1)" = "$other" ] && everybody_reaches s1; }
check_soon "s1 moves to $other and reaches everybody again" 120 moved
echo "    after $(seconds_since "$begin") s"
for host in $orphans; do
	check_soon "$host uses $other" 60 uses "$host" "$other"
	check_soon "$host reaches everybody in both families" 60 everybody_reaches "$host"
done
check_soon "plain reaches s1" 30 mesh_reaches plain s1

echo "--- it comes back"
before=$(for host in $spokes; do relay_of "$host"; done)
mesh_start "$victim"
need mesh_wait_running 6 "$victim"
sleep 8
check_same "nobody moves without need" "$before" "$(for host in $spokes; do relay_of "$host"; done)"
for host in $spokes; do
	check_soon "$host reaches everybody in both families" 30 everybody_reaches "$host"
done
check_soon "and the relay that came back" 30 mesh_reaches s1 "$victim"

echo "--- the service is away, and a relay dies and comes back"
victim=$(relay_of s1)
lost=$(grep -c "cannot be reached directly.*hostname=$victim" "$LAB_DIR/log/s1")
lost_again() { [ "$(grep -c "cannot be reached directly.*hostname=$victim" "$LAB_DIR/log/s1")" -gt "$lost" ]; }
mesh_server_stop
mesh_stop "$victim" KILL
need ip -n "$LAB-$victim" link delete wg0
check_soon "s1 finds that its relay is dead" 60 lost_again
mesh_start "$victim"
check_soon "s1 returns to it, where others look for s1" 60 uses s1 "$victim"
check_soon "s1 reaches everybody in both families" 60 everybody_reaches s1
mesh_finish
