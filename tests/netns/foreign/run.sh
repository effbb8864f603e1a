#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever has the interface's name and is not nexd's is refused with what to do, and left exactly as it is: a WireGuard
# interface of somebody else, one of another kind, one of another nexd. nexd's own, left by a SIGKILL, is known by its
# key and taken over. Of two agents on one state directory, even started at once, one runs; two with everything of
# their own stand side by side in two organizations.
. "$(dirname "$0")/../scenario.sh"

# another_start NAME OPTION...: a further nexd on alpha, with a state directory and a socket of its own
another_start()
{
	local name=$1
	shift
	mkdir -p "$LAB_DIR/$name"
	lab_bg alpha "$LAB_DIR/log/$name" env NEXD_REGISTRATION_KEY="$mesh_key" "$mesh_nexd" \
		--service-url="$mesh_url" --hostname="$name" --state-directory="$LAB_DIR/$name/state" \
		--plugin-directory="$mesh_plugins" --control-socket="$(mesh_socket "$name")" "$@"
	mesh_pid["$name"]=$LAB_LAST
}

# everything: what alpha has, the tunnel's keys, peers and port included; counters and sessions change by themselves
everything()
{
	host_state alpha
	lab_x alpha wg showconf wg0 2>&1
}

# refused WHAT WHY: nexd on alpha must be, and nothing of the host may change by that
refused()
{
	local before
	before=$(everything)
	mesh_enrol alpha
	check "$1: refused with exit code 4" ends_with 4 alpha
	check "$1: and why" log_ends alpha "interface wg0 exists and is not ours: $2"
	check "$1: and what to do" log_ends alpha "Choose another --interface, or remove it (ip link delete wg0)"
	check_same "$1: it is as it was" "$before" "$(everything)"
}

scenario_begin
need mesh_host alpha 1
need mesh_host beta 2
need mesh_host gamma 3
mesh_enrol beta
need mesh_wait_running 0 beta

# --- somebody else's -------------------------------------------------------------------

need ip -n "$LAB-alpha" link add wg0 type bridge
refused "a bridge" "it is of kind bridge"
need ip -n "$LAB-alpha" link delete wg0

need lab_tunnel alpha wg0 192.0.2.1/24
lab_x alpha wg genkey >"$LAB_DIR/foreign.key"
need lab_x alpha wg set wg0 private-key "$LAB_DIR/foreign.key" listen-port 7777 \
	peer "$(lab_x alpha wg genkey | wg pubkey)" allowed-ips 192.0.2.0/24,2001:db8:9::/64 endpoint 10.99.0.2:7777
need ip -n "$LAB-alpha" link set wg0 up
refused "a tunnel of somebody else" "its private key is not this host's"
refused "once more" "its private key is not this host's"

before=$(lab_x alpha wg showconf wg0)
mesh_enrol alpha --interface=wg1
check "beside it, with --interface, nexd runs" mesh_wait_running 1 alpha
check_same "and the other one is as it was" "$before" "$(lab_x alpha wg showconf wg0)"
check "nexd ends in order" mesh_stop alpha
check_same "and so is it then" "$before" "$(lab_x alpha wg showconf wg0)"
need ip -n "$LAB-alpha" link delete wg0

# --- its own ---------------------------------------------------------------------------

mesh_enrol alpha
check "with the name free, nexd runs" mesh_wait_running 1 alpha

# taken HOST: nexd there knows that its interface is somebody else's now
taken()
{
	mesh_says "$1" status '.last_error | contains("was replaced by another one")'
}
need lab_x alpha wg set wg0 private-key "$LAB_DIR/foreign.key"
need ip -n "$LAB-alpha" address flush dev wg0 scope global
check_soon "somebody else takes the interface while nexd runs: it says so" 10 taken alpha
check "it gives it no address, IPv4" has_no_family alpha 4
check "it gives it no address, IPv6" has_no_family alpha 6
need lab_x alpha wg set wg0 private-key "$LAB_DIR/alpha/state/private.key"
check_soon "its own key again: it goes on with it, IPv4" 40 has_family alpha 4
check_soon "its own key again: it goes on with it, IPv6" 10 has_family alpha 6
check "and reaches beta" mesh_ping alpha "$(mesh_tunnel_address beta 4)" 20

# A host that lets the other greet first has no keepalive meanwhile.
settled() { lab_x alpha wg showconf wg0 | grep -q PersistentKeepalive; }
check_soon "and keeps its way there open" 30 settled
index=$(interface_index alpha)
before=$(lab_x alpha wg showconf wg0)

another_start second --state-directory="$LAB_DIR/alpha/state" --interface=wg2
check "a second nexd on the state directory is refused with exit code 4" ends_with 4 second
check "and told which one has it" log_ends second "another nexd (process ${mesh_pid[alpha]}) runs on the state directory"
another_start third
check "a nexd of another device on the interface is refused with exit code 4" ends_with 4 third
check "and told what to do" log_ends third "Choose another --interface"
check_same "the first one's tunnel is as it was" "$before" "$(lab_x alpha wg showconf wg0)"
check "and it runs on" mesh_is_running alpha 1

mesh_stop alpha KILL
before=$(everything)
another_start third
check "after a SIGKILL, another device's nexd does not take the tunnel" ends_with 4 third
check_same "and does not touch it" "$before" "$(everything)"
mesh_start alpha
check "its own does: the lock is free" mesh_wait_running 1 alpha
check_same "and the interface is the same" "$index" "$(interface_index alpha)"
check "it says that it took it over" grep -q "interface adopted" "$LAB_DIR/log/alpha"

mesh_stop alpha KILL
mesh_start alpha
first=${mesh_pid[alpha]}
mesh_start alpha
second=${mesh_pid[alpha]}
one_ended()
{
	ended "$first" || ended "$second"
}
check_soon "of two that start at once on one state directory, one ends" 30 one_ended
if ended "$first"; then gone=$first; else gone=$second mesh_pid[alpha]=$first; fi
wait "$gone"
check_same "with exit code 4" 4 $?
check "and the other one runs" mesh_wait_running 1 alpha

# --- side by side ----------------------------------------------------------------------

need mesh_nexctl organization create --name other --cidr 10.77.0.0/20 --cidr-v6 fd00:bbbb::/64 >/dev/null
need mesh_key_create --organization \
	"$(mesh_nexctl organization list --output json | jq -r '.[] | select(.name == "other") | .id')"
mesh_enrol gamma
another_start side --interface=wg1
check "a second nexd with everything of its own runs in another organization" mesh_wait_running 1 side gamma
for family in 4 6; do
	check "alpha reaches the first organization, IPv$family" mesh_ping alpha "$(mesh_tunnel_address beta $family)" 10
	check "alpha reaches the second organization, IPv$family" mesh_ping alpha "$(mesh_tunnel_address gamma $family)" 10
done
check "the second one ends in order" mesh_stop side
for family in 4 6; do
	check "and the first one is not touched, IPv$family" mesh_ping alpha "$(mesh_tunnel_address beta $family)" 10
done

another_start red --interface=wg5
another_start blue --interface=wg5
red_or_blue_ended()
{
	ended "${mesh_pid[red]}" || ended "${mesh_pid[blue]}"
}
check_soon "of two devices' nexd that start at once on one interface, one ends" 30 red_or_blue_ended
if ended "${mesh_pid[red]}"; then gone=red stays=blue; else gone=blue stays=red; fi
check "with exit code 4" ends_with 4 $gone
check "and why" log_ends $gone "interface wg5 exists and is not ours"
check "and the other one runs" mesh_wait_running 1 $stays gamma
mesh_finish
