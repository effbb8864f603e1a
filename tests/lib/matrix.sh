# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Who reaches whom, in which family, by which path. Source it after mesh.sh.
#
# A cell is a real ping from the row's host to the column's tunnel address (or, for a host behind
# another, to its own address). Its path is what nexd on the row's host says of that peer, and whose
# allowed prefixes hold the address; it counts only if the answer's hop count agrees: a relayed
# packet has passed one router more than a direct one.
#
#	direct    through a tunnel to the host itself
#	relayed   through the relay
#	local     not through the mesh: a host's own network
#	v4-only   not applicable: one of the two has no IPv6
#	LOST      no answer

matrix_rows=()                # hosts that run nexd
matrix_columns=()             # those, and hosts behind them
declare -A matrix_standing=() # host -> ordinary, relay, spoke
declare -A matrix_v4_only=()  # host -> set when it has no IPv6
declare -A matrix_gateway=()  # host behind another -> that host
declare -A matrix_prefix=()   # host behind another, family -> the prefix advertised for it
declare -A matrix_address=()  # host, family -> the address to ping
declare -A matrix_overlay=()  # family -> the organization's prefix
declare -A matrix_cell=()     # source, destination, family -> what was seen
declare -A matrix_wrong=()    # the same -> why it is not as specified

# matrix_host NAME ordinary|relay|spoke [v4-only]
matrix_host()
{
	matrix_rows+=("$1")
	matrix_columns+=("$1")
	matrix_standing[$1]=$2
	[ -z "${3:-}" ] || matrix_v4_only[$1]=1
}

# matrix_host_behind NAME GATEWAY V4-ADDRESS V4-PREFIX V6-ADDRESS V6-PREFIX
matrix_host_behind()
{
	matrix_columns+=("$1")
	matrix_gateway[$1]=$2
	matrix_address[$1,4]=$3 matrix_prefix[$1,4]=$4
	matrix_address[$1,6]=$5 matrix_prefix[$1,6]=$6
}

# Functions that judge cells answer in REPLY: a mesh has many cells, and a process for each would be
# what takes the time.

# --- what the specification says --------------------------------------------------

# matrix_expected SOURCE DESTINATION FAMILY: the path, in REPLY
matrix_expected()
{
	local destination=${matrix_gateway[$2]:-$2}
	REPLY=direct
	if [ "$1" = "$2" ]; then
		REPLY=-
	elif [ "$3" = 6 ] && [ -n "${matrix_v4_only[$1]:-}${matrix_v4_only[$destination]:-}" ]; then
		REPLY='v4-only'
	elif [ "$1" = "$destination" ]; then
		REPLY=local
	else
		case ${matrix_standing[$1]}/${matrix_standing[$destination]} in
		relay/* | */relay) ;;
		spoke/* | */spoke) REPLY=relayed ;;
		esac
	fi
}

# matrix_hops DESTINATION PATH: the routers an answer has passed, in REPLY
matrix_hops()
{
	REPLY=0
	[ "$2" != relayed ] || REPLY=1
	# The host behind a gateway answers through the gateway, except to the gateway itself.
	[ -z "${matrix_gateway[$1]:-}" ] || [ "$2" = local ] || REPLY=$((REPLY + 1))
}

# --- what is seen -----------------------------------------------------------------

declare -A matrix_reach=()   # host -> its path, as the present row's nexd tells it
declare -A matrix_through=() # prefix -> the host it leads to in the present row's tunnel
declare -A matrix_answer=()  # address -> the hop limit of its answer to the present row's ping

# matrix_records: addresses and families as the server has recorded them
matrix_records()
{
	local host v4 v6 organization_v4 organization_v6 supported
	while read -r host v4 v6 organization_v4 organization_v6 supported; do
		[ -n "${matrix_standing[$host]:-}" ] || continue
		matrix_address[$host,4]=${v4#-} matrix_overlay[4]=$organization_v4
		matrix_address[$host,6]=${v6#-} matrix_overlay[6]=$organization_v6
		[ "$supported" = true ] || matrix_address[$host,6]=
	done < <(mesh_devices | jq -r 'def some: if . == null or . == "" then "-" else . end;
		.[] | [.hostname, (.tunnel_ip | some), (.tunnel_ip_v6 | some), (.organization_prefix | some),
			(.organization_prefix_v6 | some), .ipv6_supported] | join(" ")')
}

# matrix_look SOURCE: ask nexd there, and ping everyone, all at once
matrix_look()
{
	local kind name value addresses=() address destination family
	matrix_reach=() matrix_through=() matrix_answer=()
	while read -r kind name value; do
		case $kind in
		reach) matrix_reach[$name]=$value ;;
		through) matrix_through[$name]=$value ;;
		esac
	done < <(mesh_agent "$1" peers | jq -r '.[] |
		"reach \(.hostname) \(.path)", "through \(.allowed_ips[]) \(.hostname)"')
	for destination in "${matrix_columns[@]}"; do
		[ "$1" != "$destination" ] || continue
		for family in 4 6; do
			address=${matrix_address[$destination,$family]:-}
			[ -z "$address" ] || addresses+=("$address")
		done
	done
	while read -r name value; do
		matrix_answer[$name]=$value
	done < <(matrix_pings "$1" "${addresses[@]}")
}

# matrix_pings SOURCE ADDRESS...: a line "ADDRESS HOP-LIMIT" for each that answered
matrix_pings()
{
	local source=$1
	shift
	# shellcheck disable=SC2016 # expanded over there
	[ $# = 0 ] || ip netns exec "$LAB-$source" sh -c 'for address; do {
			answer=$(ping -nc1 -W"$0" "$address" 2>/dev/null) || exit
			answer=${answer#*ttl=}
			echo "$address ${answer%% *}"
		} & done; wait' "$((LAB_TIME_FACTOR > 5 ? 5 : LAB_TIME_FACTOR))" "$@"
}

# matrix_path SOURCE DESTINATION FAMILY: the path as SOURCE's agent has it, in REPLY
matrix_path()
{
	local destination=${matrix_gateway[$2]:-$2} address=${matrix_address[$2,$3]:-} length=32 prefix through=''
	[ "$3" = 4 ] || length=128
	if [ -z "$address" ] || [ -z "${matrix_address[$1,$3]:-}" ]; then
		REPLY='v4-only'
		return
	elif [ "$1" = "$destination" ]; then
		REPLY=local
		return
	fi
	# The longest prefix wins, as it does in the tunnel.
	for prefix in "$address/$length" "${matrix_prefix[$2,$3]:-none}" "${matrix_overlay[$3]}"; do
		through=${matrix_through[$prefix]:-}
		[ -z "$through" ] || break
	done
	case ${matrix_reach[$destination]:-none}/$through in
	"direct/$destination") REPLY=direct ;;
	relay/?*) REPLY=relayed ;;
	*) REPLY=none ;;
	esac
}

