#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A kernel booted with ipv6.disable=1, which has no IPv6 sockets at all: server, agents and command
# line work all the same, with IPv4 alone.
. "$(dirname "$0")/../../netns/scenario.sh"

need test ! -e /proc/net/if_inet6
scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host spoke 3
matrix_host relay relay v4-only
matrix_host alpha ordinary v4-only
matrix_host spoke spoke v4-only
mesh_enrol relay --relay-node
need mesh_wait_running 0 relay
mesh_enrol alpha
mesh_enrol spoke --relay-only
need mesh_wait_running 2 relay alpha spoke
scenario_matrix 20
check_same "all are flagged" "false false false" \
	"$(mesh_devices | jq -r '[.[].ipv6_supported | tostring] | join(" ")')"
check_same "none has an IPv6 address" "" "$(mesh_devices | jq -r '.[].tunnel_ip_v6 | select(. != "" and . != null)')"
mesh_finish
