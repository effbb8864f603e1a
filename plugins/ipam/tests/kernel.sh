#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that the agent halves of both families do to a real kernel what they should, and nothing else: addresses, routes,
# what is left alone, 20,000 routes at once, IPv6 switched off and on again. A veth stands in for the tunnel.
# Usage: kernel.sh PROBE DIRECTORY-OF-AGENT-PLUGINS
probe=$1 plugins=$2
space=ipam-kernel-$$
. "$(dirname "$0")/check.sh"

inside sh -e <<'SETUP' || exit 1
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip link add wg0 type veth peer name wg0peer
ip link add eth0 type veth peer name eth0peer
ip link set wg0peer up
ip link set eth0peer up
ip link set wg0 up
ip link set eth0 up
ip address add 192.0.2.1/24 dev eth0
ip address add 2001:db8::1/64 dev eth0 nodad
SETUP

v4() { inside "$probe" "$plugins/ipam-v4.so" wg0; }
v6() { inside "$probe" "$plugins/ipam-v6.so" wg0; }
addresses4() { inside ip -4 -o address show dev wg0 | awk '{print $4}' | sort | tr '\n' ' '; }
addresses6() { inside ip -6 -o address show dev wg0 scope global | awk '{print $4}' | sort | tr '\n' ' '; }
routes4() { inside ip -4 route show dev wg0 | squeeze; }
routes6() { inside ip -6 route show dev wg0 | grep -v fe80 | sed 's/ pref medium//' | squeeze; }
others() { inside ip address show dev eth0; inside ip route show dev eth0; inside ip -6 route show dev eth0; }

before=$(others)
linklocal=$(inside ip -6 -o address show dev wg0 scope link | awk '{print $4}')

# --- addresses
expect "both families are there" "yes yes" "$(echo supported | v4) $(echo supported | v6)"
expect "v4: the address is set" ok "$(echo address 100.100.0.1 100.100.0.0/16 | v4)"
expect "v4: it stands alone" "100.100.0.1/32 " "$(addresses4)"
expect "v4: its scope is global" "inet 100.100.0.1/32 scope global wg0" \
	"$(inside ip -4 address show dev wg0 | grep inet | squeeze)"
expect "v4: the kernel makes no route of it" "" "$(routes4)"
expect "v6: the address is set" ok "$(echo address fd00:7::1 fd00:7::/64 | v6)"
expect "v6: it carries the organization's length" "fd00:7::1/64 " "$(addresses6)"
expect "v6: the kernel routes the organization's prefix" "fd00:7::/64 proto kernel metric 256" "$(routes6)"
expect "v6: it is usable at once" "" "$(inside ip -6 address show dev wg0 tentative | grep fd00)"

expect "again changes nothing" "ok ok" "$(echo address 100.100.0.1 100.100.0.0/16 | v4) $(echo address fd00:7::1 fd00:7::/64 | v6)"
expect "v4: still the one" "100.100.0.1/32 " "$(addresses4)"

inside ip address add 172.31.0.1/24 dev wg0
inside ip address add 2001:db8:f::1/64 dev wg0 nodad
expect "v4: another address replaces ours" ok "$(echo address 100.100.0.9 100.100.0.0/16 | v4)"
expect "v4: and leaves the operator's" "100.100.0.9/32 172.31.0.1/24 " "$(addresses4)"
expect "v6: the same in another prefix" ok "$(echo address fd00:7::1 fd00:7::/48 | v6)"
expect "v6: is not taken away; leaves the operator's" "2001:db8:f::1/64 fd00:7::1/64 " "$(addresses6)"
expect "v6: the kernel does not route the prefix that it was in" "" "$(routes6 | grep fd00)"
expect "v6: link-local stays" "$linklocal" "$(inside ip -6 -o address show dev wg0 scope link | awk '{print $4}')"
expect "none removes ours" "ok ok" "$(echo noaddress | v4) $(echo noaddress | v6)"
expect "and only ours" "172.31.0.1/24 2001:db8:f::1/64 " "$(addresses4)$(addresses6)"

# A kernel before 5.18 keeps no mark of whose an address is: the interface has ours alone.
old() { inside setarch "$(uname -m)" --uname-2.6 "$probe" "$plugins/ipam-$1.so" wg0; }
expect "an old kernel: the address is set" "ok ok" \
	"$(echo address 100.100.0.9 100.100.0.0/16 | old v4) $(echo address fd00:7::1 fd00:7::/48 | old v6)"
expect "an old kernel: what an earlier run left goes" "100.100.0.9/32 fd00:7::1/48 " "$(addresses4)$(addresses6)"
expect "an old kernel: link-local stays" "$linklocal" \
	"$(inside ip -6 -o address show dev wg0 scope link | awk '{print $4}')"
