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

# --- what the specification says --------------------------------------------------

# matrix_expected SOURCE DESTINATION FAMILY
matrix_expected()
{
	local destination=${matrix_gateway[$2]:-$2}
	if [ "$1" = "$2" ]; then
		echo -
	elif [ "$3" = 6 ] && [ -n "${matrix_v4_only[$1]:-}${matrix_v4_only[$destination]:-}" ]; then
		echo v4-only
	elif [ "$1" = "$destination" ]; then
		echo local
	else
		case ${matrix_standing[$1]}/${matrix_standing[$destination]} in
		relay/* | */relay) echo direct ;;
		spoke/* | */spoke) echo relayed ;;
		*) echo direct ;;
		esac
	fi
}

# matrix_hops DESTINATION PATH: the routers an answer has passed
matrix_hops()
{
	local hops=0
	[ "$2" != relayed ] || hops=1
	# The host behind a gateway answers through the gateway, except to the gateway itself.
	[ -z "${matrix_gateway[$1]:-}" ] || [ "$2" = local ] || hops=$((hops + 1))
	echo "$hops"
}

# --- what is seen -----------------------------------------------------------------

# matrix_records: addresses and families as the server has recorded them
matrix_records()
{
	local host v4 v6 organization_v4 organization_v6 supported
	while read -r host v4 v6 organization_v4 organization_v6 supported; do
		[ -n "${matrix_standing[$host]:-}" ] || continue
		matrix_address[$host,4]=${v4#-} matrix_address[$host,6]=${v6#-}
		# A device without the family says nothing of the organization's prefix either.
		[ "$organization_v4" = - ] || matrix_overlay[4]=$organization_v4
		[ "$organization_v6" = - ] || matrix_overlay[6]=$organization_v6
		[ "$supported" = true ] || matrix_address[$host,6]=
	done < <(mesh_devices | jq -r 'def some: if . == null or . == "" then "-" else . end;
		.[] | [.hostname, (.tunnel_ip | some), (.tunnel_ip_v6 | some), (.organization_prefix | some),
			(.organization_prefix_v6 | some), .ipv6_supported] | join(" ")')
}

# matrix_pings SOURCE ADDRESS...: a line "ADDRESS HOP-LIMIT" for each that answered, all asked at once
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

# matrix_peers SOURCE: what nexd there says: a line "path HOST PATH" for each member, and a line
# "prefix PREFIX HOST" for each prefix that leads into the tunnel to a host
matrix_peers()
{
	mesh_agent "$1" peers | jq -r '.[] | "path \(.hostname) \(.path)", "prefix \(.allowed_ips[]) \(.hostname)"'
}

# matrix_path SOURCE DESTINATION FAMILY PEERS: how SOURCE's agent has it, of the peers' lines
matrix_path()
{
	local destination=${matrix_gateway[$2]:-$2} address=${matrix_address[$2,$3]:-} length=32 prefix through
	[ "$3" = 4 ] || length=128
	if [ -z "$address" ] || [ -z "${matrix_address[$1,$3]:-}" ]; then
		echo v4-only
		return
	elif [ "$1" = "$destination" ]; then
		echo local
		return
	fi
	# The longest prefix wins, as it does in the tunnel.
	for prefix in "$address/$length" "${matrix_prefix[$2,$3]:-none}" "${matrix_overlay[$3]}"; do
		through=$(awk -v prefix="$prefix" '$1 == "prefix" && $2 == prefix { print $3; exit }' <<<"$4")
		[ -z "$through" ] || break
	done
	case $(awk -v host="$destination" '$1 == "path" && $2 == host { print $3 }' <<<"$4")/$through in
	"direct/$destination") echo direct ;;
	relay/?*) echo relayed ;;
	*) echo none ;;
	esac
}

# matrix_row SOURCE FAMILY: a line "SOURCE DESTINATION FAMILY SEEN" for each cell, or
# "… SEEN why not so"
matrix_row()
{
	local source=$1 family=$2 peers answers addresses=() destination address
	for destination in "${matrix_columns[@]}"; do
		address=${matrix_address[$destination,$family]:-}
		[ -z "$address" ] || [ "$source" = "$destination" ] || addresses+=("$address")
	done
	answers=$(matrix_pings "$source" "${addresses[@]}")
	peers=$(matrix_peers "$source")
	for destination in "${matrix_columns[@]}"; do
		echo "$source $destination $family $(matrix_judge "$source" "$destination" "$family" "$peers" "$answers")"
	done
}

# matrix_judge SOURCE DESTINATION FAMILY PEERS ANSWERS: "SEEN" or "SEEN why not so"
matrix_judge()
{
	local expected path address=${matrix_address[$2,$3]:-none} answer hops
	expected=$(matrix_expected "$1" "$2" "$3")
	[ "$expected" != - ] || { echo -; return; }
	path=$(matrix_path "$1" "$2" "$3" "$4")
	answer=$(grep -F -m 1 "$address " <<<"$5")
	if [ "$path" = v4-only ] && [ -n "$answer" ]; then
		echo "ANSWER from $address though one of them has no IPv6"
	elif [ "$path" = v4-only ]; then
		echo "$path$([ "$expected" = "$path" ] || echo " $expected expected: no address, or no IPv6 here")"
	elif [ -z "$answer" ]; then
		echo "LOST no answer from $address, path $path"
	elif [ "$path" != "$expected" ]; then
		echo "$path $expected expected"
	else
		hops=$((64 - ${answer##* }))
		echo "$path$([ "$hops" = "$(matrix_hops "$2" "$path")" ] || echo " but over $hops routers")"
	fi
}

# matrix_fill SECONDS: see every cell; again those rows that are not as specified, until they are or
# the time is over. 1 when some are not.
matrix_fill()
{
	local deadline=$((SECONDS + $1 * LAB_TIME_FACTOR)) rows=() source family
	for family in 4 6; do
		for source in "${matrix_rows[@]}"; do rows+=("$source $family"); done
	done
	while :; do
		matrix_records
		matrix_fill_rows "${rows[@]}"
		[ ${#matrix_wrong[@]} -gt 0 ] || return 0
		[ "$SECONDS" -lt "$deadline" ] || return 1
		mapfile -t rows < <(printf '%s\n' "${!matrix_wrong[@]}" | sed 's/^\(.*\),.*,\(.*\)/\1 \2/' | sort -u)
		sleep 0.2
	done
}

# matrix_fill_rows "SOURCE FAMILY"...: one after the other, because two tunnels that greet each
# other at the same instant may both have to try again some seconds later
matrix_fill_rows()
{
	local row source destination family seen why
	for row; do
		while read -r source destination family seen why; do
			matrix_cell[$source,$destination,$family]=$seen
			if [ -n "$why" ]; then
				matrix_wrong[$source,$destination,$family]=$why
			else
				unset "matrix_wrong[$source,$destination,$family]"
			fi
		done < <(matrix_row "${row% *}" "${row#* }")
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
