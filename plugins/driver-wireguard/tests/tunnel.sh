#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tunnel.sh PROBE PLUGIN BACKEND: two hosts, a tunnel between them, and everything that the driver
# promises about it. BACKEND is "kernel" or "wireguard-go". Needs root and the packages iproute2,
# iputils-ping, wireguard-tools; for the latter backend wireguard-go and /dev/net/tun.
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }
probe=$1 plugin=$2 backend=$3
here=$(cd "$(dirname "$0")" && pwd)
LAB=nxwg
. "$here/../../../tests/lib/netlab.sh"
. "$here/../../../tests/lib/check.sh"
umask 000 # the driver must not depend on it

# drive_as HOST INTERFACE BACKEND PROGRAM LINE...: one life of an agent, which does these lines
drive_as()
{
	local host=$1 interface=$2 how=$3 program=$4
	shift 4
	printf '%s\n' "$@" |
		lab_x "$host" "$probe" "$plugin" "$LAB_DIR/$host/state" "$interface" "$how" "$program" 2>&1
}

drive()
{
	local host=$1
	shift
	drive_as "$host" wg0 "$backend" wireguard-go "$@"
}

# refused WORDS-OF-THE-MESSAGE DRIVE...: it must fail, and say so
refused()
{
	local words=$1 answer
	shift
	answer=$("$@") && { echo "$answer"; return 1; }
	echo "$answer"
	grep -q -- "$words" <<<"$answer"
}

# said WORDS DRIVE...: it must succeed, and say so
said()
{
	local words=$1 answer
	shift
	answer=$("$@") || { echo "$answer"; return 1; }
	echo "$answer"
	grep -q -- "$words" <<<"$answer"
}

interface_exists() { ip -n "$LAB-$1" link show "$2"; }
interface_absent() { ! ip -n "$LAB-$1" link show "$2"; }
interface_index() { ip -n "$LAB-$1" -o link show "$2" | cut -d: -f1; }
interface_by_hand() { lab_tunnel "$1" "$2"; }
reach() { ip netns exec "$LAB-$1" ping -qnc1 -W1 "$2"; }
socket_absent() { [ ! -e "$LAB_DIR/$1/run/wireguard/$2.sock" ]; }
nobody_in() { [ -z "$(ip netns pids "$LAB-$1")" ]; }
handshake() { drive "$1" up status | sed -n 's/.*handshake=\([0-9]*\).*/\1/p'; }
allowed() { lab_x "$1" wg show wg0 allowed-ips | grep -F "$2" | tr '\t' ' ' | cut -d' ' -f2- | tr ' ' '\n' | sort | xargs; }
peer_count() { lab_x "$1" wg show wg0 peers | wc -l; }

lab_begin || exit
lab_switch net
for n in 1 2; do
	lab_host h$n
	lab_plug net h$n eth0 10.99.0.$n/24 fd99::$n/64
	mkdir -m 700 "$LAB_DIR/h$n/state"
done

echo "--- the key"
key1=$(drive h1 key)
key2=$(drive h2 key)
check_same "a key is made once" "$key1" "$(drive h1 key)"
check_same "its file is 0600 under umask 000" 600 "$(stat -c %a "$LAB_DIR/h1/state/private.key")"
check_same "it is the key that wg computes" "$key1" "$(wg pubkey <"$LAB_DIR/h1/state/private.key")"
check_same "nothing else is in the state directory" private.key "$(ls "$LAB_DIR/h1/state")"
chmod 640 "$LAB_DIR/h1/state/private.key"
check "a key that others can read is refused" refused "mode 0640" drive h1 key
chmod 600 "$LAB_DIR/h1/state/private.key"

echo "--- up"
check "the interface is made" said "port=51820 mtu=1420 adopted=no backend=$backend" drive h1 "up 51820"
check "on the other host too, on any port" said "adopted=no backend=$backend" drive h2 "up"
check "it is adopted by the next life" said "port=51820 mtu=1420 adopted=yes backend=$backend" drive h1 "up"
port2=$(drive h2 up | sed -n 's/.*port=\([0-9]*\).*/\1/p')
check_same "the answered port is the real one" "$port2" "$(lab_x h2 wg show wg0 listen-port)"
for n in 1 2; do
	lab_address_add "$LAB-h$n" wg0 100.100.0.$n/24
	lab_address_add "$LAB-h$n" wg0 200::$n/64
done

echo "--- peers"
check "h1 gets a peer" drive h1 up "set $key2 10.99.0.2:$port2 0 100.100.0.2/32,200::2/128" apply
check "h2 gets a peer without an endpoint" drive h2 up "set $key1 keep 0 100.100.0.1/32,200::1/128" apply
check_soon "IPv4 goes through" 5 reach h1 100.100.0.2
check_soon "IPv6 goes through, both ways" 5 reach h2 200::1
check "the peer is observed as it was set" \
	said "^$key2 endpoint=10.99.0.2:$port2 keepalive=0 allowed=" drive h1 up peers