expect "an old kernel: and none is none" "ok ok " "$(echo noaddress | old v4) $(echo noaddress | old v6) $(addresses4)$(addresses6)"

# --- two addresses, while the organization is renumbered
deprecated6() { inside ip -6 -o address show dev wg0 scope global deprecated | awk '{print $4}' | sort | tr '\n' ' '; }
expect "v4: a second address stands beside the first" "ok 10.44.0.1/32 100.100.0.1/32 " \
	"$(echo addresses 100.100.0.1 100.100.0.0/16 10.44.0.1 10.44.0.0/16 | v4) $(addresses4)"
expect "v6: a second address stands beside the first" "ok fd00:7::1/64 fd00:8::1/56 " \
	"$(echo addresses fd00:7::1 fd00:7::/64 fd00:8::1 fd00:8::/56 | v6) $(addresses6)"
expect "v6: the kernel prefers the first" "fd00:8::1/56 fd00:7::1" \
	"$(deprecated6)$(inside ip -6 route get fd00:8::2 | grep -o 'src [^ ]*' | cut -d' ' -f2)"
ip netns exec "$space" timeout 30 ip monitor address >"$directory/events" 2>&1 &
monitor=$!
expect "v6: they change places" "ok fd00:7::1/64 fd00:8::1/56 fd00:7::1/64 " \
	"$(echo addresses fd00:8::1 fd00:8::/56 fd00:7::1 fd00:7::/64 | v6) $(addresses6)$(deprecated6)"
expect "v6: the kernel prefers the other" fd00:8::1 \
	"$(inside ip -6 route get fd00:7::2 | grep -o 'src [^ ]*' | cut -d' ' -f2)"
expect "v4: routes that stand get the other source" "ok
ok
ok
ok
10.44.0.2 proto 158 scope link src 10.44.0.1" "$(v4 <<'COMMANDS'
addresses 100.100.0.1 100.100.0.0/16 10.44.0.1 10.44.0.0/16
add 100.100.0.1 10.44.0.2/32
addresses 10.44.0.1 10.44.0.0/16 100.100.0.1 100.100.0.0/16
add 10.44.0.1 10.44.0.2/32
COMMANDS
)
$(routes4)"
expect "the same address in two prefixes is one" "ok 10.44.0.1/32 ok fd00:8::1/56 " \
	"$(echo addresses 10.44.0.1 10.44.0.0/16 10.44.0.1 10.0.0.0/8 | v4) $(addresses4)$(
	echo addresses fd00:8::1 fd00:8::/56 fd00:8::1 fd00:8::/48 | v6) $(addresses6)"
expect "v6: grown, the old prefix's route stays while it is the second" \
	"ok fd00:8::1/56 fd00:8::/56 proto kernel metric 256" \
	"$(echo addresses fd00:8::1 fd00:8::/48 fd00:8::1 fd00:8::/56 | v6) $(addresses6)$(routes6 | grep fd00)"
kill "$monitor"
wait "$monitor" 2>/dev/null
expect "no address that stayed was ever taken away" "" "$(grep -E '^Deleted .*(fd00:8::1|10\.44\.0\.1)' "$directory/events")"
expect "and none is none" "ok ok " "$(echo noaddress | v4) $(echo noaddress | v6) $(addresses4)$(addresses6)"
inside ip route flush dev wg0 proto 158

# --- routes
expect "v4: routes are added, twice without a failure" "ok
ok
ok" "$(v4 <<'COMMANDS'
address 100.100.0.1 100.100.0.0/16
add 100.100.0.1 100.100.0.2/32 100.100.0.0/16 10.9.0.0/24
add 100.100.0.1 100.100.0.2/32 100.100.0.0/16 10.9.0.0/24
COMMANDS
)"
expect "v4: as they should look" "10.9.0.0/24 proto 158 scope link src 100.100.0.1
100.100.0.0/16 proto 158 scope link src 100.100.0.1
100.100.0.2 proto 158 scope link src 100.100.0.1" "$(routes4)"
inside ip route add 10.8.0.0/24 dev wg0
inside ip route add 10.7.0.0/24 dev wg0 table 99 proto 158
expect "v4: ours are observed" "10.9.0.0/24 100.100.0.0/16 100.100.0.2/32 ok" \
	"$(echo observe | v4)"
expect "v4: only ours are removed, and gone ones are no failure" ok \
	"$(echo remove 10.9.0.0/24 10.8.0.0/24 100.100.0.0/16 100.100.0.77/32 | v4)"