# matrix_judge SOURCE DESTINATION FAMILY: what is seen into the cell, and why it is wrong if it is
matrix_judge()
{
	local expected path why='' address=${matrix_address[$2,$3]:-none} hops answer
	matrix_expected "$@" && expected=$REPLY
	matrix_path "$@" && path=$REPLY
	answer=${matrix_answer[$address]:-}
	if [ "$expected" = - ]; then
		path=-
	elif [ "$path" = v4-only ] && [ -n "$answer" ]; then
		path=ANSWER why="from $address, though one of the two has no IPv6"
	elif [ "$path" = v4-only ] && [ "$expected" != v4-only ]; then
		why="$expected expected, but one of the two has no address"
	elif [ "$path" != v4-only ] && [ -z "$answer" ]; then
		why="no answer from $address, path $path" path=LOST
	elif [ "$path" != "$expected" ]; then
		why="$expected expected"
	elif [ -n "$answer" ]; then
		hops=$((64 - answer))
		matrix_hops "$2" "$path"
		[ "$hops" = "$REPLY" ] || why="but over $hops routers"
	fi
	matrix_cell[$1,$2,$3]=$path
	matrix_wrong[$1,$2,$3]=$why
	[ -n "$why" ] || unset "matrix_wrong[$1,$2,$3]"
}

# matrix_fill SECONDS: see every cell; again those rows that are not as specified, until they are or
# the time is over. 1 when some are not. One row after the other, because two tunnels that greet
# each other at the same instant may both have to try again some seconds later.
matrix_fill()
{
	local deadline=$((SECONDS + $1 * LAB_TIME_FACTOR)) rows=("${matrix_rows[@]}") wrong source destination
	while :; do
		matrix_records
		for source in "${rows[@]}"; do
			matrix_look "$source"
			for destination in "${matrix_columns[@]}"; do
				matrix_judge "$source" "$destination" 4
				matrix_judge "$source" "$destination" 6
			done
		done
		[ ${#matrix_wrong[@]} -gt 0 ] || return 0
		[ "$SECONDS" -lt "$deadline" ] || return 1
		wrong=("${!matrix_wrong[@]}")
		mapfile -t rows < <(printf '%s\n' "${wrong[@]%%,*}" | sort -u)
		sleep 0.2
	done
}

# --- to show it -------------------------------------------------------------------

# matrix_print: both families, rows send, columns answer
matrix_print()
{
	local family source destination seen colour
	for family in 4 6; do
		printf '%s%-9s%s' "${bold:-}" "IPv$family" "${reset:-}"
		printf ' %-8s' "${matrix_columns[@]}"
		echo
		for source in "${matrix_rows[@]}"; do
			printf '%-9s' "$source"
			for destination in "${matrix_columns[@]}"; do
				seen=${matrix_cell[$source,$destination,$family]:-?}
				colour=${green:-}
				[ "$seen" != - ] && [ "$seen" != v4-only ] || colour=${dim:-}
				[ -z "${matrix_wrong[$source,$destination,$family]:-}" ] || colour=${red:-}
				printf ' %s%-8s%s' "$colour" "$seen" "${reset:-}"
			done
			echo
		done
		echo
	done
}

# matrix_explain: a line for each cell that is not as specified
matrix_explain()
{
	local cell source destination family
	for cell in "${!matrix_wrong[@]}"; do
		IFS=, read -r source destination family <<<"$cell"
		echo "$source to $destination, IPv$family: ${matrix_cell[$cell]}: ${matrix_wrong[$cell]}"
	done | sort
}
