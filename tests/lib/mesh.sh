# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A mesh in a lab: the server on a host of its own, and hosts that nexd enrols, on one underlay
# segment. Source it from bash after setting
#
#	LAB		the lab's name (see netlab.sh)
#	NEXODUS_BUILD	the build tree whose programs and plugins are to run

mesh_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$mesh_lib/netlab.sh"
. "$mesh_lib/check.sh"

: "${NEXODUS_BUILD:?the build tree to take the programs from}"
mesh_server=$NEXODUS_BUILD/server/nexodus-server
mesh_nexd=$NEXODUS_BUILD/agent/nexd
mesh_nexctl=$NEXODUS_BUILD/cli/nexctl
mesh_plugins=$NEXODUS_BUILD/plugins

mesh_address=10.99.0.254
mesh_url=http://$mesh_address:8080
mesh_token=               # the administrator's, once signed in
mesh_key=                 # a registration key of the organization that hosts join
mesh_server_pid=
declare -A mesh_pid=()    # host -> its nexd
declare -A mesh_options=() # host -> the options its nexd was started with, a line each

# --- life ---------------------------------------------------------------------

# mesh_begin: the lab with its underlay, and a host for the server
mesh_begin()
{
	local program
	for program in "$mesh_server" "$mesh_nexd" "$mesh_nexctl"; do
		[ -x "$program" ] || { echo "$program is not built" >&2; exit 1; }
	done
	umask 077
	lab_begin || exit 1
	# Whoever ends a scenario from outside does so while it waits, with its output turned away.
	exec 9>&2
	trap mesh_end EXIT
	mkdir -m 700 "$LAB_DIR/log"
	lab_switch net && lab_host server &&
		lab_plug net server eth0 "$mesh_address/24" fd99::254/64 || exit 1
}

# At exit: what the programs said, if the scenario failed; then everything goes.
mesh_end()
{
	local status=$?
	trap - EXIT
	trap '' HUP INT PIPE TERM
	case $status in
	0 | 129 | 130) ;; # well, or somebody had enough of it
	*) mesh_show_logs >&9 ;;
	esac
	lab_sweep
	exit "$status"
}

mesh_show_logs()
{
	local log
	for log in "$LAB_DIR"/log/*; do
		[ -s "$log" ] || continue
		echo "---- ${log##*/}: last lines"
		tail -n "${MESH_LOG_LINES:-40}" "$log"
	done
}

# mesh_finish: end the programs as an administrator would, and judge the run. The last command of
# a scenario.
mesh_finish()
{
	local host
	for host in "${!mesh_pid[@]}"; do
		check "nexd on $host ends in order" mesh_stop "$host"
	done
	[ -z "$mesh_server_pid" ] || check "the server ends in order" mesh_server_stop
	check_not "no program reports a sanitizer's finding" \
		grep -hE -A 12 'ERROR: (Address|Leak|Thread)Sanitizer|: runtime error: ' -r "$LAB_DIR/log"
	check_report
}

# --- the server ---------------------------------------------------------------

# mesh_server_start [OPTION...]: start (again), wait until it is ready, sign in
mesh_server_start()
{
	lab_bg server "$LAB_DIR/log/server" "$mesh_server" --listen="$mesh_address:8080" \
		--state-directory="$LAB_DIR/server/state" --plugin-directory="$mesh_plugins" "$@"
	mesh_server_pid=$LAB_LAST
	lab_wait 20 mesh_server_ready_or_ended
	mesh_server_ready || { echo 'the server did not become ready' >&2; return 1; }
	[ -n "$mesh_token" ] || mesh_sign_in || { echo 'the administrator cannot sign in' >&2; return 1; }
}

mesh_server_ready_or_ended()
{
	! kill -0 "$mesh_server_pid" 2>/dev/null || mesh_server_ready
}

mesh_server_ready()
{
	# shellcheck disable=SC2016 # expanded over there
	ip netns exec "$LAB-server" bash -c 'exec 3<>"/dev/tcp/$0/8080" &&
		printf "GET /ready HTTP/1.0\r\n\r\n" >&3 && read -r line <&3 && [[ $line == *\ 200\ * ]]' "$mesh_address"
}

# mesh_server_stop [SIGNAL]
mesh_server_stop()
{
	local pid=$mesh_server_pid
	mesh_server_pid=
	lab_stop "$pid" "${1:-TERM}"
}