expect "v4: what is left" "10.8.0.0/24 scope link
100.100.0.2 proto 158 scope link src 100.100.0.1" "$(routes4)"
expect "v4: another's route to the same place is left, and told" \
	"failed: this host has a route to 192.0.2.0/24 already, through eth0, which is left as it is: remove it if the \
prefix is to be reached through the mesh 192.0.2.0/24 proto kernel scope link src 192.0.2.1" \
	"$(echo add 100.100.0.1 192.0.2.0/24 | v4) $(inside ip route show dev eth0 | squeeze)"
inside ip route add blackhole 10.6.0.0/24
expect "v4: of several one is told, and the rest is done" \
	"failed: this host has a route to 10.6.0.0/24 already (and 1 more), 10.5.0.0/24" \
	"$(echo add 100.100.0.1 10.5.0.0/24 10.6.0.0/24 192.0.2.0/24 | v4 | cut -d, -f1), $(inside ip route show dev wg0 | awk '/^10.5/ {print $1}')"
expect "v4: the operator's through our interface is as good" ok "$(echo add 100.100.0.1 10.8.0.0/24 | v4)"
inside ip route del blackhole 10.6.0.0/24
echo remove 10.5.0.0/24 | v4 >/dev/null
echo remove 192.0.2.0/24 | v4 >/dev/null
inside ip route del 10.8.0.0/24 dev wg0

expect "v6: routes are added; the organization's stands already" "ok
ok
fd00:7::2/128 fd00:9::/48 fd00:7::/64 ok
ok
fd00:7::2/128 ok" "$(v6 <<'COMMANDS'
address fd00:7::1 fd00:7::/64
add fd00:7::1 fd00:7::2/128 fd00:7::/64 fd00:9::/48
observe
remove fd00:9::/48 fd00:7::/64
observe
COMMANDS
)"
inside ip -6 route add fd00:a::/48 dev eth0
expect "v6: another's route is left, and told" "failed: this host has a route to fd00:a::/48 already, through eth0" \
	"$(echo add fd00:7::1 fd00:a::/48 | v6 | cut -d, -f1,2)"
inside ip -6 route del fd00:a::/48 dev eth0
expect "v6: as they should look" "fd00:7::2 proto 158 metric 1024
fd00:7::/64 proto kernel metric 256" "$(routes6)"

expect "a refused route does not stop the others" "1 100.100.0.3" \
	"$(echo add 100.100.0.200 100.100.0.44/32 | v4 | grep -c refused) $(echo add 100.100.0.1 100.100.0.3/32 | v4 >/dev/null
	inside ip route show 100.100.0.3 | awk '{print $1}')"

# --- many
expect "v4: 20,000 routes" "ok 20000" "$(echo bulk-add 20000 | v4) $(inside ip route show dev wg0 | grep -c '^10\.')"
expect "v4: and away" "ok 0" "$(echo bulk-remove 20000 | v4) $(inside ip route show dev wg0 | grep -c '^10\.')"
expect "v6: 20,000 routes" "ok 20000" "$(echo bulk-add 20000 | v6) $(inside ip -6 route show dev wg0 | grep -c '^fd0b')"
expect "v6: and away" "ok 0" "$(echo bulk-remove 20000 | v6) $(inside ip -6 route show dev wg0 | grep -c '^fd0b')"

# --- this host's address towards another
inside ip route add default via 192.0.2.254 dev eth0
expect "source addresses" "192.0.2.1 100.100.0.1 2001:db8::1 fd00:7::1 none" \
	"$(echo source 198.51.100.1 | v4) $(echo source 100.100.0.2 | v4) $(echo source 2001:db8::99 | v6) $(echo source fd00:7::2 | v6) $(echo source 2001:db8:ffff::1 | v6)"
inside ip route del default

# --- IPv6 off and on again
expect "the other interface is as it was" "$before" "$(others)"
inside sysctl -qw net.ipv6.conf.all.disable_ipv6=1
expect "v6 off: seen" "IPv6 is switched off: net.ipv6.conf.all.disable_ipv6 is 1" "$(echo supported | v6)"
expect "v6 off: the address is refused as unsupported" unsupported \
	"$(echo address fd00:7::1 fd00:7::/64 | v6 | cut -d: -f1)"
expect "v6 off: a route is refused as unsupported" unsupported \
	"$(echo add fd00:7::1 fd00:7::2/128 | v6 | cut -d: -f1)"
expect "v6 off: no routes, nothing to remove" "ok
ok
ok" "$(printf 'observe\nremove fd00:7::2/128\nnoaddress\n' | v6)"
expect "v4 goes on" ok "$(echo add 100.100.0.1 100.100.0.5/32 | v4)"
inside sysctl -qw net.ipv6.conf.all.disable_ipv6=0
expect "v6 on again" "yes
ok" "$(printf 'supported\naddress fd00:7::1 fd00:7::/64\n' | v6)"
check_end