check "h2 has learned the endpoint" said "^$key1 endpoint=10.99.0.1:51820 keepalive=0" drive h2 up peers
check "keepalive changes, the learned endpoint stays" said "endpoint=10.99.0.1:51820 keepalive=25" \
	drive h2 up "set $key1 keep 25 100.100.0.1/32,200::1/128" apply peers
check "an IPv6 endpoint is set when told" said "endpoint=\[fd99::1\]:51820" \
	drive h2 up "set $key1 [fd99::1]:51820 25 100.100.0.1/32,200::1/128" apply peers
check_soon "and used" 5 reach h2 100.100.0.1
check "bytes are counted" said "handshake=[1-9][0-9]* received=[1-9][0-9]* sent=[1-9]" drive h1 up status
check "a peer that is wrong is refused" refused "all-zero key" drive h1 up \
	"set AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= keep 0 none" apply

echo "--- the next life"
index=$(interface_index h1 wg0)
before=$(handshake h1)
ip netns exec "$LAB-h1" ping -qn -i 0.05 -c 80 -W 5 100.100.0.2 >"$LAB_DIR/flood" 2>&1 &
flood=$!
for _ in 1 2 3 4 5 6; do
	check "adopted under way" said "adopted=yes" drive h1 "up 51820" \
		"set $key2 keep 0 100.100.0.2/32,200::2/128" apply stands
done
wait $flood
check "no ping of a flood is lost" grep -q " 0% packet loss" "$LAB_DIR/flood"
check_same "the handshake is the same" "$before" "$(handshake h1)"
check_same "the index is the same" "$index" "$(interface_index h1 wg0)"
check "port and MTU change in place" said "index=$index port=51822 mtu=1380 adopted=yes" drive h1 "up 51822 1380"
check "they are so" said "mtu 1380" ip -n "$LAB-h1" link show wg0
check_soon "the tunnel goes on" 5 reach h1 100.100.0.2
check "and back" said "port=51820 mtu=1420" drive h1 "up 51820"
check "an interface that is set down does not stand" refused "does not stand" drive h1 up "sh ip link set wg0 down" stands
check "it is set up again" drive h1 "up 51820" stands
lab_address_add "$LAB-h1" wg0 200::1/64 # the kernel drops IPv6 addresses of interfaces that go down
check_soon "with its peers" 5 reach h1 100.100.0.2

echo "--- allowed IPs"
other=$(wg genkey | wg pubkey)
check "they move to a peer that comes later" drive h1 up "set $other keep 0 10.9.0.0/24,10.8.0.0/24" \
	"set $key2 keep 0 10.9.0.0/24,100.100.0.2/32,200::2/128" apply
check_same "the later peer has them" "10.9.0.0/24 100.100.0.2/32 200::2/128" "$(allowed h1 "$key2")"
check_same "the earlier one has lost them" "10.8.0.0/24" "$(allowed h1 "$other")"
check "they are exchanged in one go" drive h1 up "set $key2 keep 0 10.8.0.0/24,100.100.0.2/32,200::2/128" \
	"set $other keep 0 10.9.0.0/24" apply
check_same "here" "10.8.0.0/24 100.100.0.2/32 200::2/128" "$(allowed h1 "$key2")"
check_same "and there" "10.9.0.0/24" "$(allowed h1 "$other")"
check "they move from a peer that is removed later" drive h1 up \
	"set $key2 keep 0 10.9.0.0/24,100.100.0.2/32,200::2/128" "remove $other" apply
check_same "and stay" "10.9.0.0/24 100.100.0.2/32 200::2/128" "$(allowed h1 "$key2")"
check "a removed peer is removed again" drive h1 up "remove $other" apply

echo "--- many"
check "700 peers at once" drive h1 up "crowd 700" apply
check_same "they are there" 701 "$(peer_count h1)"
check_same "and observed" 701 "$(drive h1 up peers | grep -c endpoint=)"
check "three peers with 2,000 allowed IPs each" drive h1 up "crowd 3 2000" apply
check_same "all of them are there" 6697 "$(lab_x h1 wg show wg0 allowed-ips | grep -o fd01: | wc -l)"
check_same "and observed with their peers" "2000 2000 2000" \
	"$(drive h1 up peers | awk -F'fd01:' 'NF > 2 { print NF - 1 }' | xargs)"
check "fewer replace them" drive h1 up "crowd 3 2" apply
check_same "only those are left" 703 "$(lab_x h1 wg show wg0 allowed-ips | grep -o fd01: | wc -l)"
check_soon "the tunnel has not suffered" 5 reach h1 100.100.0.2

