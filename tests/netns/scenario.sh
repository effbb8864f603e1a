# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every scenario begins with. A scenario is a folder with a run.sh: its first comment says what
# it shows, `scenario_begin` makes the lab, `mesh_finish` judges; whatever way it ends, nothing
# stays behind. NEXODUS_BUILD names the build tree under test.

scenario=$(basename "$(cd "$(dirname "$0")" && pwd)")
# The tests of two build trees may run side by side.
LAB=nxt$(printf %s "${NEXODUS_BUILD:-}" | cksum | cut -c1-4)-$scenario
if [ "$(id -u)" != 0 ]; then
	echo "SKIPPED: $scenario makes network namespaces, for which it needs root"
	exit 77
fi
. "$(dirname "${BASH_SOURCE[0]}")/../lib/mesh.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/matrix.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/six-hosts.sh"

# need CMD...: without it the rest of the scenario would say nothing
need()
{
	"$@" || { echo "FAILED: $*"; exit 1; }
}

# scenario_begin [SERVER-OPTION...]: the lab, the server, a registration key
scenario_begin()
{
	echo "$scenario on Linux $(uname -r)"
	mesh_begin
	need mesh_server_start "$@"
	need mesh_key_create
}

# scenario_matrix SECONDS: everyone pings everyone; every cell must be as specified
scenario_matrix()
{
	matrix_fill "$1"
	matrix_print
	check_same "every cell is as specified" "" "$(matrix_explain)"
}

# --- what a host has ------------------------------------------------------------------

# has_route HOST 4|6 PREFIX: in its table, towards the tunnel
has_route()
{
	ip -n "$LAB-$1" "-$2" route show dev wg0 | awk -v prefix="$3" '
		{ sub("/(32|128)$", "", $1) } $1 == prefix { found = 1 } END { exit !found }'
}

# has_address HOST 4|6 ADDRESS/LENGTH
has_address()
{
	ip -n "$LAB-$1" "-$2" -o address show dev wg0 | grep -qF " $3 "
}

# has_family HOST 4|6: an address of that family on the tunnel
has_family()
{
	[ -n "$(mesh_tunnel_address "$1" "$2")" ]
}

# has_no_family HOST 4|6
has_no_family()
{
	! has_family "$1" "$2"
}

interface_index()
{
	ip -n "$LAB-$1" -j link show wg0 | jq '.[0].ifindex'
}

# device_id HOST
device_id()
{
	mesh_device "$1" id
}

# ended PID
ended()
{
	[ -z "$(lab_process_start "$1")" ]
}

# stream_port HOST: of its own end
stream_port()
{
	ip netns exec "$LAB-$1" ss -Hnt state established dst "$mesh_address" | sed -nE 's/.*:([0-9]+) +[^ ]*:8080 *.*/\1/p'
}

# another_stream HOST PORT: it has one, and from another port than that
another_stream()
{
	local now
	now=$(stream_port "$1") && [ -n "$now" ] && [ "$now" != "$2" ] && mesh_is_running "$1"
}

# ends_with CODE HOST: nexd there ends by itself, with that exit code
ends_with()
{
	local pid=${mesh_pid[$2]}
	lab_wait 30 ended "$pid" || return
	unset "mesh_pid[$2]"
	wait "$pid"
	[ $? = "$1" ]
}

# log_has HOST WORDS
log_has()
{
	grep -qF -- "$2" "$LAB_DIR/log/$1"
}

# log_ends HOST WORDS: they are in its last line
log_ends()
{
	tail -n 1 "$LAB_DIR/log/$1" | grep -F -- "$2"
}

# host_state HOST: all of the host that nexd could leave something in, but for counters. What
# belongs to the tunnel's own name in /proc/sys/net goes with the interface.
host_state()
{
	local ns=$LAB-$1
	echo "# interfaces"
	ip -n "$ns" -br link
	echo "# addresses"
	ip -n "$ns" -br address
	local family
	for family in 4 6; do
		echo "# routes, rules, IPv$family"
		ip -n "$ns" "-$family" route show table all 2>/dev/null
		ip -n "$ns" "-$family" rule 2>/dev/null
	done
	echo "# firewall"
	ip netns exec "$ns" nft -s list ruleset
	echo "# settings"
	ip netns exec "$ns" sh -c 'sysctl -a 2>/dev/null |
		grep -E "^net\.(ipv4\.(ip_forward|conf\.[^ ]*\.(forwarding|rp_filter|src_valid_mark))|ipv6\.conf\.[^ ]*\.(forwarding|accept_ra|disable_ipv6)) "'
	echo "# processes"
	ip netns pids "$ns" | wc -l
}

# --- floods ---------------------------------------------------------------------------

declare -A flood_pid=() # address -> the ping of the flood to it

# flood_start HOST ADDRESS...: from HOST a ping every 10 ms to each, until it is ended
flood_start()
{
	local host=$1 address
	shift
	for address; do
		ip netns exec "$LAB-$host" ping -n -i 0.01 "$address" >"$LAB_DIR/flood.$address" 2>&1 &
		flood_pid[$address]=$!
	done
}

# flood_end ADDRESS...
flood_end()
{
	local address
	for address; do
		check "the flood to $address went on all that while" kill -INT "${flood_pid[$address]}"
		wait "${flood_pid[$address]}"
		unset "flood_pid[$address]"
	done
}

# flood_result ADDRESS: "SENT/ANSWERED" of a flood that has ended, without its last ten, whose answers may have been on
# the way then
flood_result()
{
	awk '
		/ bytes from / && match($0, /icmp_seq=[0-9]+/) { seen[substr($0, RSTART + 9, RLENGTH - 9) + 0] }
		/ packets transmitted, / { sent = $1 - 10 }
		END {
			for (number in seen) answered += number + 0 <= sent
			print sent + 0 "/" answered + 0
		}' "$LAB_DIR/flood.$1"
}

# flooded WHAT ADDRESS...: end the floods to them; none may have lost a ping
flooded()
{
	local what=$1 address result sent
	shift
	flood_end "$@"
	for address; do
		result=$(flood_result "$address") sent=${result%/*}
		check_same "$what: no ping to $address is lost" "$sent/$sent" "$result"
		check "$what: that was a flood, of $sent" [ "$sent" -ge 100 ]
	done
}

# lossless WHAT FROM TO CMD...: CMD, while FROM floods TO in both families, costs neither a ping nor FROM's interface
lossless()
{
	local what=$1 from=$2 before addresses
	addresses=("$(mesh_tunnel_address "$3" 4)" "$(mesh_tunnel_address "$3" 6)")
	shift 3
	before=$(interface_index "$from")
	flood_start "$from" "${addresses[@]}"
	sleep 0.5
	check "$what" "$@"
	sleep 3 # a loss may come late
	flooded "$what" "${addresses[@]}"
	check_same "$what: the interface is the same" "$before" "$(interface_index "$from")"
}
