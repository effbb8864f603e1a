#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two spokes reach each other and the rest through the relay in both families, although the relay's
# forwarding was off. The relay keeps listening to router advertisements while it forwards. When
# nexd ends there, forwarding and firewall are as they were.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host relay 1
need mesh_host alpha 2
need mesh_host spoke1 3
need mesh_host spoke2 4
matrix_host relay relay
matrix_host alpha ordinary
matrix_host spoke1 spoke
matrix_host spoke2 spoke

setting() { ip netns exec "$LAB-relay" sysctl -n "$1"; }
tables() { ip netns exec "$LAB-relay" nft list tables; }

need ip netns exec "$LAB-relay" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
need ip netns exec "$LAB-relay" sysctl -qw net.ipv6.conf.eth0.accept_ra=1
before=$(host_state relay)

mesh_enrol relay --relay-node
need mesh_wait_running 0 relay
mesh_enrol alpha
mesh_enrol spoke1 --relay-only
mesh_enrol spoke2 --relay-only
need mesh_wait_running 3 relay alpha spoke1 spoke2
scenario_matrix 30

check_same "a spoke has one peer" relay "$(mesh_direct spoke1)"
check_same "the relay has all" "alpha spoke1 spoke2" "$(mesh_direct relay)"
check_same "the relay forwards IPv4" 1 "$(setting net.ipv4.ip_forward)"
check_same "the relay forwards IPv6" 1 "$(setting net.ipv6.conf.all.forwarding)"
check_same "it accepts router advertisements all the same" 2 "$(setting net.ipv6.conf.eth0.accept_ra)"
check "it has a firewall table" [ -n "$(tables)" ]

check "nexd on the relay ends in order" mesh_stop relay
check_same "the relay is as it was before nexd" "$before" "$(host_state relay)"

mesh_start relay
need mesh_wait_running 3 relay
scenario_matrix 30
mesh_stop relay KILL
mesh_start relay
need mesh_wait_running 3 relay
check "after SIGKILL and a new start, nexd on the relay ends in order" mesh_stop relay
check_same "and the relay is as it was all the same" "$before" "$(host_state relay)"
mesh_finish
