#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A server without ipam-v6 serves IPv4 with no trace of IPv6 in its schema or its JSON. Restarted
# with the plugin, it gives every device an IPv6 address, and agents that run all along configure
# it without a restart. Restarted without, it refuses to lose the addresses and says so.
. "$(dirname "$0")/../scenario.sh"

without=ipam-v4,relay,driver-wireguard
scenario_begin --plugins="$without"
database=$LAB_DIR/server/state/nexodus.db

need mesh_host alpha 1
need mesh_host beta 2
matrix_host alpha ordinary
matrix_host beta ordinary
mesh_enrol alpha
mesh_enrol beta
need mesh_wait_running 1 alpha beta

# of the fields' names: in a key's text anything may stand
fields_of_v6() { jq -r '[.[] | keys[] | select(test("v6"))] | unique | .[]'; }

check_same "no IPv6 in the devices' JSON" "" "$(mesh_devices | fields_of_v6)"
check_same "no IPv6 in the organizations' JSON" "" \
	"$(mesh_nexctl organization list --output json | fields_of_v6)"
check_same "no IPv6 in the schema" "" "$(sqlite3 "$database" .schema | grep -io '[a-z_]*v6[a-z_]*')"
check "IPv4 flows" mesh_ping alpha "$(mesh_tunnel_address beta 4)"
check "alpha has no IPv6 address" has_no_family alpha 6

v4=$(mesh_tunnel_address alpha 4)
index=$(interface_index alpha) agents="${mesh_pid[alpha]} ${mesh_pid[beta]}"
check "the server ends in order" mesh_server_stop
need mesh_server_start
check_soon "alpha has an IPv6 address" 30 has_family alpha 6
check_soon "beta has an IPv6 address" 30 has_family beta 6
check "the devices' JSON has IPv6 now" [ -n "$(mesh_devices | fields_of_v6)" ]
scenario_matrix 20
check_same "alpha's IPv4 address is the same" "$v4" "$(mesh_tunnel_address alpha 4)"
check_same "alpha's interface is the same" "$index" "$(interface_index alpha)"
# shellcheck disable=SC2086 # process ids
check "both agents ran all along" kill -0 $agents

check "the server ends in order again" mesh_server_stop
check_not "without the plugin it refuses to start" lab_x server timeout $((10 * LAB_TIME_FACTOR)) \
	"$mesh_server" --listen="$mesh_address:8080" --state-directory="$LAB_DIR/server/state" \
	--plugin-directory="$mesh_plugins" --plugins="$without"
refusal=$(cat "$LAB_DIR/check.out")
echo "    $refusal"
check "it says what would be lost" grep -q ipam-v6 <<<"$refusal"
need mesh_server_start
check_same "nothing was lost" "$(mesh_tunnel_address alpha 6)" "$(mesh_device alpha tunnel_ip_v6)"
mesh_finish
