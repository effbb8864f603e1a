#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A device that is deleted on the server loses its tunnels on all others within seconds, in both families and through
# the relay as well, even if its own nexd would not hear of it. One that hears of it takes its tunnel away and stops
# with an exit code of its own; or, if so wished, registers anew. A revoked token does the same. While the server is
# away nobody loses anything.
. "$(dirname "$0")/../scenario.sh"

has_no_peer()
{
	! lab_x "$1" wg show wg0 peers | grep -qF "$2"
}

# not_again HOST: the same host, started once more, ends the same way and reaches nobody meanwhile
not_again()
{
	mesh_start "$1"
	ends_with 3 "$1"
}

# delete HOST
delete()
{
	mesh_nexctl device delete "$(device_id "$1")"
}

# revoke TOKEN
revoke()
{
	# shellcheck disable=SC2016 # expanded over there
	ip netns exec "$LAB-server" bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf \
		"POST /oauth/revoke HTTP/1.0\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" \
		application/x-www-form-urlencoded "${#1}" "$1" >&3 && grep -q " 200 " <&3' "$mesh_address" "token=$1"
}

# Seconds that an answer may take.
patience=$((LAB_TIME_FACTOR > 1 ? 5 : 1))

# answered: all pings between alpha and the others that come through; none does when it is cut off
answered()
{
	local host pids=()
	for host in $others; do
		ping_tell alpha "${a4[$host]}" & pids+=($!)
		ping_tell alpha "${a6[$host]}" & pids+=($!)
		ping_tell "$host" "${a4[alpha]}" & pids+=($!)
		ping_tell "$host" "${a6[alpha]}" & pids+=($!)
	done
	wait "${pids[@]}"
}

# ping_tell HOST ADDRESS: names both when there is an answer
ping_tell()
{
	! ip netns exec "$LAB-$1" ping -qnc2 -i0.5 -W "$patience" "$2" >/dev/null || echo "$1 reaches $2"
}

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host beta 3
need mesh_host spoke 4
mesh_enrol relay --relay-node
mesh_enrol alpha
mesh_enrol beta
mesh_enrol spoke --relay-only
need mesh_wait_running 3 relay alpha beta spoke
others="relay beta spoke"
declare -A a4 a6
for host in alpha $others; do
	a4[$host]=$(mesh_tunnel_address "$host" 4)
	a6[$host]=$(mesh_tunnel_address "$host" 6)
done
for host in $others; do
	check "alpha reaches $host over IPv4" mesh_ping alpha "${a4[$host]}" 20
	check "alpha reaches $host over IPv6" mesh_ping alpha "${a6[$host]}" 20
done
check_same "each way, in both families" 12 "$(answered | wc -l)"

# --- the server away --------------------------------------------------------------

check "the server ends in order" mesh_server_stop
check "without the server, IPv4 flows" mesh_ping alpha "${a4[spoke]}"
check "without the server, IPv6 flows" mesh_ping alpha "${a6[spoke]}"
need mesh_server_start
need mesh_wait_running 3 relay alpha beta spoke

# --- deleted, while its nexd does not listen -------------------------------------------

key=$(mesh_device alpha public_key)
id=$(device_id alpha)
kill -STOP "${mesh_pid[alpha]}"
started=$(date +%s%N)
check "the device is deleted" mesh_nexctl device delete "$id"
check_soon "the relay drops its peer" 5 has_no_peer relay "$key"
check_soon "beta drops its peer" 5 has_no_peer beta "$key"
echo "the others have dropped it after $((($(date +%s%N) - started) / 1000000)) ms"
check "alpha's own tunnel still has its peers" lab_x alpha sh -c 'wg show wg0 peers | grep -q .'
check_same "nothing gets from alpha to the others, nor from them to alpha, in either family" "" "$(answered)"
check "the others still reach each other over IPv4" mesh_ping beta "${a4[spoke]}"
check "the others still reach each other over IPv6" mesh_ping beta "${a6[spoke]}"

kill -CONT "${mesh_pid[alpha]}"
check "nexd on alpha hears of it and ends with exit code 3" ends_with 3 alpha
check "it says why" log_has alpha "it was deleted there"
check "and what to do" log_has alpha "start nexd once with --re-enrol"
check "its tunnel is gone" has_no_family alpha 4
check_not "and so are its last known peers" test -e "$LAB_DIR/alpha/state/devices.log"
check "started again, it ends again" not_again alpha

# --- registered anew -----------------------------------------------------------------

mesh_enrol alpha --re-enrol
need mesh_wait_running 3 alpha
check_not "with --re-enrol it is another device" test "$id" = "$(device_id alpha)"
check "it reaches the spoke over IPv4 again" mesh_ping alpha "${a4[spoke]}" 20
check "it reaches the spoke over IPv6 again" mesh_ping alpha "${a6[spoke]}" 20
id=$(device_id alpha)
need delete alpha >/dev/null
is_another()
{
	mesh_is_running alpha 3 && [ -n "$(device_id alpha)" ] && [ "$id" != "$(device_id alpha)" ]
}
check_soon "deleted while it runs, it registers anew by itself" 30 is_another
check "and reaches beta over IPv4" mesh_ping alpha "$(mesh_tunnel_address beta 4)" 20
check "and reaches beta over IPv6" mesh_ping alpha "$(mesh_tunnel_address beta 6)" 20

# --- a revoked token -----------------------------------------------------------------

need revoke "$(cat "$LAB_DIR/beta/state/token")"
check "nexd on beta, whose token is revoked, ends with exit code 3" ends_with 3 beta
check "its tunnel is gone" has_no_family beta 4
mesh_finish
