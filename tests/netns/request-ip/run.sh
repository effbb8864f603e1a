#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A requested address is given, in both families, or refused with a reason a person can act on;
# never is another one given in silence. A host that an address is reserved for gets it without a request.
. "$(dirname "$0")/../scenario.sh"

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
need mesh_host gamma 3

mesh_enrol alpha --request-ip=100.100.0.7,200::7
need mesh_wait_running 0 alpha
check "the IPv4 address asked for is given" has_address alpha 4 100.100.0.7/32
check "the IPv6 address asked for is given" has_address alpha 6 200::7/64

# refused WHAT REQUEST WORDS: beta asks, and must be told, with these words in its log
refused()
{
	: >"$LAB_DIR/log/beta"
	mesh_enrol beta --request-ip="$2"
	check_soon "$1: the log says so" 15 grep -qiE "$3" "$LAB_DIR/log/beta"
	check_same "$1: nothing is enrolled in its place" "" "$(mesh_device beta id)"
	check "$1: no address on the host" has_no_family beta 4
	mesh_stop beta
}

refused "a taken IPv4 address" 100.100.0.7 '100\.100\.0\.7.*(taken|in use|exists)'
refused "a taken IPv6 address" 200::7 '200::7.*(taken|in use|exists)'
refused "an address outside the prefix" 10.1.2.3 '10\.1\.2\.3.*(outside|not in|prefix)'
refused "a free address with a taken one" 100.100.0.8,200::7 '200::7.*(taken|in use|exists)'
refused "a reserved address" 100.100.0.0 '100\.100\.0\.0.*reserved'
for range in 100.100.1.0/24 "100.100.1.9 --for-host=Gamma" "200::1:9 --for-host=gamma"; do
	# shellcheck disable=SC2086 # words
	need mesh_nexctl ipam reserve $range
done
refused "an address in a reserved range" 100.100.1.8 '100\.100\.1\.8.*reserved range 100\.100\.1\.0-100\.100\.1\.255'
refused "an address reserved for another host" 200::1:9 '200::1:9.*reserved for another'

mesh_enrol beta --request-ip=100.100.0.8,200::8
need mesh_wait_running 1 beta
check "the refused ones cost nothing: the free address is given, IPv4" has_address beta 4 100.100.0.8/32
check "the refused ones cost nothing: the free address is given, IPv6" has_address beta 6 200::8/64
check "IPv4 flows" mesh_ping alpha 100.100.0.8
check "IPv6 flows" mesh_ping alpha 200::8

mesh_enrol gamma
need mesh_wait_running 2 gamma
check "what is reserved for a host is given, IPv4" has_address gamma 4 100.100.1.9/32
check "what is reserved for a host is given, IPv6" has_address gamma 6 200::1:9/64
check "IPv4 flows to it" mesh_ping alpha 100.100.1.9
check "IPv6 flows to it" mesh_ping alpha 200::1:9
mesh_finish