# mesh_sign_in: get the administrator's token once, because a password is slow to check by design
mesh_sign_in()
{
	local form answer
	form="grant_type=password&username=admin&password=$(cat "$LAB_DIR/server/state/admin-password")"
	# shellcheck disable=SC2016 # expanded over there
	answer=$(ip netns exec "$LAB-server" bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf \
		"POST /oauth/token HTTP/1.0\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" \
		application/x-www-form-urlencoded "${#1}" "$1" >&3 && tail -n 1 <&3' "$mesh_address" "$form") &&
		mesh_token=$(jq -er .access_token <<<"$answer")
}

# nexctl as the administrator
mesh_nexctl()
{
	ip netns exec "$LAB-server" env NEXCTL_SERVICE_URL="$mesh_url" NEXCTL_TOKEN="$mesh_token" \
		"$mesh_nexctl" "$@"
}

# mesh_key_create [OPTION...]: make the key that mesh_enrol uses
mesh_key_create()
{
	local answer
	answer=$(mesh_nexctl reg-key create "$@" --output json) && mesh_key=$(jq -er .key <<<"$answer")
}

# mesh_devices: the devices of the administrator's organizations, as a JSON list
mesh_devices()
{
	mesh_nexctl device list --output json
}

# mesh_device HOST FIELD: from the server's record
mesh_device()
{
	mesh_devices | jq -r --arg host "$1" --arg field "$2" '.[] | select(.hostname == $host) | .[$field]'
}

# --- hosts --------------------------------------------------------------------

# mesh_host NAME NUMBER [v4-only]: on the underlay as 10.99.0.NUMBER and fd99::NUMBER
mesh_host()
{
	lab_host "$1" || return
	if [ "${3:-}" = v4-only ]; then
		lab_v6 "$1" off && lab_plug net "$1" eth0 "10.99.0.$2/24"
	else
		lab_plug net "$1" eth0 "10.99.0.$2/24" "fd99::$2/64"
	fi
}

# mesh_enrol HOST [OPTION...]: start nexd there; it enrols at its first start
mesh_enrol()
{
	local host=$1
	shift
	mesh_options[$host]=$(printf '%s\n' "$@")
	mesh_start "$host"
}

# mesh_start HOST: start nexd as it was enrolled
mesh_start()
{
	local host=$1 options=()
	[ -z "${mesh_options[$host]}" ] || mapfile -t options <<<"${mesh_options[$host]}"
	lab_bg "$host" "$LAB_DIR/log/$host" env NEXD_REGISTRATION_KEY="$mesh_key" "$mesh_nexd" \
		--service-url="$mesh_url" --hostname="$host" --state-directory="$LAB_DIR/$host/state" \
		--plugin-directory="$mesh_plugins" --control-socket="$(mesh_socket "$host")" "${options[@]}"
	mesh_pid[$host]=$LAB_LAST
}

# mesh_stop HOST [SIGNAL]: end nexd there; its exit status
mesh_stop()
{
	local pid=${mesh_pid[$1]}
	unset "mesh_pid[$1]"
	lab_stop "$pid" "${2:-TERM}"
}

mesh_socket()
{
	echo "$LAB_DIR/$1/nexd.sock"
}

# mesh_agent HOST VERB: what nexd there says, as JSON
mesh_agent()
{
	"$mesh_nexctl" nexd "$2" --socket "$(mesh_socket "$1")" --output json
}

# mesh_says HOST VERB [JQ-OPTION...] FILTER: nexd there answers, and the jq filter comes out true
mesh_says()
{
	local answer
	# Not a pipe: jq finds no fault with an empty input.
	answer=$(mesh_agent "$1" "$2") && jq -e "${@:3}" <<<"$answer"
}

# mesh_direct HOST: whom it has a tunnel to, in order
mesh_direct()
{
	mesh_agent "$1" peers | jq -r '[.[] | select(.path == "direct") | .hostname] | sort | join(" ")'
}

# mesh_is_running HOST [PEERS]: in touch with the server, and reaching that many, by whatever path. Without jq, which
# takes longer than nexctl to start, because everybody asks this again and again.
mesh_is_running()
{
	local status total='"total":[[:space:]]*([0-9]+)'
	status=$(mesh_agent "$1" status) && [[ $status =~ \"state\":[[:space:]]*\"running\" ]] &&
		[[ $status =~ $total ]] && [ "${BASH_REMATCH[1]}" -ge "${2:-0}" ]
}

# mesh_wait_running PEERS HOST...: until each says it runs with that many peers
mesh_wait_running()
{
	local peers=$1 host
	shift
	for host; do
		lab_wait 30 mesh_is_running "$host" "$peers" ||
			{ echo "nexd on $host did not come up with $peers peers" >&2; return 1; }
	done
}

# mesh_tunnel_address HOST 4|6: as its interface has it; nothing when there is none
mesh_tunnel_address()
{
	local address=
	read -r _ _ _ address _ < <(ip -n "$LAB-$1" -o "-$2" address show dev wg0 scope global 2>/dev/null)
	[ -z "$address" ] || echo "${address%/*}"
}

# mesh_reaches FROM TO: one ping in each family of the mesh is answered. Does not wait, so it can be waited for:
# lab_wait does not nest.
mesh_reaches()
{
	ip netns exec "$LAB-$1" ping -qnc1 -W1 "$(mesh_tunnel_address "$2" 4)" &&
		ip netns exec "$LAB-$1" ping -qnc1 -W1 "$(mesh_tunnel_address "$2" 6)"
}

# mesh_ping HOST ADDRESS [SECONDS]: an answer before that many seconds (5) have passed
mesh_ping()
{
	lab_wait "${3:-5}" ip netns exec "$LAB-$1" ping -qnc1 -W1 "$2"
}