echo "--- what is not ours"
(umask 077 && wg genkey >"$LAB_DIR/foreign")
lab_x h1 wg set wg0 private-key "$LAB_DIR/foreign"
check "an interface with another key is refused" \
	refused "private key is not this host's. Choose another --interface, or remove it (ip link delete wg0)" \
	drive h1 up
check_same "and left as it is" "$(wg pubkey <"$LAB_DIR/foreign")" "$(lab_x h1 wg show wg0 public-key)"
lab_x h1 wg set wg0 private-key "$LAB_DIR/h1/state/private.key"
check "a key that is replaced later is noticed" refused "was replaced" \
	drive h1 up "sh wg set wg0 private-key $LAB_DIR/foreign" peers
check "and its interface not removed" said "is left in place" \
	drive h1 "sh wg set wg0 private-key $LAB_DIR/h1/state/private.key" up \
	"sh wg set wg0 private-key $LAB_DIR/foreign" down
check "indeed" interface_exists h1 wg0
lab_x h1 wg set wg0 private-key "$LAB_DIR/h1/state/private.key"
check "our key again, and it is ours again" said "adopted=yes" drive h1 up

ip -n "$LAB-h1" link add wg5 type bridge
check "a bridge of that name is refused" refused "of kind bridge" drive_as h1 wg5 auto wireguard-go up
check "and stays" interface_exists h1 wg5
ip -n "$LAB-h1" link property add dev eth0 altname wg6
check "an alternative name is refused" refused "alternative" drive_as h1 wg6 auto wireguard-go up
if [ -e /dev/net/tun ]; then
	ip -n "$LAB-h1" tuntap add wg7 mode tun
	check "a tun interface of someone else is refused" refused "tun interface" \
		drive_as h1 wg7 auto wireguard-go up
	check "and stays" interface_exists h1 wg7
fi
check "a name that cannot be is refused" refused "cannot be" drive_as h1 ../wg "$backend" wireguard-go up
check "a port that is taken is refused" refused "in use" drive_as h1 wg4 "$backend" wireguard-go "up 51820"
check "and the new interface is gone again" lab_wait 5 interface_absent h1 wg4
check "a second interface has a port of its own" drive_as h1 wg4 "$backend" wireguard-go "up 51900"
check "a taken port does not harm an adopted one" refused "in use" drive h1 "up 51900"
check "it listens where it did" said "port=51820" drive h1 up
check_soon "and works" 5 reach h1 100.100.0.2
check "the second one goes" drive_as h1 wg4 "$backend" wireguard-go up down

interface_by_hand h2 wg3
check "an interface without a key and peers is taken" said "adopted=no" drive_as h2 wg3 auto wireguard-go up
check "it has our key now" said "adopted=yes" drive_as h2 wg3 auto wireguard-go up down
interface_by_hand h2 wg3
lab_x h2 wg set wg3 peer "$other"
check "one without a key, but with peers, is refused" refused "it has peers" drive_as h2 wg3 auto wireguard-go up
ip -n "$LAB-h2" link delete wg3

# Killed at any moment while it makes an interface: the next life must get along with what is there.
killed=0
for delay in 0.001 0.002 0.004 0.006 0.008 0.01 0.012 0.014 0.016 0.018 0.02 0.025 0.03 0.04 0.05; do
	# shellcheck disable=SC2016 # expanded over there
	lab_x h2 sh -c 'echo up 51999 | timeout -s KILL "$0" "$@"' "$delay" \
		"$probe" "$plugin" "$LAB_DIR/h2/state" wg9 "$backend" >/dev/null 2>&1 || killed=$((killed + 1))
	# A wireguard-go that the killed one was starting may still be on its way.
	lab_wait 5 said "port=51999" drive_as h2 wg9 "$backend" wireguard-go "up 51999" down || break
done
echo "killed $killed times"
check "lives that follow a killed one come up" test "$delay" = 0.05
check "and leave nothing" interface_absent h2 wg9

check "an unknown backend is refused" refused "must be auto, kernel or wireguard-go" \
	drive_as h1 wg0 magic wireguard-go up
check "a path is no program" refused "without a directory" drive_as h1 wg0 auto /bin/wireguard-go up
check "a program that is not there is named" refused "no-such-wg is not installed" \
	drive_as h1 wg8 wireguard-go no-such-wg up

if [ "$backend" = wireguard-go ]; then
	. "$here/tunnel-userspace.sh"
else
	check "the other backend does not take it" refused "backend is set to wireguard-go" \
		drive_as h1 wg0 wireguard-go wireguard-go up
fi

echo "--- down"
check "a peer goes" drive h1 up "remove $key2" apply
check_not "and with it the traffic" reach h1 100.100.0.2
for n in 1 2; do
	check "the interface of h$n is removed" drive h$n up down
	check "it is gone" interface_absent h$n wg0
	check_soon "so is its socket" 5 socket_absent h$n wg0
	check_soon "nobody is left in h$n" 5 nobody_in h$n
done
check_report
