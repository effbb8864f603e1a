#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Who reaches whom how, for each pair of ways to be connected to the Internet, and a relay that has both
# families. Two hosts of each kind, each behind a NAT of its own; each pings each in both families of the
# mesh. docs/nat.md has the table that this prints at the end, a cell for all hosts of two kinds.
#
#	none		public addresses in both families
#	independent	IPv4 behind a NAT with endpoint-independent mapping (RFC 4787)
#	symmetric	IPv4 behind a NAT that maps each destination to another port
#	IPv6 only	a public IPv6 address, no IPv4
#	IPv4 only	a public IPv4 address, no IPv6
. "$(dirname "$0")/../scenario.sh"

server4=203.0.113.254 server6=2001:db8:99::254
if ! lab_has_v6; then
	echo "SKIPPED: $scenario needs a kernel with IPv6"
	exit 77
fi
kinds=(none nat sym v6 v4)
declare -A title=([none]=none [nat]=independent [sym]=symmetric [v6]='IPv6 only' [v4]='IPv4 only')

scenario_begin_outside()
{
	echo "$scenario on Linux $(uname -r)"
	mesh_begin
	need ip -n "$LAB-server" address add $server4/24 dev eth0
	need ip -n "$LAB-server" address add $server6/64 dev eth0 nodad
	need mesh_server_start --listen="$mesh_address:8080, $server4:8080, [$server6]:8080" \
		--set "stun.advertise=$server4, $server6"
	need mesh_key_create
}

# behind HOST NUMBER KIND-OF-MASQUERADE: a network of its own, and a router to the outside
behind()
{
	need lab_switch "l$2"
	need lab_host "$1"
	need lab_host "g$2"
	need lab_plug net "g$2" wan "203.0.113.$2/24"
	need lab_plug "l$2" "g$2" lan 192.168.7.1/24
	need lab_plug "l$2" "$1" eth0 192.168.7.2/24
	need ip -n "$LAB-$1" route add default via 192.168.7.1
	need lab_nat "g$2" wan "$3"
}

# outside HOST ADDRESS...: on the Internet itself
outside()
{
	local host=$1
	shift
	need lab_host "$host"
	need lab_plug net "$host" eth0 "$@"
}

# host_make KIND NAME NUMBER
host_make()
{
	case $1 in
	none) outside "$2" "203.0.113.$3/24" "2001:db8:99::$3/64" ;;
	v4) outside "$2" "203.0.113.$3/24" ;;
	v6) outside "$2" "2001:db8:99::$3/64" ;;
	nat) behind "$2" "$3" "" ;;
	sym) behind "$2" "$3" fully-random ;;
	esac
}

# host_enrol KIND NAME [OPTION...]
host_enrol()
{
	local address=$server4 name=$2
	[ "$1" != v6 ] || address="[$server6]"
	shift 2
	mesh_enrol "$name" --service-url="http://$address:8080" --listen-port=51820 --set=relay.keepalive=5 "$@"
}

# What must be: through the relay where a symmetric NAT or the want of a common family is in the way.
matrix_expected()
{
	case ${1%[ab]}/${2%[ab]} in
	sym/* | */sym) REPLY=relayed ;;
	v6/v4 | v4/v6 | v6/nat | nat/v6) REPLY=relayed ;;
	*) REPLY=direct ;;
	esac
	[ "$1" != "$2" ] || REPLY=-
}

# cell KIND KIND: the way between all hosts of the two, in both families; each way that was seen, if it is not one
cell()
{
	local family from to ways=()
	for family in 4 6; do
		for from in "$1a" "$1b"; do
			for to in "$2a" "$2b"; do
				ways+=("${matrix_cell[$from,$to,$family]}" "${matrix_cell[$to,$from,$family]}")
			done
		done
	done
	printf '%s\n' "${ways[@]}" | grep -vx -e - | sort -u | paste -sd/
}

table()
{
	local row column
	printf '| |'
	for column in "${kinds[@]}"; do printf ' %s |' "${title[$column]}"; done
	printf '\n|---|---|---|---|---|---|\n'
	for row in "${kinds[@]}"; do
		printf '| **%s** |' "${title[$row]}"
		for column in "${kinds[@]}"; do printf ' %s |' "$(cell "$row" "$column")"; done
		printf '\n'
	done
}

scenario_begin_outside
outside relay 203.0.113.253/24 2001:db8:99::253/64
number=11
for kind in "${kinds[@]}"; do
	for which in a b; do
		host_make "$kind" "$kind$which" $number
		matrix_host "$kind$which" ordinary
		number=$((number + 1))
	done
done
host_enrol none relay --relay-node
need mesh_wait_running 0 relay
for kind in "${kinds[@]}"; do
	host_enrol "$kind" "${kind}a"
	host_enrol "$kind" "${kind}b"
done
enrolled() { [ "$(mesh_nexctl device list --output no-header | wc -l)" = $((${#matrix_rows[@]} + 1)) ]; }
need lab_wait 30 enrolled
begin=$SECONDS
scenario_matrix 150
echo "after $((SECONDS - begin)) s:"
table | tee "$LAB_DIR/table"
documented() { [[ $(<"$(dirname "$0")/../../../docs/nat.md") == *"$(<"$LAB_DIR/table")"* ]]; }
check "docs/nat.md has this table" documented
for host in syma symb; do
	check_same "$host found out by itself that it is a spoke" true "$(mesh_device "$host" symmetric_nat)"
done
check_same "nobody else is" 2 "$(mesh_devices | jq '[.[] | select(.symmetric_nat)] | length')"
mesh_finish
